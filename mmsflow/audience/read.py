"""Reading the audience: every row of the sources becomes a recipient, or is set aside with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from mmsflow.audience.consent import (
    ReadLists,
    Refusals,
    collect_refusals,
    pack_place,
    read_number,
    shown_place,
)
from mmsflow.audience.jsonl_lists import Cell
from mmsflow.audience.model import Counts, ListDigest, Recipient, SetAside
from mmsflow.audience.sources import SourcePlan, plan_sources
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.templating import Templates
from mmsflow.mms.msisdn import BadNumber, usual_spelling
from mmsflow.mms.status import Bucket

_LONGEST_SHOWN_CELL = 100


class Audience:
    """The recipients of a campaign, streamed from its sources.

    Memory grows with the distinct numbers only: one integer each for finding duplicates, one for each refusal.

    Args:
        campaign: its ``recipients``, ``exclude`` and ``consent``.
        workspace: folder that list paths start from.
        templates: compiles ``where``.
    """

    def __init__(self, campaign: Campaign, workspace: Path, templates: Templates) -> None:
        self._campaign = campaign
        self._workspace = workspace
        self._templates = templates
        self._read_lists = ReadLists()
        self._ordinal = 0
        self._buckets: Counter[Bucket] = Counter()
        self._codes: Counter[str] = Counter()

    @cached_property
    def plans(self) -> tuple[SourcePlan, ...]:
        """How each source is read, in order.

        Raises:
            InvalidInput: everything that is wrong with any header, path or filter.
        """
        column = self._campaign.consent.column if self._campaign.consent else None
        return plan_sources(self._campaign.recipients, self._workspace, self._templates, column)

    @cached_property
    def refusals(self) -> Refusals:
        """Opt-outs and refused consents, read once.

        Raises:
            InvalidInput: a list or an opt-out entry cannot be read.
        """
        excluded = plan_sources(self._campaign.exclude, self._workspace, self._templates, None)
        asked = self.plans if self._campaign.consent else ()
        return collect_refusals(self._campaign, self._workspace, excluded, asked, self._read_lists)

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Each column that any source has, with the sources that have it; a source is named once."""
        having: dict[str, dict[str, None]] = {}
        for plan in self.plans:
            for column in plan.columns:
                having.setdefault(column, {})[plan.name] = None
        return {column: tuple(names) for column, names in having.items()}

    @property
    def inputs(self) -> tuple[ListDigest, ...]:
        """The lists that were read to their end so far: all of them once ``rows`` is exhausted."""
        return self._read_lists.digests()

    @property
    def counts(self) -> Counts:
        """How the rows came out that ``rows`` has yielded so far."""
        aside = self._buckets.total()
        return Counts(self._ordinal, self._ordinal - aside, dict(self._buckets), dict(self._codes))

    def rows(self) -> Iterator[Recipient | SetAside]:
        """Yield every data row, in order of the sources; each call reads the lists from their start.

        A row is judged in this order: well-formed → ``where`` → number → opt-out → consent → duplicate of a row
        that is sent.

        Raises:
            InvalidInput: a list cannot be read, or changed since an earlier pass; located.
        """
        refusals = self.refusals
        self._ordinal = 0
        self._buckets.clear()
        self._codes.clear()
        seen: dict[int, int] = {}
        for index, plan in enumerate(self.plans):
            yield from self._source_rows(index, plan, refusals, seen)

    def _source_rows(
        self, index: int, plan: SourcePlan, refusals: Refusals, seen: dict[int, int]
    ) -> Iterator[Recipient | SetAside]:
        name, columns, number_at = plan.name, plan.columns, plan.number_at
        opt_outs, no_consent = refusals.opt_outs, refusals.no_consent
        base, match = pack_place(index, 0), usual_spelling()
        with plan.open() as table:
            width = table.width
            for row, cells, kept in plan.judged_rows(table):
                self._ordinal += 1
                if len(cells) > width:
                    yield self._malformed(plan, row, cells)
                    continue
                cell = cells[number_at]
                usual = match(cell) if type(cell) is str else None
                msisdn = "+48" + usual[1] if usual else read_number(cell)
                if not kept:
                    yield self._filtered(plan, row, cell, msisdn)
                elif isinstance(msisdn, BadNumber):
                    yield self._aside(plan, row, _shown(cell), Bucket.INVALID, msisdn.code, msisdn.explanation)
                else:
                    number, place = int(msisdn[3:]), base | row
                    if number in opt_outs or number in no_consent:
                        yield self._refused(plan, row, msisdn, refusals, place)
                    elif (first := seen.setdefault(number, place)) != place:
                        yield self._duplicate(plan, row, msisdn, first)
                    else:
                        yield Recipient(self._ordinal, name, row, msisdn, _filled(columns, cells))
            self._read_lists.add(table.digest())

    def _aside(self, plan: SourcePlan, row: int, number: str, bucket: Bucket, code: str, reason: str) -> SetAside:
        self._buckets[bucket] += 1
        self._codes[code] += 1
        return SetAside(self._ordinal, plan.name, row, number, bucket, code, reason)

    def _malformed(self, plan: SourcePlan, row: int, cells: Sequence[Cell]) -> SetAside:
        reason = f"the row has {len(cells)} cells, the header {len(plan.columns)}; quote cells that hold the delimiter"
        return self._aside(plan, row, _shown(cells[plan.number_at]), Bucket.INVALID, "malformed_row", reason)

    def _filtered(self, plan: SourcePlan, row: int, cell: Cell, msisdn: str | BadNumber) -> SetAside:
        number = msisdn if isinstance(msisdn, str) else _shown(cell)
        return self._aside(plan, row, number, Bucket.EXCLUDED, "filtered", f"filtered by where: {plan.where}")

    def _refused(self, plan: SourcePlan, row: int, msisdn: str, refusals: Refusals, place: int) -> SetAside:
        number = int(msisdn[3:])
        code, reason = refusals.find(number) or ("", "")
        if code == "no_consent" and refusals.no_consent[number] == place:
            reason = self._own_refusal()
        return self._aside(plan, row, msisdn, Bucket.EXCLUDED, code, reason)

    def _own_refusal(self) -> str:
        consent = self._campaign.consent
        assert consent is not None
        return f"no consent: {consent.column!r} is none of {', '.join(consent.accept)}"

    def _duplicate(self, plan: SourcePlan, row: int, msisdn: str, first: int) -> SetAside:
        reason = f"same number as {shown_place(self.plans, first)}"
        return self._aside(plan, row, msisdn, Bucket.DUPLICATE, "duplicate", reason)


def _filled(columns: Sequence[str], cells: Sequence[Cell]) -> dict[str, object]:
    """The cells by column, without those that are empty or hold spaces only: they count as missing."""
    return {column: cell for column, cell in zip(columns, cells, strict=False) if type(cell) is not str or cell.strip()}


def _shown(cell: Cell) -> str:
    """The cell as it stands, cut where it is absurdly long."""
    text = str(cell)
    return text if len(text) <= _LONGEST_SHOWN_CELL else text[: _LONGEST_SHOWN_CELL - 1] + "…"
