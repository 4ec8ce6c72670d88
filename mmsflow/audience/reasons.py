"""The words for each reason why a row gets no message: one sentence a code, for plans, checks and reports."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

INTAKE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "suppressed": "On the workspace's suppression list.",
        "opt_out": "On an opt-out list of the campaign.",
        "no_consent": "The list shows no consent to marketing.",
        "no_consent_evidence": "The consent has no proof: a cell that the campaign keeps as evidence is empty.",
        "filtered": "The campaign's `where` leaves the row out.",
        "not_received": "Had no message of the campaigns that `received` names.",
        "already_received": "Had a message of the campaigns that `not_received`, or `exclude`, names.",
        "at_most": "Had as many messages lately as the cap allows.",
        "already_sent": "Had a message in an earlier run of this campaign.",
        "duplicate": "The number stands in an earlier row.",
        "empty": "The number's cell is empty.",
        "landline": "A landline, which takes no MMS.",
        "foreign": "A number of another country; the operator sends to Polish mobiles only.",
        "too_short": "Digits are missing.",
        "too_long": "There are too many digits.",
        "two_numbers": "One cell holds two numbers; give each its own row.",
        "spreadsheet_rounded": "A spreadsheet rounded the number (4.85E+10); export the column as text.",
        "excel_date": "Excel turned the number into a date; format the column as text.",
        "excel_error": "The number's cell holds an Excel error such as #N/A; mend its formula.",
        "formula_without_value": "The number's cell holds a formula without a saved result; save it in Excel again.",
        "m2m": "A range for machines, not for people.",
        "letters": "The cell holds letters.",
        "vanity": "The number is spelled with letters; write its digits.",
        "leading_zero": "The number starts with 0, which no Polish one does.",
        "malformed": "The cell holds signs that no number has, or a decimal fraction.",
        "special_service": "A service number.",
        "not_assigned": "No operator uses this range.",
        "malformed_row": "The row has more cells than the list has columns.",
    }
)
"""What each code of ``SetAside.code`` means."""


def reason_words(code: str) -> str:
    """The sentence for a code, without its full stop; the code's own words where there is none."""
    return INTAKE_WORDS.get(code, code.replace("_", " ")).removesuffix(".")
