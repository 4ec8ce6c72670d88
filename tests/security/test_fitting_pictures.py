"""Hostile pictures that are to be fitted: a finding or a part, in bounded time and memory, never a traceback."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.pictures import animation, exif, logo, photo, saved
from mmsflow.errors import InvalidInput
from mmsflow.media.fitting import Wish
from mmsflow.media.library import MediaLibrary
from mmsflow.media.model import SentPart

ROOM = 60_000


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaLibrary]:
    with MediaLibrary(tmp_path_factory.mktemp("hostile")) as made:
        yield made


def fitted(media: MediaLibrary, content: bytes, name: str) -> list[SentPart] | str:
    """The parts, or what the one finding says."""
    (media._workspace / name).write_bytes(content)
    try:
        picture = media.picture(name)
        if picture is None:
            return "no picture"
        wish = Wish((picture,), ROOM)
        result = media.fit([wish])[wish]
    except InvalidInput as error:
        result = error
    if isinstance(result, InvalidInput):
        (finding,) = result.findings
        assert finding.fix
        assert "Traceback" not in finding.message
        return finding.message
    return result


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, pixels: bytes = b"\0") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(width: int, height: int) -> bytes:
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
            (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 4)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


def gif_of_many_frames(frames: int) -> bytes:
    frame = b"\x21\xf9\x04\0\x01\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    return b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frame * frames + b";"


REFUSED = {
    "a PNG of 14,000² pixels": (png(14_000, 14_000, bytes(1_751 * 14_000)), "megapixels"),
    "a PNG of 2³¹-1 pixels a side": (png(2**31 - 1, 2**31 - 1), ""),
    "a PNG of no pixels": (png(0, 0), ""),
    "a PNG that lacks its pixels": (png(900, 900), "damaged"),
    "a TIFF of 40,000² pixels": (tiff(40_000, 40_000), "megapixels"),
    "a GIF of 100,000 frames": (gif_of_many_frames(100_000), "frames"),
    "an EPS named .png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture that can be read"),
    "half a JPEG": (saved(photo(600, 400), "JPEG")[:9_000], "damaged"),
    "half a PNG": (saved(photo(200, 100), "PNG")[:9_000], "damaged"),
    "half a WebP": (saved(photo(600, 400), "WEBP")[:3_000], ""),
    "half an AVIF": (saved(photo(600, 400), "AVIF")[:3_000], ""),
    "half a GIF": (animation(100, 80, 3)[:9_000], ""),
    "a JPEG's first bytes": (b"\xff\xd8\xff\xe0", ""),
    "a HEIC's first bytes": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), ""),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_a_picture_is_refused_with_a_reason(media: MediaLibrary, content: bytes, said: str) -> None:
    result = fitted(media, content, "a.png")
    media._pictures.clear()
    media.originals.clear()
    assert isinstance(result, str), "it was taken"
    assert said in result


def test_a_pictures_wild_shape_costs_no_memory(media: MediaLibrary) -> None:
    result = fitted(media, saved(logo(40_000, 2), "PNG"), "thin.png")
    assert isinstance(result, list)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_broken_exif_is_dropped_like_any_other(media: MediaLibrary, kind: str) -> None:
    broken = exif(6)[:14] + b"\xff" * 60
    result = fitted(media, saved(photo(120, 90), kind, exif=broken), f"exif-{kind}.jpg")
    assert isinstance(result, list)


def test_a_broken_profile_is_dropped_like_any_other(media: MediaLibrary) -> None:
    result = fitted(media, saved(photo(120, 90), "JPEG", icc_profile=b"\0" * 200), "profile.jpg")
    assert isinstance(result, list)


SEEDS = [
    saved(photo(64, 48), "JPEG", exif=exif(6)),
    saved(photo(64, 48), "JPEG", progressive=True),
    saved(photo(64, 48), "PNG"),
    saved(logo(64, 48).quantize(4), "PNG"),
    animation(32, 24, 3),
    saved(photo(64, 48), "WEBP"),
    saved(photo(64, 48), "AVIF"),
    saved(photo(64, 48), "BMP"),
    saved(photo(64, 48), "TIFF", compression="tiff_lzw"),
    (Path(__file__).parents[1] / "unit" / "media" / "samples" / "turned.heic").read_bytes(),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_mutated_picture_is_a_finding_or_a_part(media: MediaLibrary, data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(st.binary(max_size=4))
        content[at : at + data.draw(st.integers(0, 4))] = piece
    media._pictures.clear()
    media.originals.clear()
    result = fitted(media, bytes(content), "fuzz.jpg")
    if isinstance(result, list):
        assert result[0].size_bytes <= ROOM
