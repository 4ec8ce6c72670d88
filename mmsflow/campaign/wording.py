"""How the campaign's findings quote what a person wrote: short, on one line, phone numbers masked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST_QUOTE = 40
_PHONE = re.compile(r"(?<!\d)(?:(?:\+|00)?48[ .-]?)?\d{3}[ .-]?\d{3}[ .-]?(\d{3})(?!\d)")


def quoted(value: object) -> str:
    """``value`` between backticks, at most 40 characters, with phone numbers down to their last three digits."""
    text = masked(str(value), _LONGEST_QUOTE)
    return f"`{text}`"


def masked(text: str, longest: int = 200) -> str:
    """``text`` on one line, at most ``longest`` characters, with phone numbers down to their last three digits."""
    short = _PHONE.sub(r"…\1", text[: longest * 2])
    shown = "".join(character if character.isprintable() else "·" for character in short[:longest])
    return shown + "…" if len(short) > longest else shown


def has_phone(text: str) -> bool:
    """Whether something in the text looks like a phone number."""
    return _PHONE.search(text) is not None


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that ``word`` was probably meant to be; empty when none comes near."""
    by_folded = {name.casefold(): name for name in known}
    matches = get_close_matches(word.casefold()[:200], by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else ""


def choice_fix(word: str, known: Iterable[str]) -> str:
    """A fix for a word that is not one of ``known``: the near miss, or all of them."""
    names = list(known)
    near = nearest(word, names)
    return f"did you mean `{near}`?" if near else "use one of: " + ", ".join(names)
