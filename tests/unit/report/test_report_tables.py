from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from report_samples import RUN, START, a_row

from mmsflow.audience.formula_guard import unguarded
from mmsflow.ledger.model import FrozenInput, ReportRow, RunInfo
from mmsflow.mms.status import Bucket
from mmsflow.report import document
from mmsflow.report.moments import Moments, zone_of
from mmsflow.report.summary import Summariser
from mmsflow.report.tables import COLUMNS, CsvTable, JsonRows, guarded_number

FORMULAS = [
    *(sign + "1+1" for sign in "=+-@\t\r\n＝＋－＠"),
    '=HYPERLINK("http://evil.example";"click")',
    " =1+1",
    "\u00a0@SUM(A1)",
    "\u200b=1+1",
    "'=1+1",
    "''=1+1",
    "\ufeff-1",
]
PLAIN = ["", "Ola", "'tis", "''", " ", "1+1", "kod -20%", 'say "hi", you', "two\r\nlines", "a;b", "🎁", "ł\u202eevil"]


def cells(*rows: ReportRow, run: RunInfo = RUN) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    CsvTable(file, run, Moments(zone_of(run.config))).add(rows)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def the_document(
    rows: Sequence[ReportRow], run: RunInfo = RUN, inputs: Sequence[FrozenInput] = ()
) -> dict[str, object]:
    file, moments = io.StringIO(), Moments(zone_of(run.config))
    summariser = Summariser(len(rows), (), moments)
    file.write(document.opening(run, inputs, START, moments))
    json_rows = JsonRows(file, run, moments)
    for row in rows:
        json_rows.add([row])
        summariser.add([row])
    file.write(document.closing(summariser.summary(), moments))
    return dict(json.loads(file.getvalue()))


def test_the_columns_are_the_promised_ones_in_their_order() -> None:
    promised = (
        "run, campaign, row, source, number, variant, bucket, status, reason, gateway_id, wave, attempts, "
        "planned_at, sent_at, final_at, subject"
    )
    assert ", ".join(COLUMNS) == promised


def test_a_row_reads_back_as_it_was() -> None:
    (cell,) = cells(a_row(7, variant="b", reason="fine", attempts=2, wave=3))
    assert cell == {
        "run": RUN.run,
        "campaign": RUN.campaign,
        "row": "8",
        "source": "lists/loyalty.csv",
        "number": "+48501102030",
        "variant": "b",
        "bucket": "delivered",
        "status": "Retrieved",
        "reason": "fine",
        "gateway_id": "a1",
        "wave": "3",
        "attempts": "2",
        "planned_at": "2026-12-01T09:00:00+01:00",
        "sent_at": "2026-12-01T09:00:00+01:00",
        "final_at": "2026-12-01T09:03:00+01:00",
        "subject": "Ola, kod 7",
    }


def test_a_row_without_a_message_has_no_wave_and_no_instants() -> None:
    (cell,) = cells(a_row(1, Bucket.EXCLUDED, final_at=None))
    assert [cell[name] for name in ("wave", "attempts", "planned_at", "sent_at", "final_at")] == ["", "0", "", "", ""]


def test_lines_end_as_spreadsheets_expect() -> None:
    file = io.StringIO(newline="")
    CsvTable(file, RUN, Moments(zone_of(RUN.config))).add([a_row()])
    assert file.getvalue().count("\r\n") == file.getvalue().count("\n") == 2


@pytest.mark.parametrize("field", ["source", "number", "variant", "status", "reason", "gateway_id", "subject"])
@pytest.mark.parametrize("text", FORMULAS)
def test_no_field_begins_like_a_formula_and_the_original_can_be_had_back(field: str, text: str) -> None:
    (cell,) = cells(a_row(1, Bucket.INVALID, **{field: text}))
    assert cell[field] == "'" + text
    assert unguarded(cell[field]) == text


@pytest.mark.parametrize("text", PLAIN)
def test_a_text_that_is_no_formula_is_left_as_it_is(text: str) -> None:
    (cell,) = cells(a_row(subject=text, reason=text))
    assert (cell["subject"], cell["reason"]) == (text, text)
    assert unguarded(text) == text


