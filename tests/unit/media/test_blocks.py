"""Pictures as a few blocks, and their measures."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from mmsflow.media.blocks import blocks, pixel_size

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def saved(picture: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **more)
    return out.getvalue()


def two_halves(size: tuple[int, int]) -> Image.Image:
    picture = Image.new("RGB", size, RED)
    picture.paste(BLUE, (0, size[1] // 2, *size))
    return picture


def test_upper_and_lower_pixels_share_a_cell() -> None:
    assert blocks(saved(two_halves((3, 2))), 10, 10) == [[(RED, BLUE)] * 3]


@pytest.mark.parametrize("size", [(400, 100), (100, 400), (5000, 20), (1, 900)])
def test_a_picture_keeps_its_proportions_within_its_room(size: tuple[int, int]) -> None:
    cells = blocks(saved(two_halves(size)), 36, 14)
    width, height = len(cells[0]), 2 * len(cells)
    assert width <= 36
    assert height <= 28
    assert {len(row) for row in cells} == {width}
    scale = min(36 / size[0], 28 / size[1])
    assert abs(width - size[0] * scale) <= 1
    assert abs(height - size[1] * scale) <= 2


def test_transparency_is_paper() -> None:
    assert blocks(saved(Image.new("RGBA", (2, 2), (0, 0, 0, 0))), 9, 9) == [[(WHITE, WHITE)] * 2]


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_shown(mode: str) -> None:
    assert len(blocks(saved(Image.new(mode, (4, 4))), 4, 2)) == 2


def test_cmyk_and_sideways_photos_are_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    data = saved(Image.new("CMYK", (80, 40)), "JPEG", exif=exif)
    assert pixel_size(data) == (40, 80)
    cells = blocks(data, 10, 10)
    assert (len(cells[0]), len(cells)) == (10, 10)


@pytest.mark.parametrize("data", [b"", b"GIF89a", saved(two_halves((90, 90)))[:150], b"<svg xmlns='x'/>"])
def test_what_is_no_whole_picture_is_not_drawn(data: bytes) -> None:
    assert blocks(data, 10, 10) == []
