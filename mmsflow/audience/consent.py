"""Who must not be sent to: the suppression list, opt-out lists, and every number that has a row without consent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mmsflow.audience.history import History
from mmsflow.audience.jsonl_lists import Cell
from mmsflow.audience.model import ListDigest
from mmsflow.audience.open_lists import INLINE
from mmsflow.audience.sources import SourcePlan, Wanted, changed_while_read, plan_sources
from mmsflow.audience.xlsx_cells import FaultyCell
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.sources import CsvSource, HistorySource, JsonLinesSource, XlsxSource
from mmsflow.campaign.templating import Templates
from mmsflow.errors import Finding, InvalidInput
from mmsflow.mms.msisdn import BadNumber, parse_msisdn

# Numbers of this kind are readable and can never be a recipient: an opt-out list may hold them.
HARMLESS = frozenset({"landline", "foreign", "m2m", "special_service"})
"""Codes of ``BadNumber`` that an opt-out list may hold."""
_MOST_FINDINGS = 50
_ROW_BITS = 40

FileState = tuple[int, int, int, int]


def read_number(cell: Cell) -> str | BadNumber:
    """The number in a cell of any kind; a JSON number is read as it is spelled."""
    if type(cell) is FaultyCell:
        return cell.fault
    return parse_msisdn(cell if isinstance(cell, str) else str(cell))


def pack_place(source: int, row: int) -> int:
    """A row of a source as one integer: a million of them must fit in memory."""
    return source << _ROW_BITS | row


def unpack_place(place: int) -> tuple[int, int]:
    """(source, row) of ``pack_place``."""
    return place >> _ROW_BITS, place & (1 << _ROW_BITS) - 1


def shown_place(plans: Sequence[SourcePlan], place: int) -> str:
    """A row's place for people: ``lists/a.csv row 12``."""
    source, row = unpack_place(place)
    name = plans[source].name
    return f"{name} recipient {row}" if name == INLINE else f"{name} row {row}"


class ReadLists:
    """What was read of each list, by digest; every pass over a list must see the same bytes."""

    def __init__(self) -> None:
        self._seen: dict[str, ListDigest] = {}

    def add(self, digest: ListDigest | None) -> None:
        """Note a list that was read to its end.

        Raises:
            InvalidInput: an earlier pass read something else.
        """
        if digest is not None and self._seen.setdefault(digest.path, digest) != digest:
            raise changed_while_read(digest.path)

    def digests(self) -> tuple[ListDigest, ...]:
        """In the order of the first reading."""
        return tuple(self._seen.values())


@dataclass(frozen=True, slots=True)
class Refusals:
    """Numbers that must not be sent to, each with the row that says so.

    Attributes:
        suppressed: nine digits → packed place in ``suppression_lists``; beats everything else.
        opt_outs: nine digits → packed place in ``opt_out_lists``.
        no_consent: nine digits → packed place in ``consent_lists``.
        workspace, file_states: to see whether a list has changed since.
    """

    opt_outs: Mapping[int, int]
    no_consent: Mapping[int, int]
    opt_out_lists: Sequence[SourcePlan]
    consent_lists: Sequence[SourcePlan]
    workspace: Path
    file_states: Mapping[str, FileState | None]
    suppressed: Mapping[int, int] = field(default_factory=dict)
    suppression_lists: Sequence[SourcePlan] = ()

    def is_refused(self, msisdn: str) -> str | None:
        """Why the number must not be sent to, None when it may. ``msisdn`` is E.164."""
        found = self.find(int(msisdn[3:]))
        return found[1] if found else None

    def find(self, number: int) -> tuple[str, str] | None:
        """(code, reason) for a number's nine digits, None when it may be sent to."""
        if (place := self.suppressed.get(number)) is not None:
            return "suppressed", f"suppressed for good: {shown_place(self.suppression_lists, place)}"
        if (place := self.opt_outs.get(number)) is not None:
            return "opt_out", f"opted out: {shown_place(self.opt_out_lists, place)}"
        if (place := self.no_consent.get(number)) is not None:
            return "no_consent", f"no consent in {shown_place(self.consent_lists, place)}"
        return None

    def is_current(self) -> bool:
        """Whether no list was touched since it was read; False asks for reading them again."""
        return all(_file_state(self.workspace, name) == state for name, state in self.file_states.items())


def refusals(
    campaign: Campaign,
    workspace: Path,
    *,
    suppression: str = "",
    history: History | None = None,
    consent_lists: bool = True,
) -> Refusals:
    """Read the suppression list, the opt-outs and the refused consents of a campaign anew, as before a send.

    Args:
        campaign: its ``exclude``, and ``recipients`` where it has ``consent``.
        workspace: folder that list paths start from.
        suppression: path of the workspace's suppression list; empty without one.
        history: who had a message before, for lists of ``exclude`` that ask for it.
        consent_lists: False leaves the consents out.

    Raises:
        InvalidInput: a list or an entry cannot be read; never an empty set instead.
    """
    templates = Templates(workspace)
    known = history or History()
    consent = campaign.consent if consent_lists else None
    lists = [source for source in campaign.recipients if not isinstance(source, HistorySource)]
    asked = plan_sources(lists, workspace, templates, Wanted(consent)) if consent is not None else ()
    excluded = plan_exclusions(campaign, workspace, templates, known)
    return collect_refusals(campaign, workspace, excluded, asked, ReadLists(), suppression)