@pytest.mark.parametrize(
    ("number", "cell"),
    [
        ("+48501102030", "+48501102030"),
        ("+4850110203", "'+4850110203"),
        ("+485011020301", "'+485011020301"),
        ("+48=1+1+1+11", "'+48=1+1+1+11"),
        ("+48٥٠١١٠٢٠٣٠", "'+48٥٠١١٠٢٠٣٠"),
        ("4.85E+10", "4.85E+10"),
    ],
)
def test_only_a_whole_polish_number_may_begin_with_a_plus(number: str, cell: str) -> None:
    assert guarded_number(number) == cell


def test_the_document_has_the_rows_of_the_table_with_nothing_prefixed() -> None:
    rows = [a_row(1, subject='=1+1 "x" \\ \u2028 \x00'), a_row(2, Bucket.INVALID, number="+49 30 1", final_at=None)]
    found = the_document(rows)["rows"]
    assert isinstance(found, list)
    assert [tuple(row) for row in found] == [COLUMNS, COLUMNS]
    assert found[0]["subject"] == rows[0].subject
    assert (found[1]["number"], found[1]["wave"], found[1]["sent_at"]) == ("+49 30 1", None, None)


def test_the_document_says_what_was_run_and_how_the_rows_add_up() -> None:
    run = replace(RUN, git_clean=False)
    found = the_document([a_row(1), a_row(2, Bucket.FAILED)], run, [FrozenInput("list", "lists/a.csv", "00", 12)])
    facts = found["run"]
    assert isinstance(facts, dict)
    assert (facts["git_commit"], facts["git_clean"], facts["plan_sha256"]) == (run.git_commit, False, run.plan_sha256)
    assert facts["inputs"] == [{"kind": "list", "path": "lists/a.csv", "sha256": "00", "size_bytes": 12}]
    assert found["buckets"] == {bucket.value: int(bucket in (Bucket.DELIVERED, Bucket.FAILED)) for bucket in Bucket}
    assert found["adds_up"] is True


def test_a_run_without_rows_is_a_whole_document() -> None:
    assert the_document([])["rows"] == []


def test_instants_of_the_document_are_iso_8601_with_offset() -> None:
    found = the_document([a_row(1, final_at=START + timedelta(seconds=90, microseconds=7))])["rows"]
    assert isinstance(found, list)
    assert datetime.fromisoformat(found[0]["final_at"]) == START + timedelta(seconds=90)


KEEPING = replace(RUN, config={**RUN.config, "segments": ["city"], "consent": ["zgoda", "date"]})


def test_columns_of_segments_and_consent_stand_after_the_promised_ones() -> None:
    (cell,) = cells(a_row(1, segments=("Gdynia",), consent=("tak", "2026-01-02")), run=KEEPING)
    assert tuple(cell) == (*COLUMNS, "segment:city", "consent:zgoda", "consent:date")
    assert [cell[name] for name in tuple(cell)[-3:]] == ["Gdynia", "tak", "2026-01-02"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_kept_cell_that_begins_like_a_formula_is_guarded_and_can_be_had_back(text: str) -> None:
    (cell,) = cells(a_row(1, segments=(text,), consent=(text, text)), run=KEEPING)
    for name in ("segment:city", "consent:zgoda", "consent:date"):
        assert cell[name] == "'" + text
        assert unguarded(cell[name]) == text


def test_a_row_that_was_set_aside_has_no_consent_to_show() -> None:
    row = a_row(1, Bucket.INVALID, segments=("Gdynia",), consent=())
    (cell,) = cells(row, run=KEEPING)
    assert [cell[name] for name in ("segment:city", "consent:zgoda", "consent:date")] == ["Gdynia", "", ""]
    found = the_document([row], KEEPING)["rows"]
    assert isinstance(found, list)
    assert found[0]["segments"] == {"city": "Gdynia"}
    assert found[0]["consent"] == {"zgoda": None, "date": None}


def test_the_document_has_kept_cells_as_they_were() -> None:
    hostile = '=1+1 "x" \\ \u2028 \x00 </script>'
    found = the_document([a_row(1, segments=(hostile,), consent=("tak", hostile))], KEEPING)["rows"]
    assert isinstance(found, list)
    assert (found[0]["segments"], found[0]["consent"]) == ({"city": hostile}, {"zgoda": "tak", "date": hostile})
