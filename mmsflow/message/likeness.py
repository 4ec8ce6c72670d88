"""Words that look like others: letters of several scripts, digits for letters, a letter more or less. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from mmsflow.message.known_hosts import BRANDS, ORDINARY_WORDS, SHARED_ENDINGS, Brand

# Letters of Cyrillic and Greek that look like Latin ones, as Unicode's confusables (UTS 39) pair them.
_CYRILLIC = dict(zip("аеорсухіјѕԁһӏѵԛԝкпгтАВЕКМНОРСТХІЈЅУ", "aeopcyxijsdhlvqwknrtABEKMHOPCTXIJSY", strict=True))
_GREEK = dict(zip("αεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeikvoptuxABEZHIKMNOPTYX", strict=True))
_LOOK = str.maketrans(_CYRILLIC | _GREEK | {"ł": "l", "Ł": "L", "ı": "i", "ø": "o", "đ": "d"})
_DIGITS = (str.maketrans("013457", "oieast"), str.maketrans("013457", "oleast"))
_TWINS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("l", "i"))

_SCRIPTS = (
    ("Greek", 0x370, 0x3FF), ("Cyrillic", 0x400, 0x52F), ("Armenian", 0x530, 0x58F), ("Cherokee", 0x13A0, 0x13FF),
    ("Greek", 0x1F00, 0x1FFF), ("wide", 0xFF21, 0xFF5A), ("mathematical", 0x1D400, 0x1D7FF),
)  # fmt: skip
_WITHIN_FROM = 5  # a shorter brand's word must stand alone: "ing" is a part of many words
_TYPO_FROM = 6  # one letter off a short word is another word


def latin(text: str) -> str:
    """The text in the Latin letters that it looks like, marks taken off: ``оrаngе`` with Cyrillic → ``orange``."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text).translate(_LOOK)
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def mixes_scripts(text: str) -> bool:
    """Whether letters of Latin stand beside such of a script that looks like it."""
    if text.isascii():
        return False
    scripts = {_script(letter) for letter in text if letter.isalpha()}
    return len(scripts) > 1


def registered(host: str) -> str:
    """The part of a host that somebody registered: ``a.b.com.pl`` → ``b.com.pl``."""
    labels = host.split(".")
    size = 3 if ".".join(labels[-2:]) in SHARED_ENDINGS else 2
    return ".".join(labels[-size:])


def imitated_brand(host: str) -> str:
    """The brand that a host looks like without being its own; empty for none.

    Args:
        host: small letters, no port, labels decoded.
    """
    own = registered(host)
    ending = ".".join(host.split(".")[-2:])
    if any(own in brand.domains or ending in brand.domains for brand in BRANDS):
        return ""
    above = host.removesuffix(own)
    upper = [above.replace(".", ""), *above.split(".")]
    for brand in BRANDS:
        if any(_looks_like(label, brand, near=False) for label in upper):
            return brand.name
        if any(_looks_like(label, brand, near=True) for label in own.split(".")[:-1]):
            return brand.name
    return ""


def _looks_like(label: str, brand: Brand, *, near: bool) -> bool:
    """Whether a label has the brand's word in it; ``near``: one letter off counts, too."""
    if not label:
        return False
    return any(
        word == seen
        or (len(word) >= _WITHIN_FROM and word in seen)
        or (near and len(word) >= _TYPO_FROM and seen[:1] == word[:1] and _one_off(seen, word))
        for seen in _readings(label)
        for word in brand.words
    )


def _readings(label: str) -> Iterator[str]:
    """How a label may be read: whole and its pieces between hyphens, digits and look-alike letters as others."""
    plain = latin(label)
    for text in (plain, *(plain.translate(table) for table in _DIGITS)):
        yield text.replace("-", "")
        yield from text.split("-")
    for twin, letter in _TWINS:
        if twin in plain:
            yield plain.replace("-", "").replace(twin, letter)


def _one_off(seen: str, word: str) -> bool:
    """Whether one letter was added, left out or changed, or two neighbours changed places."""
    if seen in ORDINARY_WORDS or abs(len(seen) - len(word)) > 1:
        return False
    at = next((index for index, (one, other) in enumerate(zip(seen, word, strict=False)) if one != other), len(word))
    return (
        seen[at + 1 :] == word[at + 1 :]
        or seen[at + 1 :] == word[at:]
        or seen[at:] == word[at + 1 :]
        or (seen[at : at + 2] == word[at : at + 2][::-1] and seen[at + 2 :] == word[at + 2 :])
    )


def _script(letter: str) -> str:
    code = ord(letter)
    return next((name for name, first, last in _SCRIPTS if first <= code <= last), "Latin")
