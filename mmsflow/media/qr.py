"""QR codes as pictures, drawn by segno. Runs in the workers only."""

from __future__ import annotations

import struct
import zlib

import numpy
import segno
from segno.encoder import DataOverflowError

from mmsflow.media.model import Code
from mmsflow.media.problem import Unusable

_SIDE = 600  # the largest; the smallest is 450, and 480 up to version 26
_BORDER = 4  # modules of quiet zone, as ISO/IEC 18004 asks for


def draw(text: str) -> Code:
    """The text as a QR code: error correction M, or better where that takes no larger code; 1-bit PNG.

    Raises:
        Unusable: no QR code holds so long a text, or there is none.
    """
    if not text:
        raise Unusable("the text of the QR code is empty", "give it a text for this row, too")
    try:
        code = segno.make_qr(text, error="m", boost_error=True)
    except DataOverflowError:
        size = len(text.encode())
        raise Unusable(f"no QR code holds {size} bytes of text", "shorten it: a link of up to 150 characters") from None
    modules = numpy.pad(numpy.array(code.matrix, dtype=numpy.uint8), _BORDER)
    return Code(_png(modules, _SIDE // len(modules)), int(code.version))


def _png(modules: numpy.ndarray, scale: int) -> bytes:
    """One bit a pixel, 1 is white. Written here: segno's own writer takes as long as the code itself."""
    light = numpy.repeat(1 - modules, scale, axis=1)
    packed = numpy.packbits(light, axis=1)
    lines = numpy.zeros((len(packed), packed.shape[1] + 1), dtype=numpy.uint8)  # each begins with its filter, 0
    lines[:, 1:] = packed
    pixels = zlib.compress(numpy.repeat(lines, scale, axis=0).tobytes(), 9)
    side = len(modules) * scale
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
