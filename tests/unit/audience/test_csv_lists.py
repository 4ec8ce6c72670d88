"""CSV as it really comes: delimiters, encodings, spreadsheets' habits, and damage that is named with its place."""

from __future__ import annotations

import codecs
from collections.abc import Callable

import pytest

from mmsflow.audience.bytestream import BUFFER_BYTES
from mmsflow.audience.model import Recipient, SetAside
from mmsflow.errors import Finding, InvalidInput

from .conftest import Workspace

Outcomes = Callable[[list[Recipient | SetAside]], list[tuple[int, str]]]
ROWS = "msisdn;imię\n501102030;Żółć\n502102030;Łucja\n"


def finding_of(workspace: Workspace, content: str | bytes, **source: object) -> Finding:
    with pytest.raises(InvalidInput) as caught:
        workspace.read_csv(content, **source)
    (finding,) = caught.value.findings
    assert finding.fix
    return finding


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(workspace: Workspace, delimiter: str) -> None:
    rows = workspace.read_csv(ROWS.replace(";", delimiter))
    assert [row.vars["imię"] for row in rows if isinstance(row, Recipient)] == ["Żółć", "Łucja"]


def test_a_delimiter_inside_quotes_does_not_mislead(workspace: Workspace) -> None:
    (row,) = workspace.read_csv('msisdn;"city, street, door"\n501102030;"Gdynia, Portowa, 7"\n')
    assert isinstance(row, Recipient)
    assert row.vars["city_street_door"] == "Gdynia, Portowa, 7"


def test_a_delimiter_that_the_campaign_names_is_taken(workspace: Workspace) -> None:
    (row,) = workspace.read_csv("msisdn:a;b\n501102030:x\n", delimiter=":")
    assert isinstance(row, Recipient)
    assert row.vars == {"msisdn": "501102030", "a_b": "x"}


def test_the_line_in_which_excel_declares_the_delimiter_is_no_row(workspace: Workspace, outcomes: Outcomes) -> None:
    rows = workspace.read_csv("\ufeffsep=;\r\nmsisdn;a,b,c\r\n501102030;x\r\nx;y\r\n")
    assert outcomes(rows) == [(2, "sent"), (3, "letters")]


