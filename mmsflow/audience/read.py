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
    plan_exclusions,
    read_number,
    shown_place,
)
from mmsflow.audience.history import History, excluded_by_history
from mmsflow.audience.jsonl_lists import Cell
from mmsflow.audience.model import Counts, ListDigest, Recipient, SetAside
from mmsflow.audience.sources import SourcePlan, Wanted, plan_sources
from mmsflow.audience.xlsx_cells import FaultyCell
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.sources import XlsxSource
from mmsflow.campaign.templating import Templates
from mmsflow.mms.msisdn import BadNumber, usual_spelling
from mmsflow.mms.status import Bucket

_LONGEST_SHOWN_CELL = 100
MORE_CELLS = "more_cells"


class Audience:
    """The recipients of a campaign, streamed from its sources.

    Memory grows with the distinct numbers only: one integer each for finding duplicates, one for each refusal.

    Args:
        campaign: its ``recipients``, ``exclude``, ``consent`` and ``report.segments``.
        workspace: folder that list paths start from.
        templates: compiles ``where``.
        history: who had a message before.
        suppression: path of the workspace's suppression list; empty without one.
        keep_cells: keep the cells of rows that are set aside.
    """

    def __init__(
        self,
        campaign: Campaign,
        workspace: Path,
        templates: Templates,
        *,
        history: History | None = None,
        suppression: str = "",
        keep_cells: bool = False,
    ) -> None:
        self._campaign = campaign
        self._workspace = workspace
        self._templates = templates
        self._history = history or History()
        self._suppression = suppression
        self._keep_cells = keep_cells
        self._excluded = excluded_by_history(campaign, self._history)
        self._read_lists = ReadLists()
        self._ordinal = 0
        self._buckets: Counter[Bucket] = Counter()
        self._codes: Counter[str] = Counter()
        self._remarks: dict[str, None] = {}

    @cached_property
    def plans(self) -> tuple[SourcePlan, ...]:
        """How each source is read, in order.

        Raises:
            InvalidInput: everything that is wrong with any header, path or filter.
        """
        wanted = Wanted(self._campaign.consent, self._campaign.report.segments, self._history)
        return plan_sources(self._campaign.recipients, self._workspace, self._templates, wanted)

    @cached_property
    def refusals(self) -> Refusals:
        """The suppression list, opt-outs and refused consents, read once.

        Raises:
            InvalidInput: a list or an entry cannot be read.
        """
        excluded = plan_exclusions(self._campaign, self._workspace, self._templates, self._history)
        asked = self.plans if self._campaign.consent else ()
        return collect_refusals(self._campaign, self._workspace, excluded, asked, self._read_lists, self._suppression)

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Each column that any source has, with the sources that have it; a source is named once."""
        having: dict[str, dict[str, None]] = {}
        for plan in self.plans:
            for column in plan.columns:
                having.setdefault(column, {})[plan.name] = None
        return {column: tuple(names) for column, names in having.items()}

    @property
    def variables(self) -> tuple[str, ...]:
        """What templates may use: the columns of all sources as templates call them."""
        return tuple(dict.fromkeys(name for plan in self.plans for name in plan.variables))

    @property
    def inputs(self) -> tuple[ListDigest, ...]:
        """The lists that were read to their end so far: all of them once ``rows`` is exhausted."""
        return self._read_lists.digests()

    @property
    def counts(self) -> Counts:
        """How the rows came out that ``rows`` has yielded so far."""
        aside = self._buckets.total()
        return Counts(self._ordinal, self._ordinal - aside, dict(self._buckets), dict(self._codes))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person may not expect of the lists, such as hidden rows; once ``rows`` is exhausted."""
        return tuple(self._remarks)

    def rows(self) -> Iterator[Recipient | SetAside]:
        """Yield every data row, in order of the sources; each call reads the lists from their start.

        A row is judged in this order: well-formed → suppression list → ``where`` → number → opt-out → consent and its
        evidence → earlier campaigns → cap → duplicate of a row that is sent.

        Raises:
            InvalidInput: a list cannot be read, or changed since an earlier pass; located.
        """
        refusals = self.refusals
        self._ordinal = 0
        self._buckets.clear()
        self._codes.clear()
        self._remarks.clear()
        seen: dict[int, int] = {}
        for index, plan in enumerate(self.plans):
            yield from self._source_rows(index, plan, refusals, seen)

    def _source_rows(
        self, index: int, plan: SourcePlan, refusals: Refusals, seen: dict[int, int]
    ) -> Iterator[Recipient | SetAside]:
        name, variables, number_at = plan.name, plan.variables, plan.number_at
        base, match = pack_place(index, 0), usual_spelling()
        opt_outs, no_consent, suppressed = refusals.opt_outs, refusals.no_consent, refusals.suppressed
        looks_further = bool(plan.evidence_at or plan.history or self._excluded or self._history.capped)
        consent_at, segments_at = _beside(plan), plan.segments_at
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
                if isinstance(msisdn, BadNumber):
                    if not kept:
                        yield self._filtered(plan, row, cells, _shown(cell))
                    else:
                        yield self._aside(
                            plan, row, cells, _shown(cell), Bucket.INVALID, msisdn.code, msisdn.explanation
                        )
                    continue
                number, place = int(msisdn[3:]), base | row
                if number in suppressed:
                    yield self._refused(plan, row, cells, msisdn, refusals, place)
                elif not kept:
                    yield self._filtered(plan, row, cells, msisdn)
                elif number in opt_outs or number in no_consent:
                    yield self._refused(plan, row, cells, msisdn, refusals, place)
                elif looks_further and (found := self._left_out(plan, cells, number)):
                    yield self._aside(plan, row, cells, msisdn, Bucket.EXCLUDED, *found)
                elif (first := seen.setdefault(number, place)) != place:
                    reason = f"same number as {shown_place(self.plans, first)}"
                    yield self._aside(plan, row, cells, msisdn, Bucket.DUPLICATE, "duplicate", reason)
                else:
                    yield Recipient(
                        self._ordinal,
                        name,
                        row,
                        msisdn,
                        _filled(variables, cells),
                        _picked(cells, consent_at) if consent_at else (),
                        _picked(cells, segments_at) if segments_at else (),
                    )
            self._read_lists.add(table.digest())
            self._remarks.update(dict.fromkeys(table.remarks()))

    def _left_out(self, plan: SourcePlan, cells: Sequence[Cell], number: int) -> tuple[str, str] | None:
        """(code, reason) of why a row gets no message although nobody refuses it; None when it gets one."""
        for at, column in zip(plan.evidence_at, self._evidence_columns, strict=True) if plan.evidence_at else ():
            if at is None or not str(cells[at]).strip():
                return "no_consent_evidence", f"the consent has no proof: {column!r} is empty"
        for query, numbers in self._excluded:
            if number in numbers:
                return "already_received", f"had {query.text}"
        if plan.history is not None and (found := plan.history.judge(number)):
            return found
        if (capped := self._history.capped) is not None and (reason := capped.reason(number)):
            return "at_most", reason
        return None

    @property
    def _evidence_columns(self) -> tuple[str, ...]:
        return self._campaign.consent.evidence if self._campaign.consent else ()

    def _aside(
        self, plan: SourcePlan, row: int, cells: Sequence[Cell], number: str, bucket: Bucket, code: str, reason: str
    ) -> SetAside:
        self._buckets[bucket] += 1
        self._codes[code] += 1
        segments = _picked(cells, plan.segments_at) if plan.segments_at else ()
        kept = _every_cell(plan, cells) if self._keep_cells else {}
        return SetAside(self._ordinal, plan.name, row, number, bucket, code, reason, segments, kept)

    def _malformed(self, plan: SourcePlan, row: int, cells: Sequence[Cell]) -> SetAside:
        fix = "quote cells that hold the delimiter"
        if isinstance(plan.source, XlsxSource):
            fix = "give what stands right of them a header, or delete it"
        reason = f"the row has {len(cells)} cells, the header {len(plan.columns)}; {fix}"
        return self._aside(plan, row, cells, _shown(cells[plan.number_at]), Bucket.INVALID, "malformed_row", reason)

    def _filtered(self, plan: SourcePlan, row: int, cells: Sequence[Cell], number: str) -> SetAside:
        return self._aside(plan, row, cells, number, Bucket.EXCLUDED, "filtered", f"filtered by where: {plan.where}")

    def _refused(
        self, plan: SourcePlan, row: int, cells: Sequence[Cell], msisdn: str, refusals: Refusals, place: int
    ) -> SetAside:
        number = int(msisdn[3:])
        code, reason = refusals.find(number) or ("", "")
        if code == "no_consent" and refusals.no_consent[number] == place:
            reason = self._own_refusal()
        return self._aside(plan, row, cells, msisdn, Bucket.EXCLUDED, code, reason)

    def _own_refusal(self) -> str:
        consent = self._campaign.consent
        assert consent is not None
        return f"no consent: {consent.column!r} is none of {', '.join(consent.accept)}"


