"""What a workbook's cell says, as a person sees it in Excel; and where Excel has spoiled a number, why."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Self

from mmsflow.audience.formula_guard import unguarded
from mmsflow.audience.xlsx_sheet import SharedStrings
from mmsflow.mms.msisdn import BadNumber

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

_DIGITS_KEPT = 15
_PLAIN_INTEGER = re.compile(r"-?\d{1,15}", re.ASCII)
_LITERAL = re.compile(r'\\(.)|"([^"]*)"|(_.)|(\[[^\]]*\])')
_PADDING = re.compile("0[0\ue000-\uf8ff /()-]*0")
_AS_TEXT = "format the column as text and export the list again from its source"


class FaultyCell(str):
    """A cell that cannot be a phone number, whatever its text; elsewhere its text is all that counts.

    Attributes:
        fault: why, for the column that holds the number.
        shown: what the cell looks like in Excel.
    """

    __slots__ = ("fault", "shown")
    fault: BadNumber
    shown: str

    @classmethod
    def of(cls, text: str, code: str, explanation: str, shown: str = "") -> Self:
        cell = cls(text)
        cell.fault = BadNumber(code, explanation)
        cell.shown = shown or text
        return cell


class _Kind(Enum):
    NUMBER = auto()
    PERCENT = auto()
    DATE = auto()
    DURATION = auto()


class CellReader:
    """Reads the cells of one workbook.

    Args:
        book: its number formats and the epoch of its dates.
        strings: the texts that its cells share.
    """

    def __init__(self, book: Workbook, strings: SharedStrings) -> None:
        self._book = book
        self._strings = strings
        self._styles: dict[str, tuple[_Kind, str]] = {}

    def text(self, kind: str, style: str, value: str, *, formula: bool) -> str:
        """A cell as text; empty where the cell is, a ``FaultyCell`` where it cannot be a number.

        Args:
            kind: its type as the file has it, such as ``n`` or ``s``.
            style: the number of its style; empty without one.
            value: what is stored; for an inline string the string itself.
            formula: whether that is the result of a formula.

        Raises:
            Exception: of any kind, where the cell makes no sense.
        """
        if not value:
            return _without_value() if formula and kind not in ("s", "inlineStr") else ""
        if kind == "s":
            return unguarded(self._strings[int(value)])
        if kind == "n":
            return self._number(value, style)
        if kind == "b":
            return "true" if value.strip() in {"1", "true"} else "false"
        if kind == "e":
            return _error(value)
        if kind == "d":
            return _dated(datetime.fromisoformat(value.removesuffix("Z")))
        return unguarded(value)

    def _number(self, value: str, style: str) -> str:
        kind, padding = self._style(style)
        if kind is _Kind.NUMBER:
            if _PLAIN_INTEGER.fullmatch(value):
                return _padded(value, padding) if padding else str(int(value))
            return _shown_number(value, padding)
        number = float(value)
        if kind is _Kind.PERCENT:
            return f"{_decimal(Decimal(repr(number)) * 100)}%"
        from openpyxl.utils.datetime import from_excel

        found = from_excel(number, self._book.epoch, timedelta=kind is _Kind.DURATION)
        return _dated(found) if isinstance(found, date | time | timedelta) else _error("#VALUE!")

    def _style(self, style: str) -> tuple[_Kind, str]:
        known = self._styles.get(style)
        if known is None:
            known = self._styles[style] = self._judged(int(style)) if style else (_Kind.NUMBER, "")
        return known

    def _judged(self, style: int) -> tuple[_Kind, str]:
        from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format

        book: Any = self._book  # the stubs leave out where a workbook keeps its formats
        number = book._cell_styles[style].numFmtId
        code = str(BUILTIN_FORMATS.get(number, "General") if number < 164 else book._number_formats[number - 164])
        if is_timedelta_format(code):
            return _Kind.DURATION, ""
        if is_date_format(code):
            return _Kind.DATE, ""
        plain = _LITERAL.sub("", code)
        return (_Kind.PERCENT, "") if "%" in plain else (_Kind.NUMBER, _padding(code))


def _padding(code: str) -> str:
    """A number format such as ``000-000-000`` as its zeros and what stands between; empty for any other format."""

    def literal(found: re.Match[str]) -> str:
        return "" if found[3] or found[4] else found[1] or found[2] or ""

    plain = _LITERAL.sub(literal, code.partition(";")[0])
    return plain if _PADDING.fullmatch(plain) else ""


def _padded(value: str, padding: str) -> str:
    """Digits in the places of the format's zeros, from the right; those that are too many stand in front."""
    digits = list(value.lstrip("-").lstrip("0"))
    places = [(digits.pop() if digits else "0") if sign == "0" else sign for sign in reversed(padding)]
    return ("-" if value.startswith("-") else "") + "".join(digits) + "".join(reversed(places))


def _shown_number(value: str, padding: str) -> str:
    number = Decimal(value.strip())
    if not number.is_finite() or abs(number.adjusted()) > 400:
        return _error("#NUM!")
    text = _decimal(number)
    if number == number.to_integral_value():
        if number.adjusted() >= _DIGITS_KEPT:
            explanation = f"Excel keeps {_DIGITS_KEPT} digits of a number, so the last ones are lost; {_AS_TEXT}"
            return FaultyCell.of(text, "spreadsheet_rounded", explanation)
        return _padded(text, padding) if padding else text
    return text


def _decimal(number: Decimal) -> str:
    """A number as Excel shows it: to 15 digits, never as a power of ten."""
    text = format(Decimal(f"{float(number):.{_DIGITS_KEPT}g}"), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _dated(value: date | time | timedelta) -> str:
    explanation = f"Excel turned it into a date; {_AS_TEXT}"
    return FaultyCell.of(_iso(value), "excel_date", explanation)


def _iso(value: date | time | timedelta) -> str:
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")
    if isinstance(value, datetime):
        value = (value + timedelta(microseconds=500_000)).replace(microsecond=0) if value.year < 9999 else value
        if value.time() == time(0):
            return value.date().isoformat()
        return value.isoformat(sep=" ", timespec="seconds" if value.second else "minutes")
    return value.isoformat(timespec="seconds" if value.second else "minutes") if isinstance(value, time) else str(value)


def _error(name: str) -> str:
    # Empty, so that a message which uses the cell is stopped as over any missing value, and nobody is sent `#N/A`.
    shown = name.strip()[:20]
    return FaultyCell.of("", "excel_error", f"the cell holds the Excel error {shown}; mend its formula", shown)


def _without_value() -> str:
    explanation = "the cell holds a formula whose result was not saved; open the list in Excel and save it again"
    return FaultyCell.of("", "formula_without_value", explanation, "=")
