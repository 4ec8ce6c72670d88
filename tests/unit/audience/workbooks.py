"""Workbooks for tests: made by openpyxl as a person would make them, or their parts changed by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

import xlsxwriter
from openpyxl import Workbook as Book

SHEET = "xl/worksheets/sheet1.xml"


def workbook(
    rows: Sequence[Sequence[object]], formats: Mapping[str, str] | None = None, title: str = "Klienci"
) -> bytes:
    """A workbook with one sheet; ``formats`` are number formats by cell, such as ``{"A2": "00000"}``."""
    book = Book()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    for cell, code in (formats or {}).items():
        sheet[cell].number_format = code
    return saved(book)


def shared(rows: Sequence[Sequence[object]]) -> bytes:
    """A workbook whose cells share their texts, as Excel itself writes it."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet("Klienci")
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


def saved(book: Book) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def changed(
    content: bytes, replacements: Mapping[str, tuple[bytes, bytes]], added: Mapping[str, bytes] | None = None
) -> bytes:
    """The workbook with a text replaced in some of its parts, and with more parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name in replacements:
                before, after = replacements[name]
                assert before in data, (name, data[:2000])
                data = data.replace(before, after)
            new.writestr(name, data)
        for name, data in (added or {}).items():
            new.writestr(name, data)
    return out.getvalue()
