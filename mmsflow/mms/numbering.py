"""Why a cell is, or is not, the number of a Polish mobile: the slow way, which can explain itself.

``phonenumbers`` (libphonenumber's metadata) is the authority on ranges; this module undoes what spreadsheets and
people do to numbers before it asks, and puts its verdict into words.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, shortnumberinfo

from mmsflow.mms.msisdn import COUNTRY_CODE, M2M_PREFIXES, BadNumber

NATIONAL_DIGITS: Final = 9

# Nothing longer is a number, however it is spelled; it bounds the work on a cell with a whole letter in it.
_LONGEST_CELL: Final = 200

_QUOTES = "'\"`´‘’‚“”„"
_LABEL = re.compile(r"(?:tel|kom|mob|gsm)(?:efon)?\s*[.:]\s*|tel\s+", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"\+?(\d+)(?:[.,](\d+))?\s*[eE]\s*\+?(\d{1,3})")
_DECIMAL = re.compile(r"(\+?[\d .]*\d)[.,](\d{1,2})")
_LONG_DECIMAL = re.compile(r"(\+?\d{9,})[.,]0+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.0+)?")
_BETWEEN_NUMBERS = re.compile(r"[;,/|&\\\n\r]+|\b(?:lub|albo|oraz|i|or|and)\b", re.IGNORECASE)
_VANITY = re.compile(r"[+\d][\d\s().-]*[A-Z][A-Z\d\s().-]*")
_SPELLED_DIGITS = str.maketrans("OoIl", "0011")

_SERVICES: Final = {
    PhoneNumberType.TOLL_FREE: "a free helpline (800)",
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number (70x)",
    PhoneNumberType.SHARED_COST: "a shared-cost helpline (801)",
    PhoneNumberType.VOIP: "an internet telephone (39)",
    PhoneNumberType.PAGER: "a pager (64)",
    PhoneNumberType.UAN: "a company-wide number (804)",
    PhoneNumberType.PERSONAL_NUMBER: "a personal number",
    PhoneNumberType.VOICEMAIL: "a voice mailbox",
}

_EMPTY = BadNumber("empty", "the cell holds no number; fill it in or delete the row")
_ROUNDED = BadNumber(
    "spreadsheet_rounded",
    "a spreadsheet rounded the number (like 4.85E+10) and its last digits are lost; "
    "format the column as text and export the list again from its source",
)
_FRACTION = BadNumber("malformed", "this is a decimal fraction; format the column as text and export the list again")
_TWO = BadNumber("two_numbers", "the cell holds more than one number; give each a row of its own")
_LETTERS = BadNumber("letters", "the cell holds other text than a number; leave only the number in it")
_SPELLED = BadNumber("letters", "a letter stands where a digit belongs (O for 0, or l for 1); type the digit")
_VANITY_NUMBER = BadNumber("vanity", "the number is spelled with letters; write its digits")
_MALFORMED = BadNumber("malformed", "the cell holds characters that no number has; write it like +48 501 102 030")
_TOO_LONG = BadNumber("too_long", "the number has too many digits; a Polish one has nine after +48")
_LEADING_ZERO = BadNumber(
    "leading_zero",
    "the number starts with 0, which no Polish number does (a foreign one may); write it with its country code",
)
_M2M = BadNumber("m2m", "a machine-to-machine number (211–213), which shows no MMS to anybody; use a person's mobile")
_LANDLINE = BadNumber("landline", "a landline, which receives no MMS; use the person's mobile number")
_NOT_ASSIGNED = BadNumber("not_assigned", "no Polish number starts with these digits; look for a typing mistake")


def explain(raw: str) -> str | BadNumber:
    """Read any text as a Polish mobile number, as ``mmsflow.mms.msisdn.parse_msisdn`` promises."""
    if len(raw) > _LONGEST_CELL:
        return _LETTERS
    text = _without_label(_plain(raw))
    if not any(character.isalnum() for character in text):
        return _EMPTY if not text.strip(" -.()/,;") else _MALFORMED
    unharmed = _undo_spreadsheet(text)
    if isinstance(unharmed, BadNumber):
        return unharmed
    if _holds_two(unharmed):
        return _TWO
    if any(character.isalpha() for character in unharmed):
        return _explain_letters(unharmed)
    return _judge_digits(unharmed)


def _plain(raw: str) -> str:
    """The cell with invisible characters gone, and other scripts' digits, spaces and dashes as ASCII."""
    return "".join(map(_plain_character, raw)).strip()


def _plain_character(character: str) -> str:
    if character.isascii():
        return " " if character == "\t" else character
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Zs":
        return " "
    if category == "Pd" or character == "\u2212":
        return "-"
    return "+" if character == "＋" else character


def _without_label(text: str) -> str:
    # Excel's marks of "this is text": a leading apostrophe, or a formula such as ="501102030".
    bare = text.removeprefix("=").strip(_QUOTES + " ")
    label = _LABEL.match(bare)
    return (bare[label.end() :] if label else bare).strip(" ,;/")


