"""Filters that write names, dates, numbers and amounts as Polish does. Its rules and words come from Babel (CLDR).

Babel is imported when the first such filter runs. A value that cannot be what the filter needs is a problem of its row:
the message says what kind of value it is, never the value alone, and how to mend it. There is no vocative: no library
that is well kept makes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from mmsflow.campaign.polish_names import polish_first_name, polish_name
from mmsflow.campaign.template_problem import TemplateProblem

if TYPE_CHECKING:
    from babel import Locale
    from babel.numbers import NumberPattern

PRICE = 50
"""Steps of work that each of the filters takes beside its characters: Babel needs 10 to 35 µs."""

_LONGEST_NAME = 200
_LONGEST_NUMBER = 20
_DATE_FORMS = {"": "d MMMM y", "short": "d.MM.y", "day": "d MMMM", "weekday": "EEEE, d MMMM"}
_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?", re.ASCII)
_DOTTED_DATE = re.compile(r"(\d{1,2})[.](\d{1,2})[.](\d{4})(?: r\.?)?", re.ASCII)
_EXCEL_DAY = re.compile(r"(\d{5})(?:\.0*)?", re.ASCII)
# Excel counts days from 1900 and takes that for a leap year; later than 1.3.1900 this is day 0 of its count.
_EXCEL_DAY_ZERO = date(1899, 12, 30)
_EXCEL_DAYS = range(20_000, 80_000)  # 1954 to 2119: a smaller or larger number is hardly meant as a date
_NUMBER = re.compile(r"([-+−]?)(\d{1,3}(?: \d{3})+|\d+)(?:[.,](\d+))?", re.ASCII)
_GROUPED_FROM = 10_000  # CLDR's minimumGroupingDigits for Polish is 2: 1234,5 but 12 345,5
_MOST_DECIMALS = 6  # with those of a number 26 digits, Decimal takes 28


def pl_name(value: object) -> str:
    """A person's names with capital letters where they belong."""
    return polish_name(_name(value))


def pl_first_name(value: object) -> str:
    """The first of a person's names."""
    return polish_first_name(_name(value))


def pl_date(value: object, form: str = "") -> str:
    """A date in words: ``5 grudnia 2026``; ``short``: 5.12.2026, ``day``: 5 grudnia, ``weekday``: sobota, 5 grudnia."""
    if form not in _DATE_FORMS:
        forms = ", ".join(f'"{name}"' for name in _DATE_FORMS if name)
        raise TemplateProblem("`pl_date` does not know that form", advice=f"its forms are {forms}, or none")
    from babel.dates import format_date

    return str(format_date(_date(value), _DATE_FORMS[form], locale=_polish()))


def pl_number(value: object, decimals: object = None) -> str:
    """A number with a decimal comma, in groups of three from five digits on: ``1234,5``, ``12 345,5``."""
    number = _number(value, "pl_number")
    if decimals is not None:
        if not isinstance(decimals, int) or not 0 <= decimals <= _MOST_DECIMALS:
            advice = f"give it a whole number from 0 to {_MOST_DECIMALS}"
            raise TemplateProblem("`pl_number` cannot take so many decimals", advice=advice)
        number = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0
    places = -int(number.as_tuple().exponent) if decimals is not None else 0
    grouped = abs(number) >= _GROUPED_FROM
    pattern = _pattern(places)
    return str(pattern.apply(number, _polish(), decimal_quantization=False, group_separator=grouped))


def pl_amount(value: object) -> str:
    """An amount in złoty, to the grosz, half a grosz up: ``1 234,50 zł`` with spaces that do not break."""
    from babel.numbers import format_currency

    number = _number(value, "pl_amount").quantize(Decimal("0.01"), ROUND_HALF_UP) + 0  # not -0,00
    return str(format_currency(number, "PLN", locale=_polish()))


def pl_plural(value: object, one: str, few: str, many: str, fraction: str = "") -> str:
    """The form of a noun that goes with a number: ``punkt``, ``punkty``, ``punktów``, and of fractions ``punktu``."""
    number = abs(_number(value, "pl_plural"))
    whole = number == number.to_integral_value()
    form = _polish().plural_form(int(number) if whole else number)
    forms = {"one": one, "few": few, "many": many, "other": fraction}
    if form == "other" and not fraction:
        advice = "give it a fourth form for fractions, such as 'punktu', or round the number"
        raise TemplateProblem("`pl_plural` has no form for a fraction", advice=advice)
    return forms[form]


FILTERS: dict[str, Callable[..., str]] = {
    "pl_name": pl_name,
    "pl_first_name": pl_first_name,
    "pl_date": pl_date,
    "pl_number": pl_number,
    "pl_amount": pl_amount,
    "pl_plural": pl_plural,
}


@cache
def _polish() -> Locale:
    from babel import Locale

    return Locale("pl")


@cache  # of at most _MOST_DECIMALS + 1
def _pattern(places: int) -> NumberPattern:
    """Digits in groups of three, at least ``places`` of them after the comma and at most as many as a number has."""
    from babel.numbers import parse_pattern

    return parse_pattern(f"#,##0.{'0' * places}{'#' * (_LONGEST_NUMBER - places)}")


def _name(value: object) -> str:
    text = str(value)  # raises for a variable without a value, with its name
    if not text.strip():
        raise TemplateProblem(
            "there are only blanks where a name is needed", advice="fill in the name, or leave it empty"
        )
    if len(text) > _LONGEST_NAME:
        advice = "give the filter the column with the name"
        raise TemplateProblem(f"a text of {len(text)} characters is no name", advice=advice)
    return text


def _date(value: object) -> date:
    text = " ".join(str(value).split())
    if match := _ISO_DATE.fullmatch(text):
        year, month, day = map(int, match.groups())
    elif match := _DOTTED_DATE.fullmatch(text):
        day, month, year = map(int, match.groups())
    elif (match := _EXCEL_DAY.fullmatch(text)) and int(match[1]) in _EXCEL_DAYS:
        return _EXCEL_DAY_ZERO + timedelta(days=int(match[1]))
    else:
        _no_date(text)
    try:
        return date(year, month, day)
    except ValueError:
        raise TemplateProblem("`pl_date` got a day that no calendar has", advice="mend the date in the list") from None


def _no_date(text: str) -> NoReturn:
    advice = "write it as 2026-12-05 or 05.12.2026"
    if re.fullmatch(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}", text):
        raise TemplateProblem("`pl_date` cannot tell which number is the day and which the month", advice=advice)
    if re.fullmatch(r"\d{1,2}[.]\d{1,2}[.]\d{2}", text):
        raise TemplateProblem("`pl_date` cannot tell the century of a year of two digits", advice=advice)
    raise TemplateProblem(f"`pl_date` needs a date, it got {_kind(text)}", advice=advice)


def _number(value: object, name: str) -> Decimal:
    text = "switch" if isinstance(value, bool) else " ".join(str(value).split())
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if not match:
        advice = "write it as 1234.50 or 1234,50"
        raise TemplateProblem(f"`{name}` needs a number, it got {_kind(text)}", advice=advice)
    sign, whole, decimals = match.groups()
    number = Decimal(f"{whole.replace(' ', '')}.{decimals or '0'}")
    return -number if number and sign in ("-", "−") else number


def _kind(text: str) -> str:
    """What sort of value it is; not the value, so that rows with the same fault are one finding."""
    if not text:
        return "an empty text"
    if len(text) > _LONGEST_NUMBER:
        return "a long text"
    if any(map(str.isalpha, text)):
        return "a text with letters"
    return "a number" if text.isdecimal() else "a text without letters"
