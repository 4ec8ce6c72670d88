"""A sheet of an Excel workbook as a list: streamed row by row, whatever size the file claims to have."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.etree.ElementTree import iterparse

from mmsflow.audience.bytestream import list_error
from mmsflow.audience.columns import clean_name, header_findings
from mmsflow.audience.model import ListDigest
from mmsflow.audience.xlsx_cells import CellReader
from mmsflow.audience.xlsx_package import Package, damaged, explained
from mmsflow.audience.xlsx_sheet import MAIN, Row, SheetReader
from mmsflow.campaign.wording import masked
from mmsflow.errors import Finding, InvalidInput

_MERGED = f"{{{MAIN}}}mergeCell"
_MOST_ELEMENTS = 2_000_000
_RANGE = re.compile(r"[A-Z]+(\d+):[A-Z]+(\d+)", re.ASCII)


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
        width, places = self.width, range(1, self.width + 1)
        for row, hidden, cells in self._rows:
            if not cells:
                continue
            self._hidden += hidden
            even = [cells.get(column, "") for column in places]
            if max(cells) > width:
                even += [cell for column, cell in cells.items() if column > width]
            yield row, even

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
                if number > _MOST_ELEMENTS:
                    break
                found = _RANGE.fullmatch(element.get("ref", "")) if element.tag == _MERGED else None
                if found and int(found[1]) <= self.header_line <= int(found[2]):
                    message = f"{finding.message}: the cells {found[0]} of the header are merged"
                    return Finding(self.name, finding.line, 0, message, "split them, and give each column its name")
                element.clear()
        return finding

    def _all_rows(self) -> Generator[Row]:
        """Yield (row, whether it is hidden, column → cell) of the whole sheet, the header too."""
        source = self._package.open_member(self._sheet.member)
        with source:
            events = iter(SheetReader(source, self._reader))
            while True:
                try:
                    found = next(events, None)
                except Exception as error:
                    raise damaged(self.name, error, self.line + 1) from error
                if found is None:
                    break
                if found[0] <= self.line:
                    fix = "open it in Excel and save it again"
                    raise list_error(self.name, found[0], 0, "the workbook is damaged: its rows are out of order", fix)
                self.line = found[0]
                yield found
