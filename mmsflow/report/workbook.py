"""report.xlsx: the table of report.csv as a workbook that a spreadsheet opens without asking anything.

Every text is a text: nothing is taken for a formula, a link or a number, so nothing needs an apostrophe in front.
Instants are dates of the run's own zone, because people filter a sheet by day and hour and a spreadsheet knows no
offsets; report.csv has them with their offset. Rows go to disk as they come, so memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mmsflow.ledger.model import ReportRow, RunInfo
from mmsflow.mms.status import Bucket
from mmsflow.report.figures import compared_variants
from mmsflow.report.model import Summary
from mmsflow.report.moments import Moments
from mmsflow.report.parts import Part
from mmsflow.report.tables import COLUMNS, KeptColumns

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

# What a spreadsheet can hold in one sheet, its header included.
ROWS_A_SHEET = 1_048_576

_INSTANTS = frozenset({"planned_at", "sent_at", "final_at"})
_WIDTHS = {
    "run": 26,
    "campaign": 18,
    "source": 24,
    "number": 15,
    "reason": 40,
    "subject": 40,
    "status": 14,
} | dict.fromkeys(_INSTANTS, 19)
_DATE_FORMAT = "yyyy-mm-dd hh:mm:ss"
_DAY_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
_SECONDS_A_DAY = 86_400

Cell = str | int | float | None


class Workbook:
    """Writes report.xlsx to a binary file; ``close`` finishes it.

    Args:
        file: opened for writing, seekable.
        scratch: a folder for what waits to be packed; for the owner only, since it holds numbers.
    """

    def __init__(
        self, file: BinaryIO, scratch: Path, run: RunInfo, moments: Moments, rows_a_sheet: int = ROWS_A_SHEET
    ) -> None:
        import xlsxwriter

        options = {
            "constant_memory": True,
            "tmpdir": str(scratch),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "use_zip64": True,
        }
        self._book = xlsxwriter.Workbook(file, options)
        self._head = self._book.add_format({"bold": True, "bg_color": "#E1E5EA", "bottom": 1})
        self._date = self._book.add_format({"num_format": _DATE_FORMAT})
        self._percent = self._book.add_format({"num_format": "0.0%"})
        self._run, self._moments, self._kept = run, moments, KeptColumns.of(run.config)
        self._columns = (*COLUMNS, *self._kept.headers)
        self._serials = _Serials(moments)
        self._rows_a_sheet = rows_a_sheet
        self._sheets = 0
        self._sheet = self._next_sheet()

    def add(self, rows: Sequence[ReportRow]) -> None:
        """Write the next rows; a full sheet is followed by another one."""
        for row in rows:
            if self._line == self._rows_a_sheet:
                self._end_sheet()
                self._sheet = self._next_sheet()
            self._write(row)
            self._line += 1

    def close(self, summary: Summary) -> None:
        """Write the sheet of sums and pack everything.

        Raises:
            OSError: the disk is full, or writing failed in another way.
        """
        from xlsxwriter.exceptions import FileCreateError

        self._end_sheet()
        sheet = self._book.add_worksheet("summary")
        _SummarySheet(sheet, self._head, self._percent).write(self._run, summary, self._moments)
        try:
            self._book.close()
        except FileCreateError as error:
            raise error.args[0] if error.args and isinstance(error.args[0], OSError) else OSError(str(error)) from error

    def discard(self) -> None:
        """Close what is still open of a workbook that is never packed; harmless after ``close``."""
        for sheet in self._book.worksheets():
            sheet._opt_close()  # closing the workbook does the same, but packs it first

    def _next_sheet(self) -> Worksheet:
        self._sheets += 1
        sheet = self._book.add_worksheet("recipients" if self._sheets == 1 else f"recipients {self._sheets}")
        for column, name in enumerate(self._columns):
            sheet.set_column(column, column, _WIDTHS.get(name, 12))
            sheet.write_string(0, column, name, self._head)
        sheet.freeze_panes(1, 0)
        self._line = 1
        return sheet

    def _end_sheet(self) -> None:
        last = max(1, self._line - 1)
        self._sheet.autofilter(0, 0, last, len(self._columns) - 1)
        number = COLUMNS.index("number")
        self._sheet.ignore_errors({"number_stored_as_text": _area(number, last)})

    def _write(self, row: ReportRow) -> None:
        line, text, number = self._line, self._sheet.write_string, self._sheet.write_number
        text(line, 0, self._run.run)
        text(line, 1, self._run.campaign)
        number(line, 2, row.row)
        for column, cell in (
            (3, row.source),
            (4, row.number),
            (5, row.variant),
            (6, row.bucket.value),
            (7, row.status),
            (8, row.reason),
            (9, row.gateway_id),
            (15, row.subject),
            *enumerate(self._kept.cells(row.segments, row.consent), len(COLUMNS)),
        ):
            if cell:
                text(line, column, _sound(cell))
        if row.wave:
            number(line, 10, row.wave)
        number(line, 11, row.attempts)
        for column, at in ((12, row.planned_at), (13, row.sent_at), (14, row.final_at)):
            if at is not None:
                number(line, column, self._serials[at], self._date)


class _Serials(dict[datetime, float]):
    """``serials[instant]`` is its local time as a spreadsheet counts it: days since the end of 1899, to the second."""

    def __init__(self, moments: Moments) -> None:
        super().__init__()
        self._moments = moments

    def __missing__(self, instant: datetime) -> float:
        if len(self) >= 10_000:
            self.clear()
        local = datetime.fromisoformat(self._moments[instant].text).replace(tzinfo=UTC)
        serial = self[instant] = (local - _DAY_ZERO).total_seconds() / _SECONDS_A_DAY
        return serial


class _SummarySheet:
    """The sheet of sums: titled tables one below the other."""

    def __init__(self, sheet: Worksheet, head: Format, percent: Format) -> None:
        self._sheet, self._head, self._percent = sheet, head, percent
        self._line = 0

    def write(self, run: RunInfo, summary: Summary, moments: Moments) -> None:
        self._sheet.set_column(0, 0, 34)
        self._sheet.set_column(1, 9, 16)
        facts = [("run", run.run), ("campaign", run.campaign), ("instants are in", str(moments.zone))]
        self._table("Run", (), facts)
        buckets = [(bucket.value, summary.buckets[bucket]) for bucket in Bucket]
        self._table("Rows by bucket", ("bucket", "rows"), [*buckets, ("together", summary.rows)])
        if summary.variants:
            self._variants(summary.variants)
        self._parts("By list", "list", [(part.name, part) for part in summary.sources])
        for segment in summary.segments:
            named = [(part.name or "(empty)", part) for part in segment.parts]
            rest = [("(other values)", segment.rest)] if segment.rest else []
            self._parts(f"By {segment.column}", segment.column, [*named, *rest])
        if summary.hours:
            hours = [(moments[hour.at].text or f"{hour.hour:02}:00", hour.part) for hour in summary.hours]
            self._parts("By hour of sending", "hour", hours)
        if summary.latency:
            times = [(f"{share:.0%}", span.total_seconds()) for share, span in summary.latency.quantiles.items()]
            self._table("Time to the delivery report", ("of the reports", "within seconds"), times)

    def _variants(self, variants: Sequence[Part]) -> None:
        found = compared_variants(variants)
        lines = [
            (
                part.name,
                part.rows,
                part.sent,
                part.delivered,
                part.failed,
                part.other,
                arm.share,
                arm.interval.low if arm.interval else None,
                arm.interval.high if arm.interval else None,
            )
            for part, arm in zip(variants, found.arms, strict=True)
        ]
        header = ("variant", *_COUNTS, "delivered of final", "95 % from", "95 % to")
        self._table("By variant", header, [*lines, (found.verdict,)], shares=(6, 7, 8))

    def _parts(self, title: str, what: str, parts: Iterable[tuple[str, Part]]) -> None:
        lines = [
            (
                name,
                part.rows,
                part.sent,
                part.delivered,
                part.failed,
                part.other,
                part.delivered / part.sent if part.sent else None,
            )
            for name, part in parts
        ]
        self._table(title, (what, *_COUNTS, "delivered of sent"), lines, shares=(6,))

    def _table(
        self, title: str, header: Sequence[str], lines: Iterable[Sequence[Cell]], shares: Sequence[int] = ()
    ) -> None:
        self._sheet.write_string(self._line, 0, _sound(title), self._head)
        self._line += 1
        for cells in ([header] if header else []), lines:
            for line in cells:
                for column, cell in enumerate(line):
                    if isinstance(cell, str):
                        self._sheet.write_string(self._line, column, _sound(cell))
                    elif cell is not None:
                        form = self._percent if column in shares else None
                        self._sheet.write_number(self._line, column, cell, form)
                self._line += 1
        self._line += 1


_COUNTS = ("rows", "sent", "delivered", "failed", "other")


def _area(column: int, last: int) -> str:
    from xlsxwriter.utility import xl_range

    return str(xl_range(1, column, last, column))


def _sound(text: str) -> str:
    """The text without what XML cannot hold: halves of characters and the two code points that are none.

    The library writes a text between ``<r>`` and ``</r>`` as markup of its own, unescaped, and a list's cell could
    bring a formula in that way; a space in front makes it a text again.
    """
    if text.startswith("<r>"):
        text = f" {text}"
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode().replace("\ufffe", "?").replace("\uffff", "?")