def _undo_spreadsheet(text: str) -> str | BadNumber:
    """Decimals, thousands and powers of ten back to digits, where none was lost."""
    if scientific := _SCIENTIFIC.fullmatch(text):
        return _from_scientific(scientific[1], scientific[2] or "", int(scientific[3]))
    if _THOUSANDS.fullmatch(text):
        return text.partition(".")[0].replace(",", "")
    if whole := _LONG_DECIMAL.fullmatch(text):
        return whole[1]
    decimal = _DECIMAL.fullmatch(text)
    # Several dots are somebody's way of grouping digits; one, with a digit or two behind it, is a decimal point.
    if decimal and ("," in text or text.count(".") == 1):
        return _FRACTION if decimal[2].strip("0") else decimal[1]
    return text


def _from_scientific(whole: str, fraction: str, exponent: int) -> str | BadNumber:
    # Fewer digits than the exponent asks for: nobody can say what the others were, not even that they were zeros.
    if len(fraction) < exponent or fraction[exponent:].strip("0"):
        return _ROUNDED
    return whole + fraction[:exponent]


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _holds_two(text: str) -> bool:
    sizes = [len(_digits(piece)) for piece in _BETWEEN_NUMBERS.split(text)]
    if max(sizes) >= NATIONAL_DIGITS and sum(size > 0 for size in sizes) > 1:
        return True
    digits = _digits(text)
    # Two numbers with nothing but a space between them, each with its country code or without.
    if any(character.isalpha() for character in text) or len(digits) < 2 * NATIONAL_DIGITS:
        return False
    return any(_is_mobile(digits[:cut]) and _is_mobile(digits[cut:]) for cut in range(NATIONAL_DIGITS, len(digits) - 8))


def _is_mobile(digits: str) -> bool:
    return isinstance(_judge_digits(digits), str)


def _explain_letters(text: str) -> BadNumber:
    if text.isalpha():
        return _LETTERS
    if _digits(text) and isinstance(_judge_digits(text.translate(_SPELLED_DIGITS)), str):
        return _SPELLED
    return _VANITY_NUMBER if _VANITY.fullmatch(text) else _LETTERS


def _judge_digits(text: str) -> str | BadNumber:
    """A verdict on digits with separators, perhaps with ``+`` or ``00`` in front."""
    bare = re.sub(r"[\s().\-/~]", "", text)
    digits = bare.lstrip("+")
    if not (digits.isascii() and digits.isdigit()):
        return _MALFORMED
    if bare.startswith(("+", "00")):
        return _judge_international(digits.removeprefix("00") if digits.startswith("00") else digits)
    # Nine digits that start with 48 are a landline in Radom; more are a number with its country code.
    if len(digits) > NATIONAL_DIGITS and digits.startswith(COUNTRY_CODE):
        return _judge_national(digits[len(COUNTRY_CODE) :])
    if digits.startswith("0"):
        return _LEADING_ZERO
    return _foreign(digits) or _judge_national(digits) if len(digits) > NATIONAL_DIGITS else _judge_national(digits)


def _judge_international(digits: str) -> str | BadNumber:
    if digits.startswith(COUNTRY_CODE):
        # "+48 (0) 501…": the trunk zero of old; with the country code there is no doubt whose number it is.
        national = digits[len(COUNTRY_CODE) :]
        return _judge_national(
            national[1:] if len(national) == NATIONAL_DIGITS + 1 and national[0] == "0" else national
        )
    if foreign := _foreign(digits):
        return foreign
    if len(digits) == NATIONAL_DIGITS and isinstance(_judge_national(digits), str):
        return BadNumber("foreign", "the country code after the + is not Poland's; if it is Polish, write +48 first")
    return BadNumber("foreign", "the country code is not Poland's (+48), and no such number exists abroad")


def _foreign(digits: str) -> BadNumber | None:
    number = _parse("+" + digits)
    if number is None or number.country_code == int(COUNTRY_CODE) or not phonenumbers.is_valid_number(number):
        return None
    region = phonenumbers.region_code_for_number(number)
    where = f"+{number.country_code}" + (f", {region}" if region and region.isalpha() else "")
    hint = "; if it is Polish, write +48 first" if len(digits) == NATIONAL_DIGITS else ""
    return BadNumber("foreign", f"a foreign number ({where}); the gateway reaches Polish mobiles only{hint}")


def _judge_national(digits: str) -> str | BadNumber:
    """A verdict on a number without its country code."""
    number = _parse("+" + COUNTRY_CODE + digits)
    if number is None or not phonenumbers.is_valid_number(number):
        return _explain_invalid(digits)
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.MOBILE:
        return (
            _M2M
            if re.match(M2M_PREFIXES, digits)
            else phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        )
    if kind in _SERVICES:
        return BadNumber("special_service", f"{_SERVICES[kind]}, which receives no MMS; use the person's mobile number")
    return _LANDLINE


def _explain_invalid(digits: str) -> BadNumber:
    if len(digits) < NATIONAL_DIGITS:
        if _is_short_code(digits):
            return BadNumber("special_service", "a short service number, which receives no MMS; use a person's mobile")
        return BadNumber("too_short", f"the number has {len(digits)} digits; a Polish one has nine after +48")
    return _TOO_LONG if len(digits) > NATIONAL_DIGITS else _NOT_ASSIGNED


def _is_short_code(digits: str) -> bool:
    short = PhoneNumber(country_code=int(COUNTRY_CODE), national_number=int(digits or "0"))
    return shortnumberinfo.is_valid_short_number_for_region(short, "PL")


def _parse(international: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(international)
    except phonenumbers.NumberParseException:
        return None
