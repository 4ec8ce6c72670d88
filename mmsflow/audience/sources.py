"""The sources of a campaign, whatever their form: opened alike, read alike, their columns found once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from mmsflow.audience.bytestream import list_error
from mmsflow.audience.columns import find_column, find_number_column
from mmsflow.audience.csv_lists import CsvList
from mmsflow.audience.jsonl_lists import Cell, JsonLinesList
from mmsflow.audience.model import ListDigest
from mmsflow.campaign.model import CsvSource, HistorySource, InlineRecipient, JsonLinesSource, Source, XlsxSource
from mmsflow.campaign.template_problem import TemplateProblem
from mmsflow.campaign.templating import Expression, Templates
from mmsflow.campaign.wording import masked
from mmsflow.errors import Finding, InvalidInput

INLINE = "inline"
ListSource = CsvSource | JsonLinesSource | XlsxSource | InlineRecipient
_JUDGED_AT_ONCE = 500  # one rendering of the filter serves them all


class RecipientList(Protocol):
    """A source that is open; its rows are read once, from the first to the last."""

    name: str
    columns: tuple[str, ...]
    width: int  # cells of a well-formed row; ``columns`` names the first of them

    @property
    def line(self) -> int:
        """Line of the row that was read last."""
        ...

    @property
    def header_line(self) -> int:
        """Line of the header, 0 without one."""
        ...

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Yield (row number, cells); more cells than ``width`` where the row is malformed."""
        ...

    def digest(self) -> ListDigest | None:
        """Of the bytes read; None for what is not a file."""
        ...


class InlineList:
    """A recipient in the campaign file itself: a list of one row, its number behind its variables."""

    def __init__(self, recipient: InlineRecipient, position: int) -> None:
        self.name = INLINE
        self.columns = tuple(recipient.vars)
        self.width = len(self.columns) + 1
        self.line = self.header_line = 0
        self._row = (position, (*recipient.vars.values(), recipient.number))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        yield self._row

    def digest(self) -> None:
        return None


class OpenRecipientList(RecipientList, AbstractContextManager["OpenRecipientList"], Protocol):
    """A source that closes itself at the end of a ``with``."""


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """How to read one source: settled once, used by every pass over it.

    Attributes:
        name: its path as the campaign names it, or ``inline``.
        columns: its columns.
        number_at: position of the number in a row's cells.
        consent_at: position of the consent, None where there is none.
        where: the filter as people may see it, its numbers masked; empty without one.
        keep: the filter; rows for which it is false are set aside.
    """

    name: str
    columns: tuple[str, ...]
    number_at: int
    consent_at: int | None
    where: str
    keep: Expression | None
    _reopen: Callable[[tuple[str, ...]], OpenRecipientList]

    def open(self) -> OpenRecipientList:
        """Open the source for another pass.

        Raises:
            InvalidInput: it cannot be read, or its columns are not those it had.
        """
        table = self._reopen(self.columns)
        if table.columns != self.columns:
            table.__exit__(None, None, None)
            raise changed_while_read(self.name)
        return table

    def passes(self, cells: Sequence[Cell], row: int, line: int) -> bool:
        """Whether the row is one that ``where`` keeps; an empty cell is an empty text there.

        Raises:
            InvalidInput: the filter cannot be worked out for this row.
        """
        if self.keep is None:
            return True
        try:
            return self.keep(dict(zip(self.columns, cells, strict=False)))
        except TemplateProblem as problem:
            message = f"`where: {self.where}` fails for row {row}: {problem.message}"
            raise list_error(
                self.name, line, 0, message, problem.advice or "mend the expression, or the row"
            ) from problem

    def judged_rows(self, table: RecipientList) -> Iterator[tuple[int, Sequence[Cell], bool]]:
        """Yield (row number, cells, whether ``where`` keeps it) of an open list; a malformed row is not judged.

        Raises:
            InvalidInput: as ``passes``, and what reading the list raises.
        """
        rows = table.rows()
        if self.keep is None:
            yield from ((row, cells, True) for row, cells in rows)
            return
        placed = ((row, cells, table.line) for row, cells in rows)
        while batch := list(islice(placed, _JUDGED_AT_ONCE)):
            yield from self._judged(self.keep, batch, table.width)

    def _judged(
        self, keep: Expression, batch: Sequence[tuple[int, Sequence[Cell], int]], width: int
    ) -> Iterator[tuple[int, Sequence[Cell], bool]]:
        try:
            verdicts = keep.of_many([dict(zip(self.columns, cells, strict=False)) for _, cells, _ in batch])
        except TemplateProblem:
            # One by one, the row that fails is met behind those before it, with its own place.
            for row, cells, line in batch:
                yield row, cells, len(cells) > width or self.passes(cells, row, line)
            return
        for (row, cells, _), verdict in zip(batch, verdicts, strict=True):
            yield row, cells, verdict


