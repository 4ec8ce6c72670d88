"""The nouns of fitting: limits, what is known of a picture, the ways in which it could be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Way = Literal["kept", "jpeg", "png", "gif"]
CONTENT_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif"}


@dataclass(frozen=True, slots=True)
class Frame:
    """Largest picture in pixels, lying down; one that stands may have them the other way round."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a picture before it is measured.

    Attributes:
        kept: bytes of it without its metadata, where it can be sent with every pixel as it is; 0 else.
    """

    kept: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way in which a picture could be sent.

    Attributes:
        way: ``kept`` is the file without its metadata, the others are encoded anew.
        width, height: pixels.
        quality: of a JPEG 1 to 95; of a PNG its colours, 0 for all of them; else 0.
        size_bytes: what it would take, or a little less.
        score: structural similarity to the picture at its full size within the frame, 1 is the same.
    """

    way: Way
    width: int
    height: int
    quality: int
    size_bytes: int
    score: float


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part as it travels, without its bytes; the library keeps those."""

    content_type: str
    filename: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Code:
    """A drawn QR code: PNG bytes, and its version from 1 (21 modules a side) to 40 (177)."""

    png: bytes = field(repr=False)
    version: int
