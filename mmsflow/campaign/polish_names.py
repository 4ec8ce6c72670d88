"""Names of people as Polish letters write them, whatever case a list has them in."""

from __future__ import annotations

import re

# Particles of surnames; small unless nothing follows them, or the list has them large among small letters.
_PARTICLES = frozenset({
    "af", "al", "ap", "bin", "da", "das", "de", "del", "della", "den", "der", "des", "di", "do", "dos", "du", "el",
    "ibn", "la", "le", "ten", "ter", "van", "von", "vom", "y", "z", "ze", "zu", "zum", "zur",
})  # fmt: skip
_APOSTROPHES = re.compile("(['’ʼ])")
_DASHES = re.compile("([-‐‑–])")


def polish_name(text: str) -> str:
    """``jan KOWALSKI`` → ``Jan Kowalski``; words in mixed case (``McDonald``) stay, blanks become single spaces."""
    words = text.split()
    return " ".join(_word(word, last=index == len(words)) for index, word in enumerate(words, 1))


def polish_first_name(text: str) -> str:
    """The first word of `polish_name`; empty where there is none."""
    first = text.split(maxsplit=1)[:1]
    return polish_name(first[0]) if first else ""


def _word(word: str, *, last: bool) -> str:
    if not last and word.lower() in _PARTICLES and not word.istitle():
        return word.lower()
    return "".join(part if part in "-‐‑–" else _part(part) for part in _DASHES.split(word))


def _part(part: str) -> str:
    if not (part.islower() or part.isupper() or part.swapcase().istitle()):
        return part
    pieces = _APOSTROPHES.split(part)
    if len(pieces) == 3 and len(pieces[0]) == 1 and len(pieces[2]) > 1:  # O'Connor, d'Artagnan; not Clarke's
        return "".join(map(_capital, pieces))
    return _capital(part)


def _capital(piece: str) -> str:
    # Not str.capitalize alone: a bracket or quote may stand before the first letter.
    for index, letter in enumerate(piece):
        if letter.isalpha():
            return piece[:index] + letter.upper() + piece[index + 1 :].lower()
    return piece
