"""What counts as the number of a Polish mobile, and what people are told about everything else."""

from __future__ import annotations

import random
import string

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsflow.mms import numbering
from mmsflow.mms.msisdn import BadNumber, mask_msisdn, parse_msisdn

OLA = "+48501102030"


def code_of(raw: str) -> str:
    verdict = parse_msisdn(raw)
    assert isinstance(verdict, BadNumber), f"{raw!r} was read as a number"
    return verdict.code


@pytest.mark.parametrize(
    "raw",
    [
        "501102030",
        "48501102030",
        "+48501102030",
        "0048501102030",
        "0048 501 102 030",
        "501-102-030",
        "501.102.030",
        "(501) 102 030",
        "+48 (0) 501 102 030",
        "501\u00a0102\u00a0030",
        "501\u202f102\u202f030",
        "501\u2011102\u2013030",
        "501/102/030",
        "  501102030 ",
        "501102030,",
        "tel:+48501102030",
        "tel. 501 102 030",
        "Kom: 501102030",
    ],
)
def test_the_usual_spellings_of_a_mobile_are_one_number(raw: str) -> None:
    assert parse_msisdn(raw) == OLA


@pytest.mark.parametrize(
    "raw",
    [
        "48501102030.0",
        "48501102030,0",
        "501102030.00",
        "48 501 102 030,00",
        "48,501,102,030",
        "4.8501102030E+10",
        "4,8501102030E+10",
        "'501102030",
        "’48501102030",
        '="48501102030"',
        '"501102030"',
    ],
)
def test_what_a_spreadsheet_did_to_a_number_is_undone_where_no_digit_was_lost(raw: str) -> None:
    assert parse_msisdn(raw) == OLA


@pytest.mark.parametrize("raw", ["4.85E+10", "4,85E+10", "4.850110203E+10", "5,01E+08", "5.01102E8", "4.85e10"])
def test_a_number_whose_digits_a_spreadsheet_rounded_away_is_never_guessed(raw: str) -> None:
    assert code_of(raw) == "spreadsheet_rounded"


@pytest.mark.parametrize(
    "raw", ["\ufeff501102030", "501\u200b102030", "\u200f+48501102030\u200e", "501\u00ad102\u2060030"]
)
def test_invisible_characters_are_no_part_of_a_number(raw: str) -> None:
    assert parse_msisdn(raw) == OLA


@pytest.mark.parametrize("raw", ["５０１１０２０３０", "＋４８５０１１０２０３０", "٥٠١١٠٢٠٣٠", "۵۰۱۱۰۲۰۳۰"])
def test_digits_of_other_scripts_are_digits(raw: str) -> None:
    assert parse_msisdn(raw) == OLA


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("-", "empty"),
        ("\u200b", "empty"),
        ("22 621 02 11", "landline"),
        ("+48 12 422 00 00", "landline"),
        ("48 501 10 20", "landline"),
        ("+4915112345678", "foreign"),
        ("380501102030", "foreign"),
        ("+501102030", "foreign"),
        ("50110203", "too_short"),
        ("+485011020", "too_short"),
        ("50110203.0", "too_short"),
        ("4850110203.0", "too_short"),
        ("5011020301", "too_long"),
        ("+485011020301", "too_long"),
        ("1" * 60, "too_long"),
        ("501102030, 502102030", "two_numbers"),
        ("501102030;502102030", "two_numbers"),
        ("501102030/31", "two_numbers"),
        ("501102030\n502102030", "two_numbers"),
        ("501102030 lub 502102030", "two_numbers"),
        ("501102030 502102030", "two_numbers"),
        ("+48501102030+48502102030", "two_numbers"),
        ("211123456", "m2m"),
        ("+48212345678", "m2m"),
        ("213412345", "m2m"),
        ("brak", "letters"),
        ("501102030 Ola", "letters"),
        ("501102030 wew. 12", "letters"),
        ("5O1102030", "letters"),
        ("x" * 5_000, "letters"),
        ("801 PIZZA", "vanity"),
        ("112", "special_service"),
        ("997", "special_service"),
        ("800123456", "special_service"),
        ("701234567", "special_service"),
        ("391234567", "special_service"),
        ("642222222", "special_service"),
        ("801123456", "special_service"),
        ("401102030", "not_assigned"),
        ("0501102030", "leading_zero"),
        ("501102030?", "malformed"),
        ("*100#", "malformed"),
        ("50110203²", "malformed"),
        ("48501102030.5", "malformed"),
    ],
)
def test_every_other_cell_has_a_reason(raw: str, code: str) -> None:
    assert code_of(raw) == code


def test_a_foreign_number_is_told_by_its_country_code_and_region() -> None:
    verdict = parse_msisdn("+49 1511 2345678")
    assert isinstance(verdict, BadNumber)
    assert "+49, DE" in verdict.explanation


def test_a_decimal_point_never_turns_eight_digits_into_nine() -> None:
    assert code_of("50110203.0") == "too_short"
    assert code_of("50110203,0") == "too_short"


def test_nine_digits_with_a_leading_zero_are_not_guessed_to_be_polish() -> None:
    assert code_of("0501102030") == "leading_zero"


def test_no_explanation_shows_the_number() -> None:
    for raw in ("226210211", "+4915112345678", "501102030, 502102030", "401102030", "0501102030", "5011020301"):
        verdict = parse_msisdn(raw)
        assert isinstance(verdict, BadNumber)
        assert raw[-6:] not in verdict.explanation


def test_the_fast_way_and_the_authority_agree_on_a_seeded_sample() -> None:
    chance = random.Random(20_261_201)
    prefixes = ("", "48", "+48", "0048")
    for index in range(20_000):
        # Every four-digit beginning comes twice; the rest is chance.
        national = f"{index % 10_000:04}{chance.randrange(100_000):05}"
        number = phonenumbers.PhoneNumber(country_code=48, national_number=int(national))
        mobile = (
            national[0] != "0"
            and phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
            and not national.startswith(("211", "212", "213"))
        )
        verdict = parse_msisdn(prefixes[index % 3 + 1] + national)
        assert (verdict == "+48" + national) is mobile, national


def test_the_fast_way_and_the_explaining_way_agree_on_spellings() -> None:
    chance = random.Random(48)
    separators = ("", " ", "-", ".", "\u00a0", ") ", " (", "  ", ",", "/")
    for _ in range(2_000):
        digits = chance.choice(("501102030", "48501102030", "5011020", "226210211", "0048601102030", "+48601102030"))
        separator = chance.choice(separators)
        raw = digits[:3] + separator + digits[3:6] + chance.choice(("", separator)) + digits[6:]
        assert parse_msisdn(raw) == numbering.explain(raw), raw


@given(st.text(alphabet=string.digits + " +-().,;/Ee'=\u00a0\u200b٥O", max_size=24) | st.text(max_size=30))
def test_any_text_is_a_polish_mobile_or_has_a_reason(raw: str) -> None:
    verdict = parse_msisdn(raw)
    if isinstance(verdict, BadNumber):
        assert verdict.code
        assert verdict.explanation
    else:
        assert phonenumbers.is_valid_number(phonenumbers.parse(verdict))
        assert verdict.startswith("+48")
        assert len(verdict) == 12


def test_a_masked_number_shows_its_last_three_digits_only() -> None:
    assert mask_msisdn(OLA) == "…030"
    assert mask_msisdn("501 102 030") == "…030"


@pytest.mark.parametrize("text", ["", "Ola", "112", "12345"])
def test_masking_shows_nothing_of_what_is_too_short_to_be_masked(text: str) -> None:
    assert mask_msisdn(text) == "…"