def changed_while_read(name: str) -> InvalidInput:
    """The error for a list whose passes did not see the same content."""
    return list_error(name, 0, 0, "the list changed while it was being read", "wait for its writer, then start again")


def plan_sources(
    sources: Sequence[Source], workspace: Path, templates: Templates, consent_column: str | None
) -> tuple[SourcePlan, ...]:
    """Open every source once, to find its columns.

    Args:
        sources: of the campaign, in order.
        workspace: folder that list paths start from.
        templates: compiles ``where``.
        consent_column: column that every list must have, None where no consent is asked.

    Raises:
        InvalidInput: everything that is wrong with any of them.
    """
    plans: list[SourcePlan] = []
    findings: list[Finding] = []
    for position, source in enumerate(sources, 1):
        try:
            plans.append(_plan(source, position, workspace, templates, consent_column))
        except InvalidInput as error:
            findings += error.findings
    if findings:
        raise InvalidInput(findings)
    return tuple(plans)


def _plan(
    source: Source, position: int, workspace: Path, templates: Templates, consent_column: str | None
) -> SourcePlan:
    if isinstance(source, HistorySource):
        raise list_error(", ".join(source.received), 0, 0, "history cannot be read yet", "name a list")
    reopen = _opener(source, position, workspace)
    with reopen(None) as table:
        name, columns, line = table.name, table.columns, table.header_line
    expression = "" if isinstance(source, InlineRecipient) else source.where or ""
    keep = _compiled(name, expression, templates) if expression else None
    where = masked(expression)
    if isinstance(source, InlineRecipient):
        consent_at = columns.index(consent_column) if consent_column in columns else None
        return SourcePlan(name, columns, len(columns), consent_at, where, keep, reopen)
    found = [find_number_column(name, columns, source.number, line)]
    if consent_column is not None:
        found.append(find_column(name, columns, consent_column, line, "`consent.column`"))
    if findings := [item for item in found if isinstance(item, Finding)]:
        raise InvalidInput(findings)
    number_at, consent_at, *_ = (*(item for item in found if isinstance(item, int)), None)
    assert number_at is not None
    return SourcePlan(name, columns, number_at, consent_at, where, keep, reopen)


def _compiled(name: str, where: str, templates: Templates) -> Expression:
    try:
        return templates.expression(where)
    except TemplateProblem as problem:
        message = f"`where: {masked(where)}` is no expression: {problem.message}"
        advice = problem.advice or 'write it like: where: segment == "gold"'
        raise list_error(name, 0, 0, message, advice) from problem


def _opener(
    source: ListSource, position: int, workspace: Path
) -> Callable[[tuple[str, ...] | None], OpenRecipientList]:
    """What opens the source, given the columns that an earlier opening found."""
    if isinstance(source, InlineRecipient):
        return lambda _: InlineList(source, position)
    if isinstance(source, CsvSource):
        return lambda _: CsvList(workspace, source.csv, delimiter=source.delimiter, encoding=source.encoding)
    if isinstance(source, JsonLinesSource):
        return lambda columns: JsonLinesList(workspace, source.jsonl, columns)
    raise list_error(source.xlsx, 0, 0, "XLSX lists cannot be read yet", "save the sheet as CSV in UTF-8")
