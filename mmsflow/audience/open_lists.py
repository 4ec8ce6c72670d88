"""A list that is open, whatever its form: what its rows are read by, and what opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from mmsflow.audience.csv_lists import CsvList
from mmsflow.audience.history import History, NumberSet, history_name, queries_of_source
from mmsflow.audience.jsonl_lists import Cell, JsonLinesList
from mmsflow.audience.model import ListDigest
from mmsflow.audience.xlsx_lists import XlsxList
from mmsflow.campaign.sources import CsvSource, InlineRecipient, JsonLinesSource, Source, XlsxSource

INLINE = "inline"


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

    def remarks(self) -> tuple[str, ...]:
        """What a person may not expect of the rows read so far, a sentence each."""
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

    def remarks(self) -> tuple[str, ...]:
        return ()


class HistoryList:
    """Everybody who had a message of earlier campaigns: numbers in ascending order, without columns."""

    columns: tuple[str, ...] = ()
    width = 1
    header_line = 0

    def __init__(self, name: str, numbers: NumberSet) -> None:
        self.name = name
        self.line = 0
        self._numbers = numbers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        for row, number in enumerate(self._numbers, 1):
            yield row, (f"+48{number:09d}",)

    def digest(self) -> None:
        return None

    def remarks(self) -> tuple[str, ...]:
        return ()


class OpenRecipientList(RecipientList, AbstractContextManager["OpenRecipientList"], Protocol):
    """A source that closes itself at the end of a ``with``."""


def opener_of(
    source: Source, position: int, workspace: Path, history: History
) -> Callable[[tuple[str, ...] | None], OpenRecipientList]:
    """What opens the source, given the columns that an earlier opening found."""
    if isinstance(source, InlineRecipient):
        return lambda _: InlineList(source, position)
    if isinstance(source, CsvSource):
        return lambda _: CsvList(workspace, source.csv, delimiter=source.delimiter, encoding=source.encoding)
    if isinstance(source, JsonLinesSource):
        return lambda columns: JsonLinesList(workspace, source.jsonl, columns)
    if isinstance(source, XlsxSource):
        return lambda _: XlsxList(workspace, source.xlsx, sheet=source.sheet)
    query, _ = queries_of_source(source)
    numbers = history.answers.get(query, NumberSet()) if query is not None else NumberSet()
    return lambda _: HistoryList(history_name(source), numbers)
