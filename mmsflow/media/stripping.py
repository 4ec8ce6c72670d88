"""Metadata taken out of a file without touching a pixel: EXIF with its places, comments, what follows the end.

Layouts of the formats: ITU T.81, annex B (JPEG); PNG specification, section 5; GIF89a, appendix A.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmsflow.media.problem import Unusable

_ADOBE = 0xEE  # says how the colours are stored, so it stays
_RESTARTS = range(0xD0, 0xD8)
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_LOOPS = b"NETSCAPE2.0"


def strip_jpeg(data: bytes) -> bytes:
    """The same JPEG without application segments and comments, and without anything behind its end."""
    kept = [data[:2]]
    for marker, segment in _jpeg_segments(data):
        application, comment = 0xE0 <= marker <= 0xEF, marker == 0xFE
        if not (application or comment) or marker == _ADOBE or segment[4:9] == b"JFIF\0":
            kept.append(segment)
    return b"".join(kept)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(data) and data[at : at + 2] != b"\xff\xd9":
            raise Unusable("the picture is damaged: it ends too early", "export it again")
        marker = data[at + 1]
        if data[at] != 0xFF or marker in {0, 1}:
            raise Unusable("the picture is damaged: a segment is missing", "export it again")
        if marker == 0xD9:
            yield marker, data[at : at + 2]
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            end = _scan_end(data, end)
        yield marker, data[at:end]
        at = end


def _scan_end(data: bytes, at: int) -> int:
    """Where the next marker behind a scan stands; a stuffed 0xFF and a restart are parts of the scan."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise Unusable("the picture is damaged: it ends too early", "export it again")
        if data[at + 1] not in {0, 0xFF} and data[at + 1] not in _RESTARTS:
            return at
        at += 1 if data[at + 1] == 0xFF else 2


def strip_png(data: bytes) -> bytes:
    """The same PNG with the chunks that hold its pixels only."""
    kept, at = [data[:8]], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        if name in _PNG_KEPT:
            kept.append(data[at:end])
        if name == b"IEND":
            break
        at = end
    return b"".join(kept)


def strip_gif(data: bytes) -> bytes:
    """The same GIF without comments and application blocks, except the one that lets it loop."""
    table = 3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0
    kept, at = [data[: 13 + table]], 13 + table
    while at < len(data):
        begin, sort = at, data[at]
        if sort == 0x3B:
            kept.append(b"\x3b")
            return b"".join(kept)
        if sort == 0x21:
            at = _blocks_end(data, at + 2)
            label = data[begin + 1]
            if label == 0xF9 or (label == 0xFF and data[begin + 3 : begin + 14] == _LOOPS):
                kept.append(data[begin:at])
            continue
        if sort != 0x2C or at + 10 > len(data):
            break
        colours = 3 * 2 ** ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0
        at = _blocks_end(data, at + 10 + colours + 1)
        kept.append(data[begin:at])
    raise Unusable("the picture is damaged: it ends too early", "export it again")


def _blocks_end(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
