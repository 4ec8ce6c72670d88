"""What an MMS carries: parts, their sizes and the budget they must fit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

KIB = 1024

# Safe on every network and handset in Poland: 300 kB for the whole MMS, less what the MMS centre adds.
DEFAULT_BUDGET_BYTES = 280 * KIB

# Handsets show this much of a subject by default; some cut the rest.
SUBJECT_SHOWN_CHARACTERS = 40

# What every handset shows. Others travel, but not everyone sees them.
SAFE_CONTENT_TYPES = frozenset({"image/jpeg", "image/gif", "image/png", "text/plain"})


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment of an MMS, before any transfer encoding.

    Attributes:
        content_type: media type without parameters, such as ``image/jpeg``.
        filename: a name in ASCII without a path; doubles as the Content-ID.
        data: the bytes; UTF-8 for ``text/plain``.
        sha256: hex digest of ``data``; computed when not given.
    """

    content_type: str
    filename: str
    data: bytes = field(repr=False)
    sha256: str = ""

    def __post_init__(self) -> None:
        if not self.sha256:
            object.__setattr__(self, "sha256", hashlib.sha256(self.data).hexdigest())

    @property
    def size_bytes(self) -> int:
        return len(self.data)


def total_size_bytes(subject: str, parts: Iterable[Part]) -> int:
    """Bytes of subject and parts before base64, which is what the budget limits."""
    return len(subject.encode()) + sum(part.size_bytes for part in parts)


def cut_subject(text: str) -> tuple[str, str]:
    """What every handset shows of a subject, and what some of them cut."""
    return text[:SUBJECT_SHOWN_CHARACTERS], text[SUBJECT_SHOWN_CHARACTERS:]
