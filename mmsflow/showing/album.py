"""The pictures of a page: each once, as a data address, within a budget for the whole page."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from mmsflow.media.blocks import pixel_size
from mmsflow.showing.reading import Content

MOST_PICTURES = 40
MOST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """An embedded picture.

    Attributes:
        key: its name inside the page.
        address: ``data:image/jpeg;base64,…``.
        width, height: in pixels, upright.
    """

    key: str
    address: str
    width: int
    height: int


class Album:
    """Pictures by digest, taken while there is room.

    Attributes:
        pictures: what is embedded, by hex SHA-256.
        left_out: digests of pictures for which there was no room.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._bytes = 0
        self._unreadable: set[str] = set()
        self.pictures: dict[str, Picture] = {}
        self.left_out: set[str] = set()

    def take(self, sha256: str, content_type: str) -> None:
        """Embed a picture, unless it is there already, there is no room, or a browser could not show it."""
        if sha256 in self.pictures or sha256 in self._unreadable or sha256 in self.left_out:
            return
        data = self._content(sha256) if len(self.pictures) < MOST_PICTURES else b""
        if not data or self._bytes + len(data) > MOST_BYTES:
            self.left_out.add(sha256)
            return
        size = pixel_size(data)
        if size is None:
            self._unreadable.add(sha256)
            return
        self._bytes += len(data)
        address = f"data:{content_type};base64,{base64.b64encode(data).decode()}"
        self.pictures[sha256] = Picture(f"p{len(self.pictures)}", address, *size)