def test_a_list_of_one_column_keeps_delimiters_in_its_cells(workspace: Workspace, outcomes: Outcomes) -> None:
    assert outcomes(
        workspace.read_csv("numer\n501102030\n502102030, 503102030\n504102030;505102030\n506102030,\n")
    ) == [
        (2, "sent"),
        (3, "two_numbers"),
        (4, "two_numbers"),
        (5, "sent"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1250", "utf-16"])
def test_the_encoding_is_found(workspace: Workspace, encoding: str) -> None:
    rows = workspace.read_csv(ROWS.encode(encoding))
    assert [row.vars["imię"] for row in rows if isinstance(row, Recipient)] == ["Żółć", "Łucja"]


def test_the_first_letter_that_is_not_ascii_decides_wherever_it_is(workspace: Workspace) -> None:
    filler = "501102030;x\n" * (BUFFER_BYTES // 6)
    rows = workspace.read_csv(("msisdn;name\n" + filler + "502102030;Żaneta\n").encode("cp1250"))
    assert isinstance(rows[-1], Recipient)
    assert rows[-1].vars["name"] == "Żaneta"


@pytest.mark.parametrize("before_edge", [0, 1, 2])
def test_a_letter_on_the_edge_of_two_chunks_is_read_whole(workspace: Workspace, before_edge: int) -> None:
    row = "501102030;x\n"
    start = "msisdn;name\n" + row * ((BUFFER_BYTES - 40) // len(row)) + "502102030;"
    start += "x" * (BUFFER_BYTES - before_edge - len(start))
    last = workspace.read_csv(start + "ż\n")[-1]
    assert isinstance(last, Recipient)
    assert str(last.vars["name"]).endswith("xż")


def test_an_encoding_that_the_campaign_names_is_taken(workspace: Workspace) -> None:
    rows = workspace.read_csv(ROWS.encode("iso8859-2"), encoding="iso-8859-2")
    assert isinstance(rows[0], Recipient)
    assert rows[0].vars["imię"] == "Żółć"


def test_a_mark_of_utf8_is_no_part_of_the_first_column_when_utf8_is_named(workspace: Workspace) -> None:
    assert isinstance(workspace.read_csv(ROWS.encode("utf-8-sig"), encoding="utf-8")[0], Recipient)


def test_another_encoding_in_the_middle_is_named_with_line_and_byte(workspace: Workspace) -> None:
    good = "msisdn;name\n501102030;Żaneta\n502102030;".encode()
    finding = finding_of(workspace, good + "Łucja\n".encode("cp1250"))
    assert finding.place == "lists/a.csv:3"
    assert f"byte {len(good)} " in finding.message


def test_a_wrong_byte_far_down_a_utf8_list_with_a_mark_is_named_exactly(workspace: Workspace) -> None:
    good = codecs.BOM_UTF8 + ("msisdn;name\n" + "501102030;Żaneta\n" * 40_000).encode()
    finding = finding_of(workspace, good + b"502102030;\xa3\n")
    assert finding.place == "lists/a.csv:40002"
    assert f"byte {len(good) + 10} " in finding.message


def test_utf8_in_the_middle_of_a_windows_list_is_named_with_line_and_byte(workspace: Workspace) -> None:
    good = "msisdn;name\n501102030;Żaneta\n502102030;".encode("cp1250")
    finding = finding_of(workspace, good + "Łucja\n".encode())
    assert finding.place == "lists/a.csv:3"
    assert f"byte {len(good)} " in finding.message


def test_a_nul_byte_is_named_with_line_and_byte(workspace: Workspace) -> None:
    finding = finding_of(workspace, b"msisdn;name\n501102030;O\0la\n")
    assert finding.place == "lists/a.csv:2"
    assert "byte 23" in finding.message


def test_utf16_without_its_mark_is_named(workspace: Workspace) -> None:
    assert "UTF-16" in finding_of(workspace, ROWS.encode("utf-16-le")).fix


def test_a_nul_character_in_utf16_is_named(workspace: Workspace) -> None:
    assert finding_of(workspace, "msisdn;name\n501102030;O\0la\n".encode("utf-16")).place == "lists/a.csv:2"


def test_half_a_letter_of_utf16_is_an_error(workspace: Workspace) -> None:
    assert "UTF-16" in finding_of(workspace, ROWS.encode("utf-16") + b"x").message


def test_a_quoted_cell_may_hold_lines_and_quotes(workspace: Workspace, outcomes: Outcomes) -> None:
    rows = workspace.read_csv('msisdn,note\n501102030,"first\nsecond, ""third"""\n502102030,x\n')
    assert outcomes(rows) == [(2, "sent"), (3, "sent")]
    assert isinstance(rows[0], Recipient)
    assert rows[0].vars["note"] == 'first\nsecond, "third"'


def test_blank_lines_count_as_rows_of_the_sheet_but_are_no_rows_of_the_list(
    workspace: Workspace, outcomes: Outcomes
) -> None:
    assert outcomes(workspace.read_csv("msisdn,a\r\n\r\n501102030,x\r\n\r\nx\r\n")) == [(3, "sent"), (5, "letters")]


def test_a_row_of_empty_cells_is_not_passed_over(workspace: Workspace, outcomes: Outcomes) -> None:
    assert outcomes(workspace.read_csv("msisdn,a\n,\n")) == [(2, "empty")]


def test_missing_cells_at_the_end_are_empty_and_surplus_empty_ones_do_no_harm(
    workspace: Workspace, outcomes: Outcomes
) -> None:
    assert outcomes(workspace.read_csv("msisdn,a,b\n501102030\n502102030,x,y,,\n503102030,x,y,z\n")) == [
        (2, "sent"),
        (3, "sent"),
        (4, "malformed_row"),
    ]


def test_lines_may_end_as_on_any_system(workspace: Workspace, outcomes: Outcomes) -> None:
    assert outcomes(workspace.read_csv("msisdn,a\r501102030,x\r502102030,y")) == [(2, "sent"), (3, "sent")]


def test_separators_of_unicode_end_no_row(workspace: Workspace) -> None:
    (row,) = workspace.read_csv("msisdn,a\n501102030,x\u2028y\x0bz\x85\n")
    assert isinstance(row, Recipient)
    assert row.vars["a"] == "x\u2028y\x0bz\x85"


def test_a_quote_that_is_never_closed_is_named_where_its_row_starts(workspace: Workspace) -> None:
    finding = finding_of(workspace, 'msisdn,a\n501102030,x\n502102030,"Ola\n503102030,y\n')
    assert finding.place == "lists/a.csv:3"
    assert "never closed" in finding.message


def test_a_quote_that_swallows_rows_is_an_error_not_a_smaller_list(workspace: Workspace) -> None:
    finding = finding_of(workspace, 'msisdn,a\n501102030,"Ola\n502102030,Jan\n503102030,Ela"\n504102030,x\n')
    assert finding.place == "lists/a.csv:2"
    assert "whole rows" in finding.message


def test_text_after_a_closing_quote_is_named(workspace: Workspace) -> None:
    assert finding_of(workspace, 'msisdn,a\n501102030,"Ola" Nowak\n').place == "lists/a.csv:2"


def test_a_quote_inside_an_unquoted_cell_is_just_a_character(workspace: Workspace) -> None:
    (row,) = workspace.read_csv('msisdn,a\n501102030,ekran 5"\n')
    assert isinstance(row, Recipient)
    assert row.vars["a"] == 'ekran 5"'


def test_a_cell_beyond_all_measure_is_named(workspace: Workspace) -> None:
    finding = finding_of(workspace, "msisdn,a\n501102030," + "x" * 140_000 + "\n")
    assert finding.place == "lists/a.csv:2"
    assert "131,072" in finding.message


def test_a_line_without_end_is_refused_before_it_fills_the_memory(workspace: Workspace) -> None:
    assert "4 MiB" in finding_of(workspace, b"msisdn,a\n" + b"x," * 2_200_000).message


@pytest.mark.parametrize(
    ("header", "place", "message"),
    [
        ("msisdn,name,name", "lists/a.csv:1:13", "columns 2 and 3 are both named 'name'"),
        ("msisdn,,name", "lists/a.csv:1:8", "column 2 has no name"),
        ("\n\nmsisdn,name,", "lists/a.csv:3:13", "column 3 has no name"),
        ("sep=,\nmsisdn,,a", "lists/a.csv:2:8", "column 2 has no name"),
        ("501102030,Ola", "lists/a.csv:1", "the first row is no header: it holds a phone number"),
        ("", "lists/a.csv", "the list is empty"),
        ("\n\n", "lists/a.csv", "the list is empty"),
        ("msisdn" + ",x" * 2_000, "lists/a.csv:1", "2001 columns, at most 1000"),
        ('"msisdn', "lists/a.csv:1", "a quoted cell of the row that starts here is never closed"),
    ],
)
def test_a_header_that_cannot_be_one_is_named(workspace: Workspace, header: str, place: str, message: str) -> None:
    finding = finding_of(workspace, header)
    assert (finding.place, finding.message) == (place, message)


@pytest.mark.parametrize(
    "name", ["MSISDN", "Nr telefonu", "Telefon komórkowy", "komórka", "numer_telefonu", "tel.", "\u200bphone ", "Numer"]
)
def test_the_usual_names_of_the_number_need_not_be_said(workspace: Workspace, name: str, outcomes: Outcomes) -> None:
    assert outcomes(workspace.read_csv(f"imię;{name}\nOla;501102030\n")) == [(2, "sent")]


def test_two_usual_names_ask_for_a_decision(workspace: Workspace, outcomes: Outcomes) -> None:
    content = "telefon;komórka\n226210211;501102030\n"
    assert "telefon, komórka" in finding_of(workspace, content).message
    assert outcomes(workspace.read_csv(content, number="komórka")) == [(2, "sent")]


def test_a_missing_number_column_lists_what_is_there(workspace: Workspace) -> None:
    assert "kontakt, imię" in finding_of(workspace, "kontakt;imię\n501102030;Ola\n").message
    finding = finding_of(workspace, "Kontakt;imię\n501102030;Ola\n", number="kontakt")
    assert finding.fix == "did you mean 'Kontakt'?"


def test_a_number_in_a_header_is_masked_in_errors(workspace: Workspace) -> None:
    finding = finding_of(workspace, "kontakt;x501102030\n1;2\n")
    assert "501102030" not in finding.message
    assert "…030" in finding.message
