"""Workbooks as lists: what a cell says, whatever Excel has made of it; and every kind of broken file, explained."""

from __future__ import annotations

import hashlib
import io
import random
import re
import zipfile
from datetime import date, datetime, time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook as Book

from mmsflow.audience.model import Recipient, SetAside
from mmsflow.audience.xlsx_lists import XlsxList
from mmsflow.errors import Finding, InvalidInput

from .conftest import Workspace
from .workbooks import SHEET, changed, saved, shared, workbook

GOOD = shared([["number", "name"], [501102030, "Ola"], ["+48 601 102 030", "Żaneta"]])


def cells(workspace: Workspace, content: bytes, sheet: str | None = None) -> list[tuple[int, list[str]]]:
    workspace.write("lists/a.xlsx", content)
    with XlsxList(workspace.path, "lists/a.xlsx", sheet=sheet) as table:
        return [(row, [str(cell) for cell in found]) for row, found in table.rows()]


def refused(workspace: Workspace, content: bytes, sheet: str | None = None) -> Finding:
    with pytest.raises(InvalidInput) as error:
        cells(workspace, content, sheet)
    return error.value.findings[0]


def test_a_sheet_is_read_like_any_list(workspace: Workspace) -> None:
    workspace.write("lists/a.xlsx", GOOD)
    audience = workspace.audience({"xlsx": "lists/a.xlsx"})
    assert list(audience.rows()) == [
        Recipient(1, "lists/a.xlsx", 2, "+48501102030", {"number": "501102030", "name": "Ola"}),
        Recipient(2, "lists/a.xlsx", 3, "+48601102030", {"number": "+48 601 102 030", "name": "Żaneta"}),
    ]
    (digest,) = audience.inputs
    assert (digest.sha256, digest.size_bytes) == (hashlib.sha256(GOOD).hexdigest(), len(GOOD))


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (501102030.0, "General", "501102030"),
        (4.8501102031e10, "General", "48501102031"),
        (48501102031, "0", "48501102031"),
        (0.2, "General", "0.2"),
        (1.1, "General", "1.1"),
        (1e-7, "General", "0.0000001"),
        (0.1 + 0.2, "General", "0.3"),
        (1234.5, "#,##0.00", "1234.5"),
        (0.2, "0%", "20%"),
        (0.125, "0.00%", "12.5%"),
        (123, "00000", "00123"),
        (501102030, "000-000-000", "501-102-030"),
        (501102030, r"000\ 000\ 000", "501 102 030"),
        (501102030, "###-###-###", "501102030"),
        (1234567, "000-000", "1234-567"),
        (-5, "General", "-5"),
        (True, "General", "true"),
        (False, "General", "false"),
        ("'=SUM(A1)", "General", "=SUM(A1)"),
        ("00123", "General", "00123"),
        (date(2026, 12, 1), "yyyy-mm-dd", "2026-12-01"),
        (datetime(2026, 12, 1, 14, 30), "yyyy-mm-dd hh:mm", "2026-12-01 14:30"),  # noqa: DTZ001  # Excel knows no zones
        (datetime(2026, 12, 1, 14, 30, 5), "dd.mm.yyyy", "2026-12-01 14:30:05"),  # noqa: DTZ001
        (time(9, 5), "hh:mm", "09:05"),
        (1.5, "[h]:mm", "36:00"),
    ],
)
def test_a_cell_says_what_a_person_sees(workspace: Workspace, value: object, code: str, text: str) -> None:
    assert cells(workspace, workbook([["x"], [value]], {"A2": code})) == [(2, [text])]


@pytest.mark.parametrize(
    ("value", "code", "reason"),
    [
        ("#N/A", "excel_error", "the cell holds the Excel error #N/A; mend its formula"),
        ("#REF!", "excel_error", "the cell holds the Excel error #REF!; mend its formula"),
        ("=A1&A2", "formula_without_value", "the cell holds a formula whose result was not saved"),
        (date(2026, 1, 5), "excel_date", "Excel turned it into a date"),
        (12345678901234567890, "spreadsheet_rounded", "Excel keeps 15 digits of a number"),
        ("4.85E+10", "spreadsheet_rounded", "a spreadsheet rounded the number"),
        (50110203, "too_short", "the number has 8 digits"),
        (501102030.5, "malformed", "this is a decimal fraction"),
    ],
)
def test_what_excel_has_spoiled_is_said_of_the_number(
    workspace: Workspace, value: object, code: str, reason: str
) -> None:
    workspace.write("lists/a.xlsx", workbook([["number", "name"], [value, "Ola"]]))
    (row,) = workspace.read({"xlsx": "lists/a.xlsx"})
    assert isinstance(row, SetAside)
    assert (row.code, row.bucket.value) == (code, "invalid")
    assert row.reason.startswith(reason)


