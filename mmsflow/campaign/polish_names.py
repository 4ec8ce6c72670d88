"""Names of people as Polish letters write them, whatever case a list has them in."""

from __future__ import annotations

import re

# Particles of surnames, and such that are given names elsewhere: Nguyen Van Hung, Le Thi Hoa, Al Pacino. The latter are
# particles beside another one only, as in "van der".
_PARTICLES = frozenset(
    {"af", "bin", "da", "das", "de", "del", "della", "den", "der", "des", "di", "dos", "du", "ibn", "ter", "vom", "von"}
    | {"y", "z", "ze", "zu", "zum", "zur"}
)
_DOUBTFUL = frozenset({"al", "do", "el", "la", "le", "ten", "van"})
_APOSTROPHES = re.compile("(['’ʼ])")
_DASHES = re.compile("([-‐‑–])")


def polish_name(text: str) -> str:
    """``jan KOWALSKI`` → ``Jan Kowalski``; words in mixed case (``McDonald``) stay, blanks become single spaces."""
    words = text.split()
    return " ".join(
        word.lower() if _is_particle(words, index) else "".join(map(_part, _DASHES.split(word)))
        for index, word in enumerate(words)
    )


def polish_first_name(text: str) -> str:
    """The first word of `polish_name`; empty where there is none."""
    first = text.split(maxsplit=1)[:1]
    return polish_name(first[0]) if first else ""


def _is_particle(words: list[str], index: int) -> bool:
    """Whether a word is small: a particle between names, or one that a list which knows capitals has small."""
    word = words[index].lower()
    if words[index].istitle() or index == len(words) - 1 or word not in _PARTICLES | _DOUBTFUL:
        return False
    if words[index].islower() and any(each[0].isupper() and not each.isupper() for each in words):
        return True
    beside = {each.lower() for each in (*words[index - 1 : index], words[index + 1])}
    return index > 0 and (word in _PARTICLES or bool(beside & (_PARTICLES | _DOUBTFUL)))


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
