"""A list with forty kinds of dirty rows: each ends in its bucket, with its code and a reason that a person understands."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from mmsflow.audience.history import Capped, History, HistoryQuery, NumberSet
from mmsflow.audience.model import SetAside
from mmsflow.audience.read import Audience
from mmsflow.audience.reasons import INTAKE_WORDS
from mmsflow.campaign.amounts import AtMost
from mmsflow.campaign.templating import Templates

from .conftest import Workspace
from .workbooks import workbook

HEAD = ("number", "name", "city", "consent", "consent_source")
OK = ("Ola", "Radom", "tak", "web")

# (cell of the number, other cells, bucket, code, words of the reason); in the workbook as in the CSV.
DIRTY: list[tuple[object, tuple[object, ...], str, str, str]] = [
    ("", OK, "invalid", "empty", "the cell holds no number"),
    ("   ", OK, "invalid", "empty", "the cell holds no number"),
    ("-", OK, "invalid", "empty", "the cell holds no number"),
    ("brak", OK, "invalid", "letters", "other text than a number"),
    ("501 1O2 030", OK, "invalid", "letters", "a letter stands where a digit belongs"),
    ("ola@example.com", OK, "invalid", "letters", "other text than a number"),
    ("501-KINO-PL", OK, "invalid", "vanity", "write its digits"),
    ("50110203", OK, "invalid", "too_short", "the number has 8 digits"),
    ("12", OK, "invalid", "too_short", "the number has 2 digits"),
    ("5011020304", OK, "invalid", "too_long", "too many digits"),
    ("+485011020301", OK, "invalid", "too_long", "too many digits"),
    ("221234567", OK, "invalid", "landline", "use the person's mobile number"),
    ("+48 12 345 67 89", OK, "invalid", "landline", "a landline, which receives no MMS"),
    ("800100100", OK, "invalid", "special_service", "a free helpline"),
    ("701234567", OK, "invalid", "special_service", "a premium-rate number"),
    ("801100100", OK, "invalid", "special_service", "a shared-cost helpline"),
    ("112", OK, "invalid", "special_service", "a short service number"),
    ("212345678", OK, "invalid", "m2m", "a machine-to-machine number"),
    ("999999999", OK, "invalid", "not_assigned", "look for a typing mistake"),
    ("+49 151 23456789", OK, "invalid", "foreign", "+49, DE"),
    ("+380 50 123 45 67", OK, "invalid", "foreign", "+380, UA"),
    ("0501102030", OK, "invalid", "leading_zero", "starts with 0"),
    ("501102031, 601102031", OK, "invalid", "two_numbers", "give each a row of its own"),
    ("501102031 lub 601102031", OK, "invalid", "two_numbers", "give each a row of its own"),
    ("4.85E+10", OK, "invalid", "spreadsheet_rounded", "its last digits are lost"),
    ("4,85011E+10", OK, "invalid", "spreadsheet_rounded", "its last digits are lost"),
    ("50110203.5", OK, "invalid", "malformed", "a decimal fraction"),
    ("#501102031", OK, "invalid", "malformed", "characters that no number has"),
    ("???", OK, "invalid", "malformed", "characters that no number has"),
    ("501000001", (*OK, "stray"), "invalid", "malformed_row", "the row has 6 cells, the header 5"),
    ("501000002", ("Ola", "Kielce", "tak", "web"), "excluded", "filtered", 'filtered by where: city == "Radom"'),
    ("501000003", ("Ola", "Radom", "nie", "web"), "excluded", "no_consent", "no consent: 'consent' is none of tak"),
    ("501000004", ("Ola", "Radom", "", "web"), "excluded", "no_consent", "no consent: 'consent' is none of tak"),
    ("501000005", ("Ola", "Radom", "tak", ""), "excluded", "no_consent_evidence", "'consent_source' is empty"),
    ("501000006", OK, "excluded", "opt_out", "opted out: lists/optout.csv row 2"),
    ("501000007", ("Ola", "Kielce", "nie", ""), "excluded", "suppressed", "lists/suppression.csv row 2"),
    ("501000008", OK, "excluded", "already_received", "had a message of autumn-sale"),
    ("501000009", OK, "excluded", "not_received", "had no delivered message of newsletter"),
    ("501000010", OK, "excluded", "at_most", "had 2 messages in the last 7 days, the cap is 2 in 7 days"),
    ("+48 501-102-030", OK, "duplicate", "duplicate", "same number as lists/a."),
]
# What only a workbook can hold.
OF_EXCEL: list[tuple[object, tuple[object, ...], str, str, str]] = [
    ("#N/A", OK, "invalid", "excel_error", "the cell holds the Excel error #N/A"),
    (date(2026, 1, 5), OK, "invalid", "excel_date", "Excel turned it into a date"),
    ("=A1", OK, "invalid", "formula_without_value", "whose result was not saved"),
    (12345678901234567890, OK, "invalid", "spreadsheet_rounded", "Excel keeps 15 digits"),
]
CLEAN = [("501102030", *OK), ("+48 601 102 030", *OK), ("0048731102030", *OK)]
GOT_THE_NEWSLETTER = sorted({501102030, 601102030, 731102030, *range(501000001, 501000011)} - {501000009})
HISTORY = History(
    {
        HistoryQuery(("newsletter",), ("delivered",)): NumberSet(GOT_THE_NEWSLETTER),
        HistoryQuery(("autumn-sale",)): NumberSet([501000008]),
    },
    Capped(AtMost(2, timedelta(days=7), "2 in 7 days"), NumberSet([501000010]), [2]),
)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_forty_kinds_of_dirty_rows_end_where_they_belong(workspace: Workspace, form: str) -> None:
    expected = DIRTY + (OF_EXCEL if form == "xlsx" else [])
    rows = [HEAD, CLEAN[0], *((number, *rest) for number, rest, *_ in expected), *CLEAN[1:]]
    if form == "csv":
        lines = [";".join(f'"{cell}"' for cell in row) for row in rows]
        workspace.write("lists/a.csv", "\n".join(lines))
    else:
        workspace.write("lists/a.xlsx", workbook(rows))
    workspace.write("lists/optout.csv", "number\n501000006\n")
    workspace.write("lists/suppression.csv", "number,reason\n501000007,by letter\n")
    source = {form: f"lists/a.{form}", "where": 'city == "Radom"', "not_received": "autumn-sale"}
    campaign = workspace.campaign(
        source | {"received": "newsletter", "status": "delivered"},
        exclude=[{"csv": "lists/optout.csv"}],
        consent={"column": "consent", "accept": ["tak"], "source": "consent_source"},
        at_most="2 in 7 days",
        report={"segments": ["city"]},
    )
    audience = Audience(
        campaign, workspace.path, Templates(workspace.path), history=HISTORY, suppression="lists/suppression.csv"
    )

    found = list(audience.rows())

    aside = [row for row in found if isinstance(row, SetAside)]
    assert len(DIRTY) == 40
    assert [(row.bucket.value, row.code) for row in aside] == [(bucket, code) for _, _, bucket, code, _ in expected]
    for row, (_, _, _, _, words) in zip(aside, expected, strict=True):
        assert words in row.reason, row
        assert row.code in INTAKE_WORDS
    assert [row.row for row in aside] == list(range(3, 3 + len(expected)))
    sent = [row for row in found if not isinstance(row, SetAside)]
    assert [(row.msisdn, row.consent, row.segments) for row in sent] == [
        (number, ("tak", "web"), ("Radom",)) for number in ("+48501102030", "+48601102030", "+48731102030")
    ]
    counts = audience.counts
    assert counts.rows == len(found) == len(rows) - 1 == counts.recipients + sum(counts.buckets.values())
    assert counts.codes == dict(Counter(code for _, _, _, code, _ in expected))
    assert sum(counts.codes.values()) == sum(counts.buckets.values()) == len(expected)
