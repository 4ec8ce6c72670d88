"""A picture's measures, and a picture as a few coloured blocks for a terminal."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

Pixel = tuple[int, int, int]
"""Red, green and blue, 0 to 255 each."""

_FORMATS = ("JPEG", "PNG", "GIF")
_PAPER = (255, 255, 255)  # what handsets put behind a transparent picture
_TURNED = frozenset({5, 6, 7, 8})  # EXIF orientations that lie on their side


def pixel_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as a handset shows them, turned upright; None where it is no picture to be shown."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                turned = picture.getexif().get(0x0112) in _TURNED
                return (picture.height, picture.width) if turned else picture.size
    except Exception:  # decoders raise what their format's arithmetic happens to hit
        return None


def blocks(data: bytes, columns: int, rows: int) -> list[list[tuple[Pixel, Pixel]]]:
    """A picture as rows of cells, each with its upper and its lower pixel: a cell is twice as high as it is wide.

    Args:
        data: JPEG, PNG or GIF, judged already when it was attached; of an animation the first picture counts.
        columns, rows: the most cells side by side and on top of each other, at least 1.

    Returns:
        At most ``rows`` lists of the same length; none where the picture cannot be shown.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                picture.draft("RGB", (columns * 4, rows * 8))  # a JPEG need not be decoded in full
                small = _on_paper(ImageOps.exif_transpose(picture))
    except Exception:  # decoders raise what their format's arithmetic happens to hit
        return []
    scale = min(columns / small.width, 2 * rows / small.height, 1.0)
    width, pairs = max(1, round(small.width * scale)), max(1, round(small.height * scale / 2))
    raw = small.resize((width, 2 * pairs), Image.Resampling.BOX).tobytes()

    def pixel(x: int, y: int) -> Pixel:
        at = 3 * (y * width + x)
        return raw[at], raw[at + 1], raw[at + 2]

    return [[(pixel(x, 2 * y), pixel(x, 2 * y + 1)) for x in range(width)] for y in range(pairs)]


def _on_paper(picture: Image) -> Image:
    from PIL import Image

    if picture.mode == "RGB":
        return picture.copy()
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    paper = Image.new("RGBA", clear.size, (*_PAPER, 255))
    return Image.alpha_composite(paper, clear).convert("RGB")
