"""Texts that must not be shown: credentials, tokens, and what is made of them."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from urllib.parse import quote

_SHORTEST = 6  # a shorter one would blot out half of any text
_PUBLIC = frozenset({"simulator"})  # the built-in simulator's, which its help prints
_MOST_REMEMBERED = 100
_CREDENTIALS = re.compile(r"\b(basic|bearer)(\s+)[\w+/=.~-]{4,}", re.IGNORECASE)
_held: dict[str, None] = {}


class Secret:
    """A text that shows itself only when asked by name; it is remembered, to keep it out of `blotted` texts."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        remember(text)

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__


def remember(text: str) -> None:
    """Keep a text out of ``blotted`` ones from now on."""
    if len(text) >= _SHORTEST and text not in _PUBLIC:
        _held[text] = None
        if len(_held) > _MOST_REMEMBERED:
            del _held[next(iter(_held))]


@lru_cache(maxsize=_MOST_REMEMBERED)  # the same token for hours, and looked for in every reply
def spellings(text: str) -> frozenset[str]:
    """``text`` as it is, and as JSON and URLs escape it."""
    return frozenset({text, json.dumps(text)[1:-1], text.replace("/", "\\/"), quote(text, safe="")})


def blotted(text: str) -> str:
    """``text`` without the latest secrets that this process has held, and without what an HTTP header carries."""
    for secret in sorted(_held, key=len, reverse=True):
        for spelling in spellings(secret):
            text = text.replace(spelling, "••••")
    return _CREDENTIALS.sub(r"\1\2••••", text)
