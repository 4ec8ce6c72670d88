"""CSV as people and spreadsheets write it: delimiter and encoding found, every oddity named with its place."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from mmsflow.audience.bytestream import (
    BUFFER_BYTES,
    UTF16,
    ListBytes,
    find_encoding,
    list_error,
    named_encoding,
    undecodable,
)
from mmsflow.audience.columns import clean_name, header_findings
from mmsflow.audience.formula_guard import unguarded
from mmsflow.audience.model import ListDigest
from mmsflow.errors import InvalidInput
from mmsflow.mms.msisdn import parse_msisdn
from mmsflow.mms.workspace_files import open_inside

_DELIMITERS = ";\t|,"
# Separates nothing: a list with one column keeps commas and semicolons in its cells, where they can be explained.
_NO_DELIMITER = "\x1f"
_SEP_LINE = re.compile(r'\ufeff?"?sep=(.)"?[\r\n]*', re.IGNORECASE)

_SAMPLE_BYTES = 64 * 1024
_SAMPLE_ROWS = 50


class CsvList:
    """A CSV list, open: its header is read and checked, its rows are yet to be read, once.

    Attributes:
        name: as the campaign names it.
        columns: the header's names, cleaned.
        width: cells of a well-formed row.
        header_line: line of the header, 1-based.
        line: line of the row that was read last.
    """

    def __init__(self, workspace: Path, name: str, *, delimiter: str | None, encoding: str | None) -> None:
        self.name = name
        self._workspace = workspace
        file = open_inside(workspace, name)
        try:
            self._encoding = named_encoding(encoding) if encoding is not None else find_encoding(file)
            sample = _sample(file, self._encoding)
            self._bytes = ListBytes(file, name, self._encoding, guessed=encoding is None)
            self._text = io.TextIOWrapper(
                io.BufferedReader(self._bytes, BUFFER_BYTES), encoding=self._encoding, newline=""
            )
            self._start(sample, delimiter)
        except BaseException:
            file.close()
            raise
        self.width = len(self.columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._text.close()

    @property
    def line(self) -> int:
        return self._skipped + self._reader.line_num

    @property
    def delimiter(self) -> str:
        """What stands between cells; a character that separates nothing where the list has one column."""
        return self._delimiter

    @property
    def encoding(self) -> str:
        """The encoding that it is read in, a byte order mark included."""
        return self._encoding

    def digest(self) -> ListDigest:
        return self._bytes.digest()

    def remarks(self) -> tuple[str, ...]:
        return ()

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """Yield (row as a spreadsheet numbers it, its cells); blank lines have a number but are not yielded.

        A row has ``width`` cells, empty ones added where it is short; a row with more is malformed: it has cells that
        belong to no column. An apostrophe that disarms a formula is taken away (see ``formula_guard``).

        Raises:
            InvalidInput: quotes that do not match, a cell over 131,072 characters, bytes that do not decode.
        """
        width, reader = self.width, self._reader
        previous = reader.line_num
        try:
            for row, cells in enumerate(reader, self._header_row + 1):
                line = reader.line_num
                if line - previous > 1:
                    self._check_no_row_was_swallowed(cells, previous)
                previous = line
                if len(cells) != width:
                    if not cells:
                        continue
                    cells = self._evened(cells)
                if self._bytes.has_apostrophes:
                    cells = list(map(unguarded, cells))
                yield row, cells
        except csv.Error as error:
            raise self._csv_error(error, previous) from error
        except UnicodeDecodeError as error:
            raise undecodable(self._workspace, self.name, self._encoding) from error

    def _start(self, sample: str, delimiter: str | None) -> None:
        lines = _without_nul(self._text, self.name) if self._encoding == UTF16 else iter(self._text)
        self._skipped = 0
        try:
            if declared := _SEP_LINE.match(sample):
                next(lines)
                self._skipped = 1
                sample = sample[declared.end() :]
                delimiter = delimiter or declared[1]
            self._delimiter = delimiter or _find_delimiter(sample)
            self._reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            self._read_header(sample)
        except csv.Error as error:
            raise self._csv_error(error, 0) from error
        except UnicodeDecodeError as error:
            raise undecodable(self._workspace, self.name, self._encoding) from error

    def _read_header(self, sample: str) -> None:
        numbered = ((row, cells) for row, cells in enumerate(self._reader, 1) if cells)
        self._header_row, header = next(numbered, (0, []))
        self.header_line = self.line
        if not header:
            raise list_error(self.name, 0, 0, "the list is empty", "it needs a header row and a row for each recipient")
        self.columns = tuple(clean_name(unguarded(cell)) for cell in header)
        lines = re.split(r"\r\n|\r|\n", sample)
        line = lines[self._reader.line_num - 1] if self._reader.line_num <= len(lines) else ""
        places = _places(line, header, self._delimiter)
        if findings := header_findings(self.name, self.columns, self.header_line, places):
            raise InvalidInput(findings)

    def _evened(self, cells: list[str]) -> list[str]:
        if len(cells) < self.width:
            return cells + [""] * (self.width - len(cells))
        # Spreadsheets write delimiters for empty columns on the right.
        return cells if any(cell.strip() for cell in cells[self.width :]) else cells[: self.width]

    def _check_no_row_was_swallowed(self, cells: Sequence[str], previous: int) -> None:
        """A cell of several lines is legal; one that holds whole rows means a quote that was not closed."""
        for cell in cells:
            for inner in cell.splitlines()[1:]:
                pieces = inner.split(self._delimiter)
                if len(pieces) >= self.width > 1 and any(isinstance(parse_msisdn(piece), str) for piece in pieces):
                    raise self._quote_error(previous + 1, "takes in whole rows below it")

    def _csv_error(self, error: csv.Error, previous: int) -> InvalidInput:
        text = str(error)
        if "unexpected end" in text:
            return self._quote_error(previous + 1, "is never closed")
        if "field larger" in text:
            return self._quote_error(previous + 1, f"holds over {csv.field_size_limit():,} characters")
        message = "text follows a closing quote inside a cell"
        return list_error(self.name, self.line, 0, message, 'write a quote inside a quoted cell twice: ""')

    def _quote_error(self, line: int, what: str) -> InvalidInput:
        message = f"a quoted cell of the row that starts here {what}"
        return list_error(self.name, self._skipped + line, 0, message, "close the quote, or take it away")


def _without_nul(lines: Iterator[str], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise list_error(name, number, 0, "a NUL character", "save the list as CSV in UTF-8")
        yield line


def _sample(file: BinaryIO, encoding: str) -> str:
    """The beginning of the list; what does not decode is found when it is read."""
    start = file.read(_SAMPLE_BYTES)
    file.seek(0)
    return codecs.getincrementaldecoder(encoding)("replace").decode(start)


def _find_delimiter(sample: str) -> str:
    """The delimiter that cuts the header, and with it the most rows of the sample, into the same number of cells."""
    best, best_score = _NO_DELIMITER, (False, 0.0, 0)
    for delimiter in _DELIMITERS:
        rows = _sample_rows(sample, delimiter)
        width = len(rows[0]) if rows else 0
        if width > 1:
            # A quote left in the header was opened behind another delimiter: this one stands inside the quotes.
            whole = not any('"' in cell for cell in rows[0])
            score = (whole, sum(len(cells) == width for cells in rows) / len(rows), width)
            best, best_score = max((best, best_score), (delimiter, score), key=itemgetter(1))
    return best


def _sample_rows(sample: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if cells:
                rows.append(cells)
            if len(rows) > _SAMPLE_ROWS:
                break
    except csv.Error:
        return rows
    # The sample may have cut its last row short.
    return rows[:-1] if len(rows) > 2 else rows


def _places(line: str, header: Sequence[str], delimiter: str) -> list[int]:
    """1-based character columns of the header's cells in its line; 0 where a cell is not found as it stands."""
    places, position = [], 0
    for cell in header:
        found = line.find(cell, position)
        places.append(found + 1 if found >= 0 else 0)
        position = line.find(delimiter, max(found, position) + len(cell)) + 1
    return places
