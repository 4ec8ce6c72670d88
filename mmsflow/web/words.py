"""The page's own words, by key, in each of its languages. What files, people and gateways say stays as they said it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmsflow.web.words_en import ENGLISH
from mmsflow.web.words_pl import POLISH

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": ENGLISH, "pl": POLISH})


def word(key: str, language: str) -> str:
    """The words of a key.

    Raises:
        KeyError: no such key or language; a test compares the languages and looks for every key of the templates.
    """
    return WORDS[language][key]
