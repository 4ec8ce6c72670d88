"""Phone numbers: from what people type to E.164, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

COUNTRY_CODE = "48"

# libphonenumber calls these mobile; they belong to machines (meters, alarms), which read no MMS.
M2M_PREFIXES = "21[1-3]"

# A dot is left out on purpose: one dot alone may be a spreadsheet's decimal point (see _despaced).
_SEPARATORS = str.maketrans("", "", " \t\u00a0\u202f-()")


@dataclass(frozen=True, slots=True)
class BadNumber:
    """Why a cell holds no number that an MMS can be sent to.

    Attributes:
        code: a short name of the reason, such as ``landline``; stable, for counting.
        explanation: a sentence for people, naming what would mend it.
    """

    code: str
    explanation: str


def parse_msisdn(raw: str) -> str | BadNumber:
    """Read a Polish mobile number as ``+48`` and nine digits.

    ``phonenumbers`` is the authority. The usual spellings are recognised by an expression made from its own
    metadata (about 0.5 µs); whatever that does not recognise is asked of the authority and explained.

    Args:
        raw: a cell as it stands in a list; any text at all.

    Returns:
        E.164, ``+48501102030``, or the reason why it is no number of a Polish mobile.
    """
    match = usual_spelling()
    found = match(raw) or match(_despaced(raw))
    if found:
        return "+48" + found[1]
    from mmsflow.mms.numbering import explain  # loads the whole of phonenumbers: only where it is needed

    return explain(raw)


def mask_msisdn(msisdn: str) -> str:
    """A number with only its last three digits readable: ``+48501102030`` → ``…030``.

    Any other text is safe too: under seven digits nothing of it is shown.
    """
    digits = [character for character in msisdn if character.isdigit()]
    return "…" + "".join(digits[-3:]) if len(digits) >= 7 else "…"


def mask_in_text(text: str, msisdn: str) -> str:
    """``text`` with this one number (E.164) masked wherever it stands, as people group its digits or not.

    Other numbers stay: a shop's own in a message is what its readers shall call.
    """
    national = msisdn[-9:]
    if national[-3:] not in text:
        return text
    digits = r"[ .\-\u00a0]?".join(national)
    return re.sub(rf"(?<!\d)(?:(?:\+|00)?{COUNTRY_CODE}[ .\-\u00a0]?)?{digits}(?!\d)", mask_msisdn(msisdn), text)


def _despaced(raw: str) -> str:
    bare = raw.translate(_SEPARATORS)
    # "50110203.0" is eight digits and a decimal point, not nine digits: one dot alone goes the slow way.
    return bare.replace(".", "") if bare.count(".") > 1 else bare


@cache
def usual_spelling() -> Callable[[str], re.Match[str] | None]:
    """The matcher of spellings without separators, for loops over a million rows; its group 1 is the nine digits.

    What it does not match may still be a number: ask ``parse_msisdn``.
    """
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region("PL")
    assert metadata is not None
    assert metadata.mobile is not None
    mobile = metadata.mobile.national_number_pattern
    return re.compile(rf"(?:(?:\+|00)?{COUNTRY_CODE})?((?!{M2M_PREFIXES})(?:{mobile}))", re.ASCII).fullmatch
