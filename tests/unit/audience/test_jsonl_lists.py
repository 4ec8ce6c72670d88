"""JSON Lines: one object of plain values a line."""

from __future__ import annotations

import pytest

from mmsflow.audience.model import Recipient, SetAside
from mmsflow.errors import Finding, InvalidInput

from .conftest import Workspace

SOURCE = {"jsonl": "lists/a.jsonl"}


def rows_of(workspace: Workspace, content: str | bytes, **source: object) -> list[Recipient | SetAside]:
    workspace.write("lists/a.jsonl", content)
    return workspace.read({**SOURCE, **source})


def finding_of(workspace: Workspace, content: str | bytes) -> Finding:
    with pytest.raises(InvalidInput) as caught:
        rows_of(workspace, content)
    (finding,) = caught.value.findings
    assert finding.fix
    return finding


def test_values_keep_their_kind_and_null_is_missing(workspace: Workspace) -> None:
    (row,) = rows_of(workspace, '{"phone": 501102030, "age": 7, "vip": true, "rate": 1.5, "city": null, "x": ""}\n')
    assert row == Recipient(
        1, "lists/a.jsonl", 1, "+48501102030", {"phone": 501102030, "age": 7, "vip": True, "rate": 1.5}
    )


def test_a_row_is_a_line_and_blank_lines_are_no_rows(workspace: Workspace) -> None:
    rows = rows_of(workspace, '\ufeff{"phone": "501102030"}\r\n\r\n  \n{"phone": "502102030"}')
    assert [row.row for row in rows] == [1, 4]


def test_a_key_that_only_some_rows_have_is_empty_text_in_a_filter(workspace: Workspace) -> None:
    content = '{"phone": 501102030}\n{"phone": 502102030, "city": "Gdynia"}\n{"phone": 503102030, "city": null}\n'
    rows = rows_of(workspace, content, where='city != ""')
    assert [isinstance(row, Recipient) for row in rows] == [False, True, False]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("4.85E+10", "spreadsheet_rounded"),
        ("4.8501102030E+10", "sent"),
        ("48501102030.0", "sent"),
        ("true", "letters"),
        ("null", "empty"),
        ("-501102030", "sent"),
        ("1e400", "spreadsheet_rounded"),
    ],
)
def test_a_number_is_read_as_it_is_spelled(workspace: Workspace, value: str, code: str) -> None:
    (row,) = rows_of(workspace, f'{{"phone": {value}, "name": "Ola"}}\n')
    assert (row.code if isinstance(row, SetAside) else "sent") == code


def test_a_row_without_the_number_is_set_aside(workspace: Workspace) -> None:
    rows = rows_of(workspace, '{"phone": "501102030"}\n{"name": "Ola"}\n')
    assert isinstance(rows[1], SetAside)
    assert rows[1].code == "empty"


def test_a_json_true_is_no_accepted_one(workspace: Workspace) -> None:
    workspace.write("lists/a.jsonl", '{"phone": 501102030, "ok": 1}\n{"phone": 502102030, "ok": true}\n')
    rows = workspace.read(SOURCE, consent={"column": "ok", "accept": ["1"]})
    assert [isinstance(row, Recipient) for row in rows] == [True, False]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        "501102030",
        '"x"',
        '{"phone": [1]}',
        '{"phone": {"a": 1}}',
        '{"phone": NaN}',
        '{"phone": "1", "phone": "2"}',
        '{"phone": "\\ud800"}',
        '{"phone": "\\u0000"}',
        '{"\\udfff": 1}',
        '{"phone": ' + "9" * 5_000 + "}",
        "[" * 100_000,
        '{"phone": 1} {"phone": 2}',
    ],
)
def test_a_line_that_is_no_object_of_plain_values_is_named(workspace: Workspace, line: str) -> None:
    finding = finding_of(workspace, '{"phone": "501102030"}\n' + line + "\n")
    assert (finding.file, finding.line) == ("lists/a.jsonl", 2)


def test_bytes_that_are_no_utf8_are_named(workspace: Workspace) -> None:
    finding = finding_of(workspace, '{"phone": 1}\n{"phone": "Ż"}\n'.encode("cp1250"))
    assert finding.place == "lists/a.jsonl:2"


@pytest.mark.parametrize("content", ["", "\n\n", "{}\n"])
def test_a_list_without_a_single_key_is_an_error(workspace: Workspace, content: str) -> None:
    assert "empty" in finding_of(workspace, content).message


def test_keys_beyond_all_measure_are_refused(workspace: Workspace) -> None:
    content = "".join(f'{{"phone": 1, "k{number}": 1}}\n' for number in range(1_100))
    assert "1000" in finding_of(workspace, content).message
