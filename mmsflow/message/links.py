"""What in a message would alarm a network's filter or a careful reader: links and letters as swindlers use them. Pure.

The Polish act of 28 July 2023 on abuse in electronic communication (Dz.U. 2023 poz. 1703) forbids SMS in which the
sender pretends to be somebody else, and since 25 March 2024 operators must block texts that match the patterns of CSIRT
NASK (CERT Polska). Whoever gets an MMS reads it with the same suspicion. An honest campaign can look like that by
accident, so all of this is a warning and none of it stops a plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from mmsflow.message.known_hosts import SHORTENERS, USUAL_ENDINGS
from mmsflow.message.likeness import imitated_brand, latin, mixes_scripts, registered

# Controls of direction, fillers and zero widths; not the joiner and the selector that emoji are made with.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0"
)
_OTHER_SCRIPTS = "\u0370-\u058f\u13a0-\u13ff\u1f00-\u1fff\uff01-\uff5e\U0001d400-\U0001d7ff"

# Almost every text is plain and has no dot within a word: this is known after one pass of its characters, which few
# ranges keep quick. Only others are looked at more closely.
_NOT_PLAIN = re.compile("[^\x00-\u00ac\u00ae-\u034e\u2010-\u2027\u2030-\u205e\u20a0-\u20c0\u2212]")
_DOT_WITHIN = re.compile(r"\.(?=[^\s.])")
_SUSPECT = re.compile(f"[\u200d{_INVISIBLE}{_OTHER_SCRIPTS}]")

_HIDDEN = re.compile(rf"[{_INVISIBLE}]|(?<=\w)\u200d|\u200d(?=\w)")
_WORD = re.compile(r"\w+")
_BETWEEN_LINKS = re.compile(r"[\s<>\"'„”“«»()\[\]{}|,;…]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,14}\Z")
_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,20}")
_FOUR_NUMBERS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}", re.ASCII)
_ONE_NUMBER = re.compile(r"0x[0-9a-f]+|\d+", re.ASCII)
_VALUE = re.compile(r"\{\{[^{}]*\}\}")
_INSTRUCTION = re.compile(r"\{[%#][^{}]*[%#]\}")
_LONGEST_HOST = 253
_LONGEST_LINK = 2_000


class Alarm(StrEnum):
    """A kind of thing that alarms, in the order in which they are told."""

    SHORTENER = "shortener"
    BRAND = "brand"
    SCRIPTS = "scripts"
    PUNYCODE = "punycode"
    CREDENTIALS = "credentials"
    ADDRESS = "address"
    PLAIN = "plain"
    WORD = "word"
    INVISIBLE = "invisible"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that alarms; ``what`` names it: a host, a word or a character."""

    alarm: Alarm
    what: str


def alarms_in(text: str) -> tuple[Found, ...]:
    """Everything in a text that would alarm, each once; empty for almost every text, after one look at it."""
    linked = ("." in text and _DOT_WITHIN.search(text)) or ("/" in text and "://" in text)
    strange = not text.isascii() and _NOT_PLAIN.search(text) and _SUSPECT.search(text)
    if not linked and not strange:
        return ()
    return tuple(dict.fromkeys([*_in_links(text), *_in_characters(text)]))


def words_of_template(source: str) -> str:
    """A template as a text, as far as it is written out: each value that is put in stands as ``x``."""
    return _INSTRUCTION.sub("", _VALUE.sub("x", source))


def _in_links(text: str) -> Iterator[Found]:
    if "://[" in text:
        yield Found(Alarm.ADDRESS, "an IPv6 address")
    for piece in _BETWEEN_LINKS.split(text):
        if ("." in piece or "://" in piece) and len(piece) <= _LONGEST_LINK:
            yield from _in_link(piece)


def _in_link(piece: str) -> Iterator[Found]:
    before, mark, after = piece.partition("://")
    scheme = _SCHEME.search(before) if mark else None
    rest = after if scheme else piece
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    user, at, host = authority.rpartition("@")
    host, port = _host_and_port(host.rstrip(".!:*_~"))
    if not 0 < len(host) <= _LONGEST_HOST:
        return
    has_path = len(rest) > len(authority)
    if (scheme and _is_address(host)) or (has_path and _FOUR_NUMBERS.fullmatch(host)):
        yield Found(Alarm.ADDRESS, host)
    elif not (scheme or _looks_like_a_link(host, explicit=has_path or bool(port))):
        return
    else:
        yield from _in_host(host.lower())
    if scheme and at and user:
        yield Found(Alarm.CREDENTIALS, host)
    if scheme and scheme[0].lower() == "http":
        yield Found(Alarm.PLAIN, host)


def _host_and_port(text: str) -> tuple[str, str]:
    """The host and the digits of a port; of ``kod:bit.ly`` only what stands after the colon."""
    if text.startswith("[") or text.count(":") > 1:
        return text, ""
    host, colon, port = text.partition(":")
    if colon and not port.isdigit():
        return port or host, ""
    return host, port


def _is_address(host: str) -> bool:
    return bool(_FOUR_NUMBERS.fullmatch(host) or _ONE_NUMBER.fullmatch(host.lower())) or ":" in host


def _looks_like_a_link(host: str, *, explicit: bool) -> bool:
    """Whether a telephone would make a link of words with dots; ``explicit``: a path or port follows."""
    if not _HOST.fullmatch(host):
        return False
    ending = host.rpartition(".")[2]
    if ending.isdigit():
        return False
    if explicit:
        return len(ending) > 1
    # A full stop without a space ("dziś.Kup teraz") is no link; two small letters are a country.
    return (ending.isascii() and len(ending) == 2 and ending.islower()) or ending.lower() in USUAL_ENDINGS


@lru_cache(maxsize=10_000)
def _in_host(host: str) -> tuple[Found, ...]:
    found = []
    readable = _decoded(host)
    if readable != host:
        found.append(Found(Alarm.PUNYCODE, f"{host}, shown as {readable}"))
    if mixes_scripts(readable):
        found.append(Found(Alarm.SCRIPTS, readable))
    if registered(host) in SHORTENERS or host in SHORTENERS:
        found.append(Found(Alarm.SHORTENER, host))
    if brand := imitated_brand(readable):
        found.append(Found(Alarm.BRAND, f"{readable}, which is not {brand}'s"))
    return tuple(found)


def _decoded(host: str) -> str:
    """The host with its ``xn--`` labels as browsers show them; as it is where they cannot be read."""
    if "xn--" not in host:
        return host
    try:
        return ".".join(
            label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
            for label in host.split(".")
        )
    except UnicodeError:
        return host


def _in_characters(text: str) -> Iterator[Found]:
    if text.isascii():
        return
    if hidden := _HIDDEN.search(text):
        yield Found(Alarm.INVISIBLE, f"U+{ord(hidden[0]):04X}")
    for word in _WORD.findall(text):
        if not word.isascii() and mixes_scripts(word) and latin(word) != word:
            yield Found(Alarm.WORD, word)
            return
