"""The sources of a campaign, whatever their form: opened alike, read alike, their columns found once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from mmsflow.audience.bytestream import list_error
from mmsflow.audience.columns import find_column, find_number_column, variable_names
from mmsflow.audience.history import History, HistoryRule, history_name, rule_of
from mmsflow.audience.jsonl_lists import Cell
from mmsflow.audience.open_lists import OpenRecipientList, RecipientList, opener_of
from mmsflow.campaign.model import Consent
from mmsflow.campaign.sources import CsvSource, HistorySource, InlineRecipient, JsonLinesSource, Source, XlsxSource
from mmsflow.campaign.template_problem import TemplateProblem
from mmsflow.campaign.templating import Expression, Templates
from mmsflow.campaign.wording import masked
from mmsflow.errors import Finding, InvalidInput

_JUDGED_AT_ONCE = 500  # one rendering of the filter serves them all


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """How to read one source: settled once, used by every pass over it.

    Attributes:
        source: as the campaign file has it.
        name: its path as the campaign names it, ``inline``, or ``received: NAME``.
        columns: its columns.
        variables: what templates call them.
        number_at: position of the number in a row's cells.
        consent_at: position of the consent, None where there is none.
        evidence_at: position of each cell that proves the consent, None where the row has none.
        segments_at: position of each segment's cell, None where the list lacks the column.
        history: what the list asks of earlier campaigns.
        where: the filter as people may see it, its numbers masked; empty without one.
        keep: the filter; rows for which it is false are set aside.
    """

    source: Source
    name: str
    columns: tuple[str, ...]
    variables: tuple[str, ...]
    number_at: int
    consent_at: int | None
    evidence_at: tuple[int | None, ...]
    segments_at: tuple[int | None, ...]
    history: HistoryRule | None
    where: str
    keep: Expression | None
    _reopen: Callable[[tuple[str, ...]], OpenRecipientList]

    @property
    def is_file(self) -> bool:
        """Whether it is a list in the workspace."""
        return isinstance(self.source, CsvSource | JsonLinesSource | XlsxSource)

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
            return self.keep(dict(zip(self.variables, cells, strict=False)))
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
            verdicts = keep.of_many([dict(zip(self.variables, cells, strict=False)) for _, cells, _ in batch])
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pass over the sources needs beside the numbers.

    Attributes:
        consent: its columns must be in every list; None where no consent is asked.
        segments: columns that a list may lack.
        history: who had a message before.
    """

    consent: Consent | None = None
    segments: tuple[str, ...] = ()
    history: History = field(default_factory=History)


def plan_sources(
    sources: Sequence[Source], workspace: Path, templates: Templates, wanted: Wanted | None = None
) -> tuple[SourcePlan, ...]:
    """Open every source once, to find its columns.

    Args:
        sources: of the campaign, in order.
        workspace: folder that list paths start from.
        templates: compiles ``where``.
        wanted: columns that are needed, and what is known of earlier campaigns.

    Raises:
        InvalidInput: everything that is wrong with any of them.
    """
    plans: list[SourcePlan] = []
    findings: list[Finding] = []
    for position, source in enumerate(sources, 1):
        try:
            plans.append(_plan(source, position, workspace, templates, wanted or Wanted()))
        except InvalidInput as error:
            findings += error.findings
    if findings:
        raise InvalidInput(findings)
    return tuple(plans)


def _plan(source: Source, position: int, workspace: Path, templates: Templates, wanted: Wanted) -> SourcePlan:
    if isinstance(source, HistorySource) and wanted.consent is not None:
        fix = "name a list that has the consent, and write `received:` beside its `csv:`"
        message = "numbers of an earlier campaign bring no consent with them"
        raise list_error(history_name(source), 0, 0, message, fix)
    reopen = opener_of(source, position, workspace, wanted.history)
    with reopen(None) as table:
        name, columns, line = table.name, table.columns, table.header_line
    expression = "" if isinstance(source, InlineRecipient | HistorySource) else source.where or ""
    keep = _compiled(name, expression, templates) if expression else None
    segments_at = _places(columns, wanted.segments)
    asked = (wanted.consent.column, *wanted.consent.evidence) if wanted.consent is not None else ()
    if isinstance(source, InlineRecipient | HistorySource):
        number_at, found = len(columns), _places(columns, asked)
    else:
        number_at, found = _found_columns(source, columns, line, name, wanted.consent)
    return SourcePlan(
        source,
        name,
        columns,
        variable_names(columns),
        number_at,
        found[0] if found else None,
        found[1:],
        segments_at,
        rule_of(source, wanted.history),
        masked(expression),
        keep,
        reopen,
    )


def _places(columns: Sequence[str], wanted: Sequence[str]) -> tuple[int | None, ...]:
    return tuple(columns.index(column) if column in columns else None for column in wanted)


def _found_columns(
    source: CsvSource | JsonLinesSource | XlsxSource,
    columns: Sequence[str],
    line: int,
    name: str,
    consent: Consent | None,
) -> tuple[int, tuple[int | None, ...]]:
    """Positions of the number, and of the consent with its evidence.

    Raises:
        InvalidInput: the list lacks one of them.
    """
    found = [find_number_column(name, columns, source.number, line)]
    if consent is not None:
        named = {"column": consent.column, "source": consent.source, "date": consent.date, "text": consent.text}
        found += [
            find_column(name, columns, column, line, f"`consent.{key}`") for key, column in named.items() if column
        ]
    if findings := [item for item in found if isinstance(item, Finding)]:
        raise InvalidInput(findings)
    number_at, *rest = [item for item in found if isinstance(item, int)]
    return number_at, tuple(rest)


def _compiled(name: str, where: str, templates: Templates) -> Expression:
    try:
        return templates.expression(where)
    except TemplateProblem as problem:
        message = f"`where: {masked(where)}` is no expression: {problem.message}"
        advice = problem.advice or 'write it like: where: segment == "gold"'
        raise list_error(name, 0, 0, message, advice) from problem
