"""Pictures in a terminal: half blocks in colour, where the terminal shows that many colours."""

from __future__ import annotations

import os
from typing import TextIO

from mmsflow.cli.output import colourful
from mmsflow.media.blocks import Pixel, blocks

_WIDTH, _HEIGHT = 36, 14
_LEVELS = (0, 95, 135, 175, 215, 255)  # of each colour in the cube of terminals with 256 colours


def colours(stream: TextIO) -> int:
    """How many colours ``stream`` shows: 2 ** 24, 256, or 0 where too few for a picture."""
    if not colourful(stream):
        return 0
    if os.environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return 1 << 24
    return 256 if "256color" in os.environ.get("TERM", "") else 0


def drawn(data: bytes, room: int, depth: int) -> list[str]:
    """Lines of half blocks that show a picture; none where it cannot be shown.

    Args:
        data: the picture's bytes.
        room: columns that there are.
        depth: from ``colours``, above 0.
    """
    code = _in_full if depth > 256 else _of_256
    lines = []
    for row in blocks(data, max(1, min(_WIDTH, room)), _HEIGHT):
        line, before = "", ""
        for upper, lower in row:
            colour = f"\033[38;{code(upper)};48;{code(lower)}m"
            line += ("" if colour == before else colour) + "▀"
            before = colour
        lines.append(line + "\033[0m")
    return lines


def _in_full(pixel: Pixel) -> str:
    return f"2;{pixel[0]};{pixel[1]};{pixel[2]}"


def _of_256(pixel: Pixel) -> str:
    red, green, blue = (min(range(6), key=lambda at: abs(_LEVELS[at] - value)) for value in pixel)
    return f"5;{16 + 36 * red + 6 * green + blue}"