def suppressed_only(workspace: Path, suppression: str) -> Refusals:
    """Read the suppression list alone.

    Raises:
        InvalidInput: the list or an entry cannot be read; never an empty set instead.
    """
    plans = suppression_plans(workspace, suppression)
    states = {plan.name: _file_state(workspace, plan.name) for plan in plans}
    return Refusals({}, {}, (), (), workspace, states, _refused(plans, "suppressed number", ReadLists()), plans)


def plan_exclusions(
    campaign: Campaign, workspace: Path, templates: Templates, history: History
) -> tuple[SourcePlan, ...]:
    """The lists and single numbers of ``exclude``; its ``received`` entries are judged as of the plan, not here."""
    lists = [source for source in campaign.exclude if not isinstance(source, HistorySource)]
    return plan_sources(lists, workspace, templates, Wanted(history=history))


def collect_refusals(
    campaign: Campaign,
    workspace: Path,
    excluded: Sequence[SourcePlan],
    asked: Sequence[SourcePlan],
    read_lists: ReadLists,
    suppression: str = "",
) -> Refusals:
    """One pass over the lists that refuse, and over the recipients where consent is asked (``asked`` is empty else)."""
    suppressing = suppression_plans(workspace, suppression)
    every = (*suppressing, *excluded, *asked)
    states = {plan.name: _file_state(workspace, plan.name) for plan in every if plan.is_file}
    suppressed = _refused(suppressing, "suppressed number", read_lists)
    opt_outs = _refused(excluded, "opt-out", read_lists)
    accept = campaign.consent.accept if campaign.consent else ()
    no_consent = _without_consent(asked, accept, read_lists)
    return Refusals(opt_outs, no_consent, excluded, asked, workspace, states, suppressed, suppressing)


def suppression_plans(workspace: Path, path: str) -> tuple[SourcePlan, ...]:
    """How the suppression list at that path is read; nothing where the path is empty.

    Raises:
        InvalidInput: it cannot be opened, or has no column for the number.
    """
    if not path:
        return ()
    source: CsvSource | JsonLinesSource | XlsxSource
    if path.endswith(".jsonl"):
        source = JsonLinesSource.model_construct(jsonl=path)
    elif path.endswith(".xlsx"):
        source = XlsxSource.model_construct(xlsx=path)
    else:
        source = CsvSource.model_construct(csv=path)
    try:
        return plan_sources([source], workspace, Templates(workspace))
    except InvalidInput as error:
        found = [replace(each, message=f"{each.message} (the suppression list)") for each in error.findings]
        raise InvalidInput(found) from error


def _file_state(workspace: Path, name: str) -> FileState | None:
    try:
        found = (workspace / name).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _refused(plans: Sequence[SourcePlan], noun: str, read_lists: ReadLists) -> dict[int, int]:
    """Every number of the lists with its place; ``noun`` is what one entry is called."""
    refused: dict[int, int] = {}
    findings: list[Finding] = []
    for index, plan in enumerate(plans):
        with plan.open() as table:
            for row, cells in table.rows():
                if len(cells) > table.width:
                    findings.append(_unreadable(plan, table.line, row, noun, "the row has more cells than the header"))
                elif plan.passes(cells, row, table.line):
                    number = read_number(cells[plan.number_at])
                    if isinstance(number, str):
                        digits = int(number[3:])
                        if plan.history is None or plan.history.judge(digits) is None:
                            refused.setdefault(digits, pack_place(index, row))
                    elif number.code not in HARMLESS:
                        findings.append(_unreadable(plan, table.line, row, noun, number.explanation))
                if len(findings) >= _MOST_FINDINGS:
                    raise InvalidInput(findings)
            read_lists.add(table.digest())
    if findings:
        raise InvalidInput(findings)
    return refused


def _unreadable(plan: SourcePlan, line: int, row: int, noun: str, why: str) -> Finding:
    message = f"the {noun} in row {row} cannot be read: {why}"
    return Finding(plan.name, line, 0, message, f"mend the entry: {_article(noun)} {noun} is never passed over")


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _without_consent(plans: Sequence[SourcePlan], accept: Iterable[str], read_lists: ReadLists) -> dict[int, int]:
    """Every number with a row that does not accept, also a row that a filter sets aside, or a malformed one."""
    refused: dict[int, int] = {}
    accepted = {text.strip().casefold() for text in accept}
    accepted.discard("")
    spelled: set[Cell] = set()  # cells known to accept, as they are written
    for index, plan in enumerate(plans):
        consent_at = plan.consent_at
        with plan.open() as table:
            for row, cells in table.rows():
                # `True == 1` in a set: only texts are looked up as they are.
                consent = "" if consent_at is None else cells[consent_at]
                consent = consent if isinstance(consent, str) else str(consent)
                if consent in spelled and len(cells) <= table.width:
                    continue
                if consent.strip().casefold() in accepted and len(cells) <= table.width:
                    spelled.add(consent)
                    continue
                number = read_number(cells[plan.number_at])
                if isinstance(number, str):
                    refused.setdefault(int(number[3:]), pack_place(index, row))
            read_lists.add(table.digest())
    return refused
