"""Characters as a person counts them: grapheme clusters, by the part of Unicode's rules (UAX 29) that messages need.

A letter with its combining marks, an emoji with its skin tone, a family joined by zero-width joiners and a flag are
one character each. Characters that show nothing (zero width, direction marks) belong to their neighbour and are not
counted. Of the rules, those for prepended marks of Indic scripts are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"
# Latin text with Polish letters, usual punctuation and money signs: every code point is a character of its own.
_NOT_SIMPLE = re.compile("[^ -~\u00a0-\u00ac\u00ae-\u02ff\u2010-\u2027\u2030-\u205e\u20a0-\u20c0]")
_ATTACHED = frozenset({"Mn", "Me", "Mc"})


def cluster_starts(text: str) -> Iterator[int]:
    """Index of each cluster's first code point, ascending; the first is 0 where there is any cluster."""
    if not _NOT_SIMPLE.search(text):
        yield from range(len(text))
        return
    started = False
    pictured = joined = flag_open = (
        False  # what the current cluster is: a picture, one with a joiner at its end, half a flag
    )
    before = ""
    for index, letter in enumerate(text):
        kind = unicodedata.category(letter)
        attached = _is_attached(letter, kind) or (letter == "\n" and before == "\r")
        goes_on = (
            attached or (joined and pictured and _is_picture(letter, kind)) or (flag_open and _is_flag_half(letter))
        )
        if not goes_on or (not started and kind in _ATTACHED):
            yield index if started else 0
            started = True
            pictured, flag_open = _is_picture(letter, kind), _is_flag_half(letter)
        elif not attached:
            flag_open = False
        joined = letter == _JOINER or (joined and kind == "Mn")
        before = letter


def is_simple(text: str) -> bool:
    """Whether every code point of it is certainly one character."""
    return _NOT_SIMPLE.search(text) is None


def _is_attached(letter: str, kind: str) -> bool:
    """Whether it is part of the character before it."""
    return (
        kind in _ATTACHED
        or kind == "Cf"
        or "\U0001f3fb" <= letter <= "\U0001f3ff"  # skin tones
        or "\u1160" <= letter <= "\u11ff"  # vowels and final consonants of Hangul that is written apart
    )


def _is_picture(letter: str, kind: str) -> bool:
    return kind in ("So", "Sm") and letter > "\u2000"


def _is_flag_half(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"
