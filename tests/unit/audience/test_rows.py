"""Every row ends as a recipient or in one named bucket, with its reason."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import islice

import pytest

from mmsflow.audience.bytestream import ListBytes
from mmsflow.audience.columns import variable_names
from mmsflow.audience.model import Recipient, SetAside
from mmsflow.errors import Finding, InvalidInput
from mmsflow.mms.status import Bucket

from .conftest import Workspace

Outcomes = Callable[[list[Recipient | SetAside]], list[tuple[int, str]]]
A, B = {"csv": "lists/a.csv"}, {"csv": "lists/b.csv"}
CONSENT = {"column": "consent", "accept": ["yes", "tak", "1"]}


def findings_of(workspace: Workspace, *recipients: dict[str, str], **settings: object) -> tuple[Finding, ...]:
    with pytest.raises(InvalidInput) as caught:
        workspace.read(*recipients, **settings)
    return caught.value.findings


def test_a_recipient_knows_its_source_its_row_and_its_cells(workspace: Workspace) -> None:
    rows = workspace.read_csv("msisdn,name,city\n501 102 030,Ola,\n")
    assert rows == [Recipient(1, "lists/a.csv", 2, "+48501102030", {"msisdn": "501 102 030", "name": "Ola"})]


def test_an_empty_cell_counts_as_missing(workspace: Workspace) -> None:
    (row,) = workspace.read_csv("msisdn,name,city\n501102030,  ,\n")
    assert isinstance(row, Recipient)
    assert row.vars == {"msisdn": "501102030"}


def test_every_kind_of_dirty_row_is_set_aside_with_its_reason(workspace: Workspace, outcomes: Outcomes) -> None:
    rows = workspace.read_csv(
        "msisdn;name\n501102030;Ola\n22 621 02 11;Jan\n+4915112345678;Uwe\n50110203;Ewa\n"
        '"501102030, 502102030";Iza\n4,85E+10;Ala\n211123456;licznik\n;Nikt\n501102030;Ola;Gdańsk\n+48 501-102-030;Ola\n'
    )
    assert outcomes(rows) == [
        (2, "sent"),
        (3, "landline"),
        (4, "foreign"),
        (5, "too_short"),
        (6, "two_numbers"),
        (7, "spreadsheet_rounded"),
        (8, "m2m"),
        (9, "empty"),
        (10, "malformed_row"),
        (11, "duplicate"),
    ]
    assert [row.ordinal for row in rows] == list(range(1, 11))
    asides = [row for row in rows if isinstance(row, SetAside)]
    assert {row.bucket for row in asides[:-1]} == {Bucket.INVALID}
    assert asides[0].number == "22 621 02 11"
    assert all(row.reason for row in asides)


def test_a_duplicate_names_the_row_that_is_kept(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n502102030\n501102030\n")
    workspace.write("lists/b.csv", "telefon\n48501102030\n")
    last = workspace.read(A, B)[-1]
    assert isinstance(last, SetAside)
    assert (last.bucket, last.number) == (Bucket.DUPLICATE, "+48501102030")
    assert last.reason == "same number as lists/a.csv row 3"


def test_a_row_is_a_duplicate_only_of_a_row_that_is_sent(workspace: Workspace, outcomes: Outcomes) -> None:
    rows = workspace.read_csv("msisdn,segment\n501102030,tin\n501102030,gold\n", where='segment == "gold"')
    assert outcomes(rows) == [(2, "filtered"), (3, "sent")]


def test_sources_add_up_in_their_order_and_inline_recipients_have_their_position(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n")
    rows = workspace.read({"number": "502102030", "vars": {"name": "Ola", "age": 7}}, A, {"number": "501102030"})
    assert [(row.ordinal, row.source, row.row) for row in rows] == [
        (1, "inline", 1),
        (2, "lists/a.csv", 2),
        (3, "inline", 3),
    ]
    assert isinstance(rows[0], Recipient)
    assert rows[0].vars == {"name": "Ola", "age": 7}
    assert isinstance(rows[2], SetAside)


def test_a_filter_sees_empty_cells_as_empty_text(workspace: Workspace, outcomes: Outcomes) -> None:
    rows = workspace.read_csv("msisdn,city\n501102030,\n502102030,Gdynia\n503102030\n", where='city != ""')
    assert outcomes(rows) == [(2, "filtered"), (3, "sent"), (4, "filtered")]
    aside = rows[0]
    assert isinstance(aside, SetAside)
    assert aside.bucket is Bucket.EXCLUDED
    assert aside.number == "+48501102030"
    assert 'city != ""' in aside.reason


def test_a_filter_that_fails_for_a_row_is_an_error_at_that_row(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn,age\n501102030,7\n502102030,x\n")
    (finding,) = findings_of(workspace, {"csv": "lists/a.csv", "where": "age / 2 > 1"})
    assert finding.place.startswith("lists/a.csv:2")
    assert "row 2" in finding.message


def test_a_filter_on_a_column_that_is_not_there_is_an_error(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n")
    (finding,) = findings_of(workspace, {"csv": "lists/a.csv", "where": 'segment == "gold"'})
    assert "segment" in finding.message


def test_opted_out_numbers_are_excluded_and_the_entry_is_named(workspace: Workspace) -> None:
    workspace.write("lists/optout.csv", "numer\n600100200\n+48 501 102 030\n")
    workspace.write("lists/a.csv", "msisdn\n501102030\n501102030\n502102030\n")
    rows = workspace.read(A, exclude=[{"csv": "lists/optout.csv"}, {"number": "502102030"}])
    assert all(isinstance(row, SetAside) and row.bucket is Bucket.EXCLUDED and row.code == "opt_out" for row in rows)
    reasons = [row.reason for row in rows if isinstance(row, SetAside)]
    assert reasons == ["opted out: lists/optout.csv row 3"] * 2 + ["opted out: inline recipient 2"]


def test_an_opt_out_that_cannot_be_read_is_an_error_with_its_place(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n")
    workspace.write("lists/optout.csv", "msisdn\n501102030\n\n4.85E+10\n226210211\nola@example.com\n")
    findings = findings_of(workspace, A, exclude=[{"csv": "lists/optout.csv"}])
    assert [finding.place for finding in findings] == ["lists/optout.csv:4", "lists/optout.csv:6"]


def test_an_opt_out_row_with_surplus_cells_is_an_error(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n")
    workspace.write("lists/optout.csv", "msisdn,why\n501102030,said,no\n")
    (finding,) = findings_of(workspace, A, exclude=[{"csv": "lists/optout.csv"}])
    assert finding.place == "lists/optout.csv:2"


def test_a_hopeless_opt_out_list_stops_at_fifty_findings(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n")
    workspace.write("lists/optout.csv", "msisdn\n" + "x\n" * 1_000)
    assert len(findings_of(workspace, A, exclude=[{"csv": "lists/optout.csv"}])) == 50


def test_a_missing_opt_out_list_is_an_error_never_an_empty_set(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n")
    (finding,) = findings_of(workspace, A, exclude=[{"csv": "lists/optout.csv"}])
    assert finding.file == "lists/optout.csv"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("yes", "sent"),
        (" TAK ", "sent"),
        ("1", "sent"),
        ("no", "no_consent"),
        ("", "no_consent"),
        ("yess", "no_consent"),
    ],
)
def test_only_the_accepted_words_are_consent(workspace: Workspace, outcomes: Outcomes, cell: str, code: str) -> None:
    workspace.write("lists/a.csv", f"msisdn,consent\n501102030,{cell}\n")
    assert outcomes(workspace.read(A, consent=CONSENT)) == [(2, code)]


def test_a_no_in_any_row_of_a_number_wins(workspace: Workspace, outcomes: Outcomes) -> None:
    workspace.write("lists/a.csv", "msisdn,consent\n501102030,yes\n502102030,yes\n")
    workspace.write("lists/b.csv", "msisdn,consent\n+48 501 102 030,nie\n")
    rows = workspace.read(A, B, consent=CONSENT)
    assert outcomes(rows) == [(2, "no_consent"), (3, "sent"), (2, "no_consent")]
    first, _, last = rows
    assert isinstance(first, SetAside)
    assert first.reason == "no consent in lists/b.csv row 2"
    assert isinstance(last, SetAside)
    assert "'consent'" in last.reason


def test_a_no_in_a_filtered_or_malformed_row_wins_too(workspace: Workspace, outcomes: Outcomes) -> None:
    workspace.write(
        "lists/a.csv",
        "msisdn,consent,segment\n501102030,yes,gold\n501102030,no,tin\n502102030,yes,gold\n502102030,yes,gold,surplus\n",
    )
    rows = workspace.read({**A, "where": 'segment == "gold"'}, consent=CONSENT)
    assert outcomes(rows) == [(2, "no_consent"), (3, "filtered"), (4, "no_consent"), (5, "malformed_row")]


def test_an_inline_recipient_needs_consent_too(workspace: Workspace, outcomes: Outcomes) -> None:
    rows = workspace.read({"number": "501102030", "vars": {"consent": "Yes"}}, {"number": "502102030"}, consent=CONSENT)
    assert outcomes(rows) == [(1, "sent"), (2, "no_consent")]


def test_opting_out_is_named_before_missing_consent(workspace: Workspace, outcomes: Outcomes) -> None:
    workspace.write("lists/a.csv", "msisdn,consent\n501102030,no\n")
    assert outcomes(workspace.read(A, consent=CONSENT, exclude=[{"number": "501102030"}])) == [(2, "opt_out")]


def test_a_list_without_the_consent_column_is_an_error(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn,Consent\n501102030,yes\n")
    (finding,) = findings_of(workspace, A, consent=CONSENT)
    assert finding.place == "lists/a.csv:1"
    assert finding.fix == "did you mean 'Consent'?"


def test_everything_wrong_with_any_list_is_found_at_once(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "who,what\n1,2\n")
    workspace.write("lists/b.csv", "msisdn,msisdn,\n1,2,3\n")
    findings = findings_of(workspace, A, B, {"csv": "lists/c.csv"}, {"jsonl": "lists/d.jsonl"}, consent=CONSENT)
    assert [finding.place for finding in findings] == [
        "lists/a.csv:1",
        "lists/a.csv:1",
        "lists/b.csv:1:8",
        "lists/b.csv:1:15",
        "lists/c.csv",
        "lists/d.jsonl",
    ]


def test_columns_say_which_sources_have_them(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn,name\n501102030,Ola\n")
    workspace.write("lists/b.jsonl", '{"msisdn": 501102030, "city": "Gdynia"}\n')
    audience = workspace.audience(A, {"jsonl": "lists/b.jsonl"}, {"number": "501102030", "vars": {"name": "Ola"}})
    assert audience.columns == {
        "msisdn": ("lists/a.csv", "lists/b.jsonl"),
        "name": ("lists/a.csv", "inline"),
        "city": ("lists/b.jsonl",),
    }


def test_counts_add_up_to_the_rows_of_the_lists(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n501102030\nx\n502102030\n\n503102030\n")
    audience = workspace.audience(A, exclude=[{"number": "502102030"}])
    assert len(list(audience.rows())) == 5
    counts = audience.counts
    assert counts.rows == 5 == counts.recipients + sum(counts.buckets.values())
    assert counts.buckets == {Bucket.DUPLICATE: 1, Bucket.INVALID: 1, Bucket.EXCLUDED: 1}
    assert counts.codes == {"duplicate": 1, "letters": 1, "opt_out": 1}


def test_reading_twice_yields_the_same(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n501102030\n")
    audience = workspace.audience(A)
    assert list(audience.rows()) == list(audience.rows())
    assert audience.counts.rows == 2


def test_an_audience_that_is_left_half_way_closes_its_list(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n" + "501102030\n" * 10)
    assert len(list(islice(workspace.audience(A).rows(), 3))) == 3


def test_a_filter_that_is_no_expression_is_an_error_of_its_list(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n")
    (finding,) = findings_of(workspace, {"csv": "lists/a.csv", "where": 'msisdn != "501102030" nonsense'})
    assert finding.file == "lists/a.csv"
    assert "501102030" not in finding.message


def test_a_disk_that_fails_while_a_list_is_read_is_an_error_of_that_list() -> None:
    class Broken(io.BytesIO):
        def readinto(self, buffer: object) -> int:
            raise OSError(5, "Input/output error")

    with ListBytes(Broken(), "lists/a.csv", "utf-8", guessed=True) as stream, pytest.raises(InvalidInput) as caught:
        stream.read(10)
    assert "Input/output error" in caught.value.findings[0].message


def test_a_column_whose_name_no_template_can_write_is_written_with_underscores() -> None:
    columns = ("Imię i nazwisko", "Kod-promo", "Kod_promo", "2. adres", "!!!", "E-mail", "E mail")
    assert variable_names(columns) == (
        "Imię_i_nazwisko",
        "Kod-promo",  # the next one is called so already
        "Kod_promo",
        "_2_adres",
        "!!!",
        "E_mail",
        "E mail",
    )


def test_templates_and_filters_see_such_a_column(workspace: Workspace, outcomes: Outcomes) -> None:
    content = "Nr telefonu;Imię i nazwisko\n501102030;Ola\n501102031;\n"
    first, second = workspace.read_csv(content, where="Imię_i_nazwisko != ''")
    assert isinstance(first, Recipient)
    assert first.vars == {"Nr_telefonu": "501102030", "Imię_i_nazwisko": "Ola"}
    assert outcomes([second]) == [(3, "filtered")]
