"""A sheet of an Excel workbook as a list: streamed row by row, whatever size the file claims to have."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from xml.etree.ElementTree import Element, iterparse

from mmsflow.audience.bytestream import list_error
from mmsflow.audience.columns import clean_name, header_findings
from mmsflow.audience.model import ListDigest
from mmsflow.audience.xlsx_cells import CellReader
from mmsflow.audience.xlsx_package import MAIN, Package, explained
from mmsflow.campaign.wording import masked
from mmsflow.errors import Finding, InvalidInput

_ROW, _C, _DATA, _MERGED = MAIN + "row", MAIN + "c", MAIN + "sheetData", MAIN + "mergeCell"
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_MOST_ELEMENTS_BETWEEN_ROWS = 500_000
_COLUMN = re.compile(r"([A-Z]{1,3})\d*", re.ASCII)
_RANGE = re.compile(r"[A-Z]+(\d+):[A-Z]+(\d+)", re.ASCII)
_BLOCK = 1 << 20


class XlsxList:
    """A sheet of a workbook, open: its header is read and checked, its rows are yet to be read, once.

    The size that the sheet claims is not looked at: it is often wrong, and may claim a million rows for two.

    Attributes:
        name: the workbook, as the campaign names it.
        columns: the header's names, cleaned.
        width: cells of a well-formed row.
        header_line: row of the header, as Excel numbers it.
        line: row that was read last.
    """

    def __init__(self, workspace: Path, name: str, *, sheet: str | None) -> None:
        self.name = name
        self.line = self.header_line = 0
        self._hidden = 0
        self._package = Package(workspace, name)
        try:
            self._sheet = self._package.sheet(sheet)
            self._unnamed_sheet = sheet is None
            self._digest = self._package.sha256()
            self._reader = CellReader(self._package.book, self._package.strings)
            self._rows = self._all_rows()
            self._read_header()
        except BaseException:
            self._package.close()
            raise
        self.width = len(self.columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._rows.close()
        self._package.close()

    def digest(self) -> ListDigest:
        """Of the file's bytes.

        Raises:
            InvalidInput: they are not those that were there when it was opened.
        """
        if self._package.sha256() != self._digest:
            fix = "wait for its writer, then start again"
            raise list_error(self.name, 0, 0, "the list changed while it was being read", fix)
        return ListDigest(self.name, *self._digest)

    def remarks(self) -> tuple[str, ...]:
        """What a person may not expect of the rows read so far, a sentence each."""
        said = []
        visible = [sheet for sheet in self._package.sheets if sheet.visible]
        if self._unnamed_sheet and len(visible) > 1:
            first = masked(self._sheet.name, 60)
            said.append(
                f"{self.name} has {len(visible)} sheets; the first, {first!r}, is read (`sheet:` names another)"
            )
        if self._hidden:
            noun = "hidden row, which is" if self._hidden == 1 else "hidden rows, which are"
            said.append(f"{self.name} has {self._hidden} {noun} read like any other")
        return tuple(said)

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """Yield (row as Excel numbers it, its cells); rows without any content are not yielded.

        A row has ``width`` cells; one with more is malformed: it has content right of the header's columns.

        Raises:
            InvalidInput: the workbook is damaged.
        """
        width = self.width
        for row, hidden, cells in self._rows:
            surplus = [cell for column, cell in cells.items() if column > width and (cell or type(cell) is not str)]
            even = [cells.get(column, "") for column in range(1, width + 1)]
            if not surplus and not any(cell or type(cell) is not str for cell in even):
                continue
            self._hidden += hidden
            yield row, even + surplus

    def _read_header(self) -> None:
        for row, _, cells in self._rows:
            last = max((column for column, cell in cells.items() if cell.strip()), default=0)
            if last:
                self.header_line = row
                self.columns = tuple(clean_name(cells.get(column, "")) for column in range(1, last + 1))
                break
        else:
            message = f"the sheet {masked(self._sheet.name, 60)!r} is empty"
            others = [masked(sheet.name, 60) for sheet in self._package.sheets if sheet != self._sheet]
            fix = "it needs a header row and a row for each recipient"
            raise list_error(self.name, 0, 0, message, f"{fix}; other sheets: {', '.join(others)}" if others else fix)
        if findings := header_findings(self.name, self.columns, self.header_line, [0] * len(self.columns)):
            raise InvalidInput([self._perhaps_merged(finding) for finding in findings])

    def _perhaps_merged(self, finding: Finding) -> Finding:
        """A column without a name is often one whose header's cell is merged with its neighbour's."""
        if "has no name" not in finding.message:
            return finding
        with explained(self.name), self._package.open_member(self._sheet.member) as source:
            for number, (_, element) in enumerate(iterparse(source)):  # noqa: S314  # no entities, see Package
                if number > _MOST_ELEMENTS_BETWEEN_ROWS:
                    break
                found = _RANGE.fullmatch(element.get("ref", "")) if element.tag == _MERGED else None
                if found and int(found[1]) <= self.header_line <= int(found[2]):
                    message = f"{finding.message}: the cells {found[0]} of the header are merged"
                    return Finding(self.name, finding.line, 0, message, "split them, and give each column its name")
                if element.tag in (_ROW, _C):
                    element.clear()
        return finding

    def _all_rows(self) -> Generator[tuple[int, bool, dict[int, str]]]:
        """Yield (row, whether it is hidden, column → cell) of the whole sheet, the header too."""
        source = self._package.open_member(self._sheet.member)
        with source:
            events = _rows_of(source, self._reader)
            while True:
                with explained(self.name, self.line + 1 if self.header_line else 0):
                    found = next(events, None)
                if found is None:
                    break
                if found[0] <= self.line:
                    fix = "open it in Excel and save it again"
                    raise list_error(self.name, found[0], 0, "the workbook is damaged: its rows are out of order", fix)
                self.line = found[0]
                yield found
            with explained(self.name):
                while source.read(_BLOCK):  # to its end, where its checksum is looked at
                    pass


def _rows_of(source: IO[bytes], reader: CellReader) -> Iterator[tuple[int, bool, dict[int, str]]]:
    """The rows of a sheet's XML; memory holds one row at a time.

    Raises:
        Exception: of any kind, where the XML makes no sense.
    """
    data: Element | None = None
    row, column, elements = 0, 0, 0
    cells: dict[int, str] = {}
    for event, element in iterparse(source, ("start", "end")):  # noqa: S314  # no entities, see Package
        tag = element.tag
        if event == "start":
            elements += 1
            if elements > _MOST_ELEMENTS_BETWEEN_ROWS:
                raise ValueError("a row of too many elements")
            if tag == _ROW:
                row, column, cells = _row_number(element, row), 0, {}
            elif tag == _DATA and data is None:
                data = element
        elif tag == _C:
            column = _column_of(element.get("r"), column)
            cells[column] = reader.text(element)
        elif tag == _ROW and data is not None:
            yield row, element.get("hidden") in {"1", "true"}, cells
            elements = 0
            data.clear()
        elif element is data:
            return


def _row_number(element: Element, previous: int) -> int:
    row = int(element.get("r") or previous + 1)
    if not 1 <= row <= _MOST_ROWS:
        raise ValueError("a row number that Excel does not have")
    return row


def _column_of(reference: str | None, previous: int) -> int:
    """The 1-based column of a cell; the next one where the cell does not say."""
    if not reference:
        column = previous + 1
    else:
        found = _COLUMN.fullmatch(reference)
        if found is None:
            raise ValueError("a cell whose place makes no sense")
        column = 0
        for letter in found[1]:
            column = column * 26 + ord(letter) - 64
    if column > _MOST_COLUMNS:
        raise ValueError("a column that Excel does not have")
    return column