def _beside(plan: SourcePlan) -> tuple[int | None, ...]:
    """Where the cells stand that prove a consent: the one that accepts first; empty where none is asked."""
    return () if plan.consent_at is None else (plan.consent_at, *plan.evidence_at)


def _picked(cells: Sequence[Cell], places: Sequence[int | None]) -> tuple[str, ...]:
    """The cells at these places as texts; an empty one where there is no such cell."""
    return tuple("" if at is None else str(cells[at]).strip() for at in places)


def _filled(variables: Sequence[str], cells: Sequence[Cell]) -> dict[str, object]:
    """The cells by variable, without those that are empty or hold spaces only: they count as missing."""
    return {
        # A text that a workbook has spoiled for the number is an ordinary text for everything else.
        name: cell if type(cell) is not FaultyCell else str(cell)
        for name, cell in zip(variables, cells, strict=False)
        if (cell.strip() if isinstance(cell, str) else True)
    }


def _every_cell(plan: SourcePlan, cells: Sequence[Cell]) -> dict[str, object]:
    """A row's cells by column, as they stand; what stands right of the columns is under ``more_cells``."""
    kept: dict[str, object] = {
        column: cell.shown if isinstance(cell, FaultyCell) else cell
        for column, cell in zip(plan.columns, cells, strict=False)
    }
    if plan.is_file and len(cells) > len(plan.columns):
        kept[MORE_CELLS] = " | ".join(str(cell) for cell in cells[len(plan.columns) :])
    return kept


def _shown(cell: Cell) -> str:
    """The cell as it stands, cut where it is absurdly long."""
    text = cell.shown if isinstance(cell, FaultyCell) else str(cell)
    return text if len(text) <= _LONGEST_SHOWN_CELL else text[: _LONGEST_SHOWN_CELL - 1] + "…"
