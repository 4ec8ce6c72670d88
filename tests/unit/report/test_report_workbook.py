"""report.xlsx, opened with another library than the one that wrote it."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from report_samples import RUN, START, LedgerOfRows, a_row, many_rows

from mmsflow.errors import MmsflowError
from mmsflow.ledger.model import ReportRow, RunInfo
from mmsflow.mms.status import Bucket
from mmsflow.report.moments import Moments, zone_of
from mmsflow.report.sample import SAMPLE_RUN, sample_rows, sample_summary
from mmsflow.report.summary import Summariser
from mmsflow.report.tables import COLUMNS
from mmsflow.report.workbook import Workbook
from mmsflow.report.write import write_report

KEEPING = replace(RUN, config={**RUN.config, "segments": ["city"], "consent": ["zgoda"]})
HOSTILE = [
    *(sign + "1+1" for sign in "=+-@\t\r\n＝"),
    '=HYPERLINK("http://evil.example";"click")',
    "{=SUM(A1)}",
    "http://evil.example",
    "mailto:x@evil.example",
    "internal:recipients!A1",
    "00123",
    "4.85E+10",
    "1/2",
    "TRUE",
    "#REF!",
    "<b>&amp;</b>",
    "_x0041_",
    "bell \x07 and nul \x00",
    "🎁 zażółć",
    " spaces ",
    "two\nlines",
]


def written(folder: Path, rows: Sequence[ReportRow], run: RunInfo = RUN) -> Any:
    paths = write_report(
        LedgerOfRows(rows).as_reader(), replace(run, rows=len(rows)), folder, formats=["xlsx"], now=START
    )
    assert paths.xlsx
    return openpyxl.load_workbook(paths.xlsx)


def table(sheet: Worksheet) -> list[dict[str, Any]]:
    header, *lines = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, header), line, strict=True)) for line in lines]


def test_the_sheet_of_recipients_has_the_columns_of_the_csv(tmp_path: Path) -> None:
    rows = [a_row(1, segments=("Gdynia",), consent=("tak",)), a_row(2, Bucket.INVALID, number="12", final_at=None)]
    book = written(tmp_path, rows, KEEPING)
    assert book.sheetnames == ["recipients", "summary"]
    first, second = table(book["recipients"])
    assert tuple(first) == (*COLUMNS, "segment:city", "consent:zgoda")
    assert (first["number"], first["segment:city"], first["consent:zgoda"]) == ("+48501102030", "Gdynia", "tak")
    assert (second["number"], second["bucket"], second["sent_at"], second["wave"]) == ("12", "invalid", None, None)


@pytest.mark.parametrize("text", HOSTILE)
def test_every_text_is_a_text_whatever_it_looks_like(tmp_path: Path, text: str) -> None:
    row = a_row(
        1, Bucket.INVALID, number=text, source=text, reason=text, subject=text, segments=(text,), consent=(text,)
    )
    sheet = written(tmp_path, [row], KEEPING)["recipients"]
    for name in ("number", "source", "reason", "subject", "segment:city", "consent:zgoda"):
        column = [cell.value for cell in sheet[1]].index(name) + 1
        cell = sheet.cell(2, column)
        assert cell.data_type in ("s", "inlineStr")
        assert cell.hyperlink is None
        assert unescaped(str(cell.value)) == text


def unescaped(text: str) -> str:
    """Characters that XML cannot hold are written as _xHHHH_, as every spreadsheet does."""
    from openpyxl.utils.escape import unescape

    return unescape(text)


def test_a_text_that_the_library_would_take_for_its_own_markup_stays_a_text(tmp_path: Path) -> None:
    evil = '<r></r></is></c><c r="Z2"><f>HYPERLINK("http://evil.example")</f></c><c r="AA2" t="inlineStr"><is><r></r>'
    sheet = written(tmp_path, [a_row(1, subject=evil, segments=(evil,), consent=(evil,))], KEEPING)["recipients"]
    assert sheet.max_column == len(COLUMNS) + 2
    assert sheet.cell(2, 16).value == f" {evil}"
    with zipfile.ZipFile(tmp_path / "report.xlsx") as package:
        assert all(b"<f>" not in package.read(name) for name in package.namelist())


def test_no_file_of_the_workbook_holds_a_formula_or_a_link(tmp_path: Path) -> None:
    rows = [a_row(n, subject=text, segments=(text,)) for n, text in enumerate(HOSTILE, start=1)]
    written(tmp_path, rows, KEEPING)
    with zipfile.ZipFile(tmp_path / "report.xlsx") as package:
        for name in package.namelist():
            content = package.read(name)
            assert b"<f>" not in content
            assert b"<hyperlink" not in content
            assert b'TargetMode="External"' not in content


def test_instants_are_dates_of_the_runs_own_zone(tmp_path: Path) -> None:
    row = a_row(1, sent_at=START, final_at=START + timedelta(minutes=3, seconds=7))
    (line,) = table(written(tmp_path, [row])["recipients"])
    assert line["sent_at"] == datetime(2026, 12, 1, 9, 0)  # noqa: DTZ001 - a spreadsheet knows no zones
    assert line["final_at"] == datetime(2026, 12, 1, 9, 3, 7)  # noqa: DTZ001


def test_the_header_stays_in_sight_and_can_be_filtered_by(tmp_path: Path) -> None:
    sheet = written(tmp_path, [a_row(1), a_row(2)])["recipients"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:P3")
    assert sheet.column_dimensions["E"].width > 13


def test_rows_beyond_what_a_sheet_holds_go_on_in_the_next_one(tmp_path: Path) -> None:
    rows = list(many_rows(25))
    moments = Moments(zone_of(RUN.config))
    summariser = Summariser(25, (), moments)
    summariser.add(rows)
    with (tmp_path / "report.xlsx").open("w+b") as file:
        book = Workbook(file, tmp_path, RUN, moments, rows_a_sheet=11)
        for at in range(0, 25, 4):
            book.add(rows[at : at + 4])
        book.close(summariser.summary())
    found = openpyxl.load_workbook(tmp_path / "report.xlsx")
    assert found.sheetnames == ["recipients", "recipients 2", "recipients 3", "summary"]
    sheets = [table(found[name]) for name in found.sheetnames[:3]]
    assert [len(sheet) for sheet in sheets] == [10, 10, 5]
    assert [line["number"] for sheet in sheets for line in sheet] == [row.number for row in rows]
    assert found["recipients 3"].auto_filter.ref == "A1:P6"


def test_the_sums_are_those_of_the_summary(tmp_path: Path) -> None:
    sheet = written(tmp_path, list(sample_rows()), SAMPLE_RUN)["summary"]
    lines = {line[0]: line for line in sheet.iter_rows(values_only=True) if line[0]}
    summary = sample_summary()
    assert lines["together"][1] == summary.rows
    assert lines["delivered"][1] == summary.buckets[Bucket.DELIVERED]
    assert lines["a"][1:4] == (320, 240, 40)
    assert lines["Gdynia"][1] == 220
    assert lines["(empty)"][1] == 220
    assert lines["2026-12-01T09:00:00+01:00"][2] == 180
    assert "By city" in lines


def test_a_text_longer_than_a_cell_holds_is_cut_and_nothing_else_is_lost(tmp_path: Path) -> None:
    (line,) = table(written(tmp_path, [a_row(1, subject="ż" * 40_000)])["recipients"])
    assert line["subject"] == "ż" * 32_767
    assert line["number"] == "+48501102030"


def test_half_a_character_is_written_as_a_question_mark(tmp_path: Path) -> None:
    (line,) = table(written(tmp_path, [a_row(1, subject="broken \ud83d end \uffff.")])["recipients"])
    assert line["subject"] == "broken ? end ?."


def test_the_workbook_is_for_its_owner_only_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    written(tmp_path / "out", [a_row(1)])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.xlsx"]
    assert (tmp_path / "out" / "report.xlsx").stat().st_mode & 0o777 == 0o600


def test_a_workbook_that_fails_half_way_leaves_the_earlier_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, [a_row(1)])
    before = (tmp_path / "report.xlsx").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xlsxwriter.workbook.Workbook._store_workbook", full)
    with pytest.raises(MmsflowError, match="No space left"):
        written(tmp_path, [a_row(1), a_row(2)])
    assert (tmp_path / "report.xlsx").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.xlsx"]
