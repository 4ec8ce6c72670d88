"""Where the bytes of parts are kept until a run is frozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mmsflow.mms.content import Part


class PartStore(Protocol):
    """Keeps parts by digest. A draft does it on disk; MemoryStore in a dict."""

    def add_parts(self, parts: Sequence[Part], *, drawn: bool = False) -> None:
        """Keep them, each digest once; ``drawn`` ones belong to one recipient each."""
        ...

    def content(self, sha256: str) -> bytes:
        """The bytes with this digest.

        Raises:
            KeyError: they were never kept.
        """
        ...


class MemoryStore:
    """For few parts that nobody freezes, such as those of a campaign file with mistakes."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def add_parts(self, parts: Sequence[Part], *, drawn: bool = False) -> None:  # noqa: ARG002 - all are alike here
        """See PartStore."""
        self._known.update((part.sha256, part.data) for part in parts)

    def content(self, sha256: str) -> bytes:
        """See PartStore."""
        return self._known[sha256]
