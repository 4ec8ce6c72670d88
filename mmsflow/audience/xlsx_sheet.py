"""The XML of a sheet and of the texts that cells share, read as a stream: one row, or one text, in memory at a time."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import IO, Protocol
from xml.parsers import expat

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ROW, _C, _V, _F, _T, _IS, _SI, _HINT, _DATA = (
    f"{MAIN} {name}" for name in ("row", "c", "v", "f", "t", "is", "si", "rPh", "sheetData")
)
_BLOCK = 64 * 1024
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_MOST_ELEMENTS = 500_000  # of one row or one shared text, and before the first
_LONGEST_TEXT = 1_000_000  # Excel's own limit is 32,767
_COLUMN = re.compile(r"([A-Z]{1,3})\d*", re.ASCII)

Row = tuple[int, bool, dict[int, str]]
"""(row as Excel numbers it, whether it is hidden, column → text of each cell that is not empty)."""


class ReadsCells(Protocol):
    """What makes texts of cells."""

    def text(self, kind: str, style: str, value: str, *, formula: bool) -> str:
        """The text of a cell with this type, style and stored value."""
        ...


class _Texts:
    """What both readers share: the parser, and the pieces of the text that is being read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._elements = 0
        self._pieces: list[str] = []
        self._length = 0
        self._reads = False
        self._in_hint = False
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.CharacterDataHandler = self._characters
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        self._parser = parser

    def _feed(self) -> bool:
        """Read on; False at the end of the source."""
        block = self._source.read(_BLOCK)
        self._parser.Parse(block, not block)
        return bool(block)

    def _characters(self, text: str) -> None:
        if self._reads:
            self._length += len(text)
            if self._length > _LONGEST_TEXT:
                raise ValueError("a cell with a text of a million characters")
            self._pieces.append(text)

    def _taken(self) -> str:
        text = "".join(self._pieces)
        self._pieces.clear()
        self._length = 0
        return text

    def _count(self) -> None:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise ValueError("too many elements in one row or text")

    def _start(self, name: str, attributes: dict[str, str], /) -> None:
        raise NotImplementedError

    def _end(self, name: str, /) -> None:
        raise NotImplementedError


class SheetReader(_Texts):
    """The rows of one sheet, once.

    Args:
        source: the sheet's XML.
        cells: makes texts of cells.
    """

    def __init__(self, source: IO[bytes], cells: ReadsCells) -> None:
        super().__init__(source)
        self._reader = cells
        self._done: list[Row] = []
        self._row, self._column, self._hidden = 0, 0, False
        self._cells: dict[int, str] = {}
        self._cell: dict[str, str] = {}
        self._value, self._formula, self._inline = "", False, False

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows to the end of the source.

        Raises:
            Exception: of any kind, where the XML makes no sense.
        """
        goes_on = True
        while goes_on:
            goes_on = self._feed()
            yield from self._done
            self._done.clear()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count()
        if name == _C:
            self._cell, self._value, self._formula = attributes, "", False
            reference = attributes.get("r")
            self._column = column_of(reference) if reference else self._column + 1
            if self._column > _MOST_COLUMNS:
                raise ValueError("a column that Excel does not have")
        elif name == _V or (name == _T and self._inline and not self._in_hint):
            self._reads = True
        elif name == _ROW:
            self._row = int(attributes.get("r") or self._row + 1)
            if not 1 <= self._row <= _MOST_ROWS:
                raise ValueError("a row number that Excel does not have")
            self._column, self._cells = 0, {}
            self._hidden = attributes.get("hidden") in {"1", "true"}
        elif name == _F:
            self._formula = True
        elif name == _IS:
            self._inline = True
        elif name == _HINT:
            self._in_hint = True

    def _end(self, name: str) -> None:
        if name in (_V, _T):
            self._reads = False
            if name == _V:
                self._value = self._taken()
        elif name == _C:
            cell = self._cell
            text = self._reader.text(cell.get("t", "n"), cell.get("s", ""), self._value, formula=self._formula)
            if text or type(text) is not str:
                self._cells[self._column] = text
        elif name == _ROW:
            self._done.append((self._row, self._hidden, self._cells))
            self._elements = 0
        elif name == _IS:
            self._inline, self._value = False, self._taken()
        elif name == _HINT:
            self._in_hint = False
        elif name == _DATA:
            self._elements = -(1 << 60)  # what follows, such as merged cells, is not kept


class SharedStrings(_Texts):
    """The texts that a workbook's cells share, read as far as they are asked for.

    They are kept as UTF-8 in one piece: as separate texts a million of them would take five times the memory.
    """

    def __init__(self, source: IO[bytes]) -> None:
        super().__init__(source)
        self._bytes = bytearray()
        self._ends = array("Q", [0])

    def __getitem__(self, index: int) -> str:
        if index < 0:
            raise IndexError("a cell names a text before the first")
        while len(self._ends) <= index + 1:
            if not self._feed() and len(self._ends) <= index + 1:
                raise IndexError("a cell names a text that is not there")
        return self._bytes[self._ends[index] : self._ends[index + 1]].decode("utf-8", "replace")

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._count()
        if name == _T:
            self._reads = not self._in_hint
        elif name == _HINT:
            self._in_hint = True

    def _end(self, name: str) -> None:
        if name == _T:
            self._reads = False
        elif name == _HINT:
            self._in_hint = False
        elif name == _SI:
            self._bytes += self._taken().encode("utf-8", "replace")
            self._ends.append(len(self._bytes))
            self._elements = 0


def column_of(reference: str) -> int:
    """The 1-based column that a cell's reference names: 28 for ``AB7``.

    Raises:
        ValueError: it names none.
    """
    found = _COLUMN.fullmatch(reference)
    if found is None:
        raise ValueError("a cell whose place makes no sense")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column