def test_an_excel_error_elsewhere_is_a_missing_cell_and_never_sent(workspace: Workspace) -> None:
    workspace.write("lists/a.xlsx", workbook([["number", "name", "when"], [501102030, "#N/A", date(2026, 12, 1)]]))
    (row,) = workspace.read({"xlsx": "lists/a.xlsx"})
    assert isinstance(row, Recipient)
    assert row.vars == {"number": "501102030", "when": "2026-12-01"}
    assert all(type(value) is str for value in row.vars.values())


def test_the_claimed_size_of_a_sheet_is_not_believed(workspace: Workspace) -> None:
    for claimed in (b"A1:XFD1048576", b"A1:A2"):
        content = changed(GOOD, {SHEET: (b'ref="A1:B3"', b'ref="' + claimed + b'"')})
        assert [row for row, _ in cells(workspace, content)] == [2, 3]


def test_rows_are_numbered_as_excel_numbers_them_and_blank_ones_are_skipped(workspace: Workspace) -> None:
    book = Book()
    sheet = book.active
    assert sheet is not None
    sheet["B2"], sheet["C2"] = "number", "name"
    sheet["B5"], sheet["C1048576"] = 501102030, "last"
    sheet["A2"] = "id"
    sheet["D4"].number_format = "0%"
    assert cells(workspace, saved(book)) == [(5, ["", "501102030", ""]), (1048576, ["", "", "last"])]


def test_content_right_of_the_header_makes_a_row_malformed(workspace: Workspace) -> None:
    workspace.write("lists/a.xlsx", workbook([["number", "name"], [501102030, "Ola", None, "stray"]]))
    (row,) = workspace.read({"xlsx": "lists/a.xlsx"})
    assert isinstance(row, SetAside)
    assert row.code == "malformed_row"
    assert row.reason.endswith("give what stands right of them a header, or delete it")


def test_hidden_rows_are_read_and_said_so_and_so_is_the_choice_of_a_sheet(workspace: Workspace) -> None:
    book = Book()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Ukryty"
    sheet.sheet_state = "hidden"
    shown = book.create_sheet("Klienci")
    book.create_sheet("Archiwum")
    for row in (["number"], [501102030], [601102030]):
        shown.append(row)
    shown.row_dimensions[3].hidden = True
    workspace.write("lists/a.xlsx", saved(book))
    audience = workspace.audience({"xlsx": "lists/a.xlsx"})
    assert [row.row for row in audience.rows()] == [2, 3]
    assert audience.remarks == (
        "lists/a.xlsx has 2 sheets; the first, 'Klienci', is read (`sheet:` names another)",
        "lists/a.xlsx has 1 hidden row, which is read like any other",
    )


def test_a_sheet_is_found_by_its_name_and_a_missing_one_names_the_near_one(workspace: Workspace) -> None:
    assert cells(workspace, GOOD, "klienci") == cells(workspace, GOOD)
    found = refused(workspace, GOOD, "Kliencii")
    assert (found.message, found.fix) == ("the workbook has no sheet 'Kliencii'", "did you mean `Klienci`?")


def test_faulty_headers(workspace: Workspace) -> None:
    assert refused(workspace, workbook([])).message == "the sheet 'Klienci' is empty"
    assert "no header: it holds a phone number" in refused(workspace, workbook([[501102030, "Ola"]])).message
    assert "at most 1000" in refused(workspace, workbook([[f"c{n}" for n in range(1001)]])).message
    book = Book()
    sheet = book.active
    assert sheet is not None
    for row in (["number", "who", None, "x"], [501102030, "Ola", "Kot", 1]):
        sheet.append(row)
    sheet.merge_cells("B1:C1")
    found = refused(workspace, saved(book))
    assert found.message == "column 3 has no name: the cells B1:C1 of the header are merged"
    assert (found.line, found.fix) == (1, "split them, and give each column its name")


OLE = bytes.fromhex("d0cf11e0a1b11ae1")


@pytest.mark.parametrize(
    ("content", "message", "way_out"),
    [
        (b"", "the file is empty", "save it as an Excel workbook"),
        (b"number,name\n501102030,Ola\n", "this is a text file with the ending .xlsx, no workbook", "`csv:`"),
        (b"<html><table>", "this is a web page or XML with the ending .xlsx, no workbook", "save it as"),
        (OLE + bytes(2000), "this is a workbook of the old .xls format", "save it as an Excel workbook"),
        (
            OLE + bytes(500) + "EncryptedPackage".encode("utf-16-le") + bytes(500),
            "the workbook is protected with a password, so it cannot be read",
            "remove the password",
        ),
        (b"\x89PNG\0\0\0", "this is no Excel workbook", "save it as"),
        (GOOD[:-100], "the workbook is cut off or damaged (BadZipFile: File is not a zip file)", "get it anew"),
        (GOOD[:40], "the workbook is cut off or damaged (BadZipFile: File is not a zip file)", "get it anew"),
    ],
)
def test_a_file_that_is_no_workbook_is_one_finding_with_a_way_out(
    workspace: Workspace, content: bytes, message: str, way_out: str
) -> None:
    found = refused(workspace, content)
    assert found.message == message
    assert way_out in found.fix


