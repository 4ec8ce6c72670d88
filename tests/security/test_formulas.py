"""No cell of a report is a formula to a spreadsheet, and reading the report again gives every value back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from mmsflow.audience.csv_lists import CsvList
from mmsflow.audience.formula_guard import guarded, unguarded

from .hostile_gateway import FORMULA, HostileGateway
from .story import FORMULAS, INVALID, Story

_BEGINNINGS = "=+-@\t\r\n＝＋－＠"
_OFTEN_SKIPPED = " \u00a0\u200b\u200e\u200f\u2060\ufeff\u3000"
_TEXTS = ("source", "number", "variant", "status", "reason", "gateway_id", "subject")
# A list's own guard is taken away, and a subject is one line without outer spaces.
SUBJECTS = [" ".join(unguarded(text).split()) for text in FORMULAS]


def cells(story: Story) -> list[dict[str, str]]:
    with (story.reports / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def originals(story: Story) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads((story.reports / "report.json").read_text("utf-8"))["rows"]
    return rows


def is_number(cell: str) -> bool:
    return len(cell) == 12 and cell.startswith("+48") and cell[1:].isdigit()


def test_no_cell_of_the_real_report_begins_like_a_formula(story: Story) -> None:
    rows = cells(story)
    found = [cell for row in rows for cell in row.values() if cell.lstrip(_OFTEN_SKIPPED)[:1] in _BEGINNINGS and cell]
    assert found
    assert all(map(is_number, found))


def test_the_report_holds_formulas_out_of_every_source(story: Story) -> None:
    subjects = {str(row["subject"]) for row in originals(story)}
    numbers = {str(row["number"]) for row in originals(story)}
    assert subjects >= set(SUBJECTS)
    assert numbers >= set(map(unguarded, INVALID))
    assert any(str(row["gateway_id"]).startswith("=") for row in originals(story))
    assert any(str(row["reason"]).find(FORMULA) >= 0 for row in originals(story))


def test_reading_the_report_as_a_list_gives_the_same_values_back(story: Story) -> None:
    (story.folder / "lists" / "again.csv").write_bytes((story.reports / "report.csv").read_bytes())
    with CsvList(story.folder, "lists/again.csv", delimiter=None, encoding=None) as table:
        again = [dict(zip(table.columns, row, strict=True)) for _, row in table.rows()]
    assert [{name: row[name] for name in _TEXTS} for row in again] == [
        {name: row[name] for name in _TEXTS} for row in originals(story)
    ]


def test_the_handset_gets_the_subject_as_it_was_written(story: Story, hostile: HostileGateway) -> None:
    sent = b"".join(body for _, body in hostile.received)
    assert all(json.dumps(text).encode() in sent for text in SUBJECTS)


@pytest.mark.parametrize("text", ["=1", " =1", "'=1", "''=1", "\t@x", "＝1", "\u200b+1", "' -1", "'\ufeff'=x"])
def test_a_guard_can_be_undone_however_often_it_was_put_on(text: str) -> None:
    twice = guarded(guarded(text))
    assert twice == "''" + text
    assert unguarded(unguarded(twice)) == text


@pytest.mark.parametrize("text", ["", "'", "'tis", "O'Neill", "1+1", "' '", "'ok =1"])
def test_what_is_no_formula_keeps_its_apostrophe(text: str, tmp_path: Path) -> None:
    assert (guarded(text), unguarded(text)) == (text, text)