def test_other_zip_files_and_strict_workbooks_are_told_apart(workspace: Workspace) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    assert "an OpenDocument file" in refused(workspace, out.getvalue()).message
    strict = changed(
        GOOD,
        {
            "xl/workbook.xml": (
                b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
                b"http://purl.oclc.org/ooxml/spreadsheetml/main",
            )
        },
    )
    assert "Strict" in refused(workspace, strict).message


def test_bombs_are_refused_before_they_are_unpacked(workspace: Workspace) -> None:
    bomb = changed(GOOD, {}, {"xl/media/a.bin": bytes(60 << 20)})
    assert re.fullmatch(r"unpacked it would have 6\d MiB in \d+ parts, far too many", refused(workspace, bomb).message)
    entities = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]>'
    for part in ("xl/workbook.xml", SHEET, "xl/sharedStrings.xml", "xl/styles.xml", "[Content_Types].xml"):
        with zipfile.ZipFile(io.BytesIO(GOOD)) as file:
            text = file.read(part)
        content = changed(GOOD, {part: (text, entities + re.sub(rb"^<\?xml[^>]*>", b"", text))})
        assert refused(workspace, content).message == "its XML declares entities, which no workbook does"
    locked = bytearray(GOOD)
    at = locked.rfind(b"PK\x01\x02")
    locked[at + 8] |= 1
    assert refused(workspace, bytes(locked)).message == "its zip file is encrypted"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'<row r="3"', b'<row r="2"'),
        (b'<row r="3"', b'<row r="1048577"'),
        (b'<row r="3"', b'<row r="x"'),
        (b'r="A3"', b'r="ZZZ3"'),
        (b'r="A3"', b'r="?"'),
        (b"<v>4</v>", b"<v>999</v>"),
        (b"<v>4</v>", b"<v>-1</v>"),
        (b"<v>501102030</v>", b"<v>five</v>"),
        (b"</sheetData>", b""),
    ],
)
def test_a_sheet_that_makes_no_sense_is_a_finding_about_it(workspace: Workspace, before: bytes, after: bytes) -> None:
    found = refused(workspace, changed(GOOD, {SHEET: (before, after)}))
    assert found.file == "lists/a.xlsx"
    assert "damaged" in found.message


def test_a_workbook_also_excludes(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "number\n501102030\n601102030\n")
    workspace.write("lists/out.xlsx", workbook([["number"], [501102030]]))
    rows = workspace.read({"csv": "lists/a.csv"}, exclude=[{"xlsx": "lists/out.xlsx"}])
    assert [row.reason for row in rows if isinstance(row, SetAside)] == ["opted out: lists/out.xlsx row 2"]
    workspace.write("lists/out.xlsx", workbook([["number"], ["#N/A"]]))
    with pytest.raises(InvalidInput) as error:
        workspace.read({"csv": "lists/a.csv"}, exclude=[{"xlsx": "lists/out.xlsx"}])
    assert "the opt-out in row 2 cannot be read: the cell holds the Excel error #N/A" in str(
        error.value.findings[0].message
    )


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    flips=st.integers(1, 12),
    where=st.sampled_from(["zip", SHEET, "xl/styles.xml", "xl/workbook.xml", "xl/sharedStrings.xml"]),
)
def test_changed_bytes_are_findings_and_never_a_traceback(
    workspace: Workspace, seed: int, flips: int, where: str
) -> None:
    chance = random.Random(seed)

    def spoilt(data: bytes) -> bytes:
        changing = bytearray(data)
        for _ in range(flips):
            at = chance.randrange(len(changing))
            if chance.random() < 0.2:
                del changing[at : at + chance.randrange(1, 40)]
            else:
                changing[at] = chance.choice([chance.randrange(256), *b'<>&"/0129'])
        return bytes(changing)

    if where == "zip":
        content = spoilt(GOOD)
    else:
        with zipfile.ZipFile(io.BytesIO(GOOD)) as file:
            part = file.read(where)
        content = changed(GOOD, {where: (part, spoilt(part))})
    workspace.write("lists/a.xlsx", content)
    rows, findings = [], []
    try:
        rows = workspace.read({"xlsx": "lists/a.xlsx", "number": "number"})
    except InvalidInput as error:
        findings = [finding.message for finding in error.findings]
    assert all(findings)
    assert len({row.row for row in rows}) == len(rows)
