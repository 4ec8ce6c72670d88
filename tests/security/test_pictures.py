"""A picture is what its content says, small enough to look at, whole, and nothing else besides."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from mmsflow.errors import InvalidInput
from mmsflow.media.library import MediaLibrary

_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/etc/passwd) (r) file\nshowpage\n"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(kind: str, size: tuple[int, int] = (32, 32)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def huge_png(side: int) -> bytes:
    """A PNG of side × side grey pixels, a few kilobytes long."""
    packer = zlib.compressobj(9)
    row = b"\0" * (side // 8 + 1)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("evil.class", b"x" * 100)
    return out.getvalue()


REFUSED = {
    "a PNG of 14,000² pixels": ("a.png", huge_png(14_000), "megapixels"),
    "an EPS named .png": ("a.png", _EPS, "no picture"),
    "an EPS named .eps": ("a.eps", _EPS, "no picture"),
    "an EPS without an ending": ("a", _EPS, "kind is not known"),
    "an SVG named .jpg": ("a.jpg", _SVG, "no picture"),
    "HTML named .gif": ("a.gif", b"<html><script>alert(1)</script>", "no picture"),
    "an archive named .png": ("a.png", archive(), "no picture"),
    "a WebP": ("a.png", picture("WEBP"), "WEBP"),
    "a TIFF named .jpg": ("a.jpg", picture("TIFF"), "TIFF"),
    "an icon": ("a.png", picture("ICO"), "no picture"),
    "a PDF": ("a.jpg", picture("PDF"), "no picture"),
    "half a JPEG": ("a.jpg", picture("JPEG", (300, 300))[:700], "damaged"),
    "half a PNG": ("a.png", picture("PNG", (300, 300))[:-40], "damaged"),
    "half a GIF": ("a.gif", picture("GIF", (300, 300))[:-60], "damaged"),
    "a header alone": ("a.png", picture("PNG")[:33], ""),
    "nothing": ("a.png", b"", "empty"),
    "an executable": ("a.exe", b"MZ" + bytes(100), "kind is not known"),
}


def refusal(workspace: Path, name: str, content: bytes) -> str:
    (workspace / name).write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        MediaLibrary(workspace).part(name)
    (finding,) = caught.value.findings
    assert finding.fix
    return finding.message


@pytest.mark.parametrize(("name", "content", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_whole_picture_of_a_known_kind_is_refused(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    assert said in refusal(tmp_path, name, content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.bin", "a"])
def test_the_type_follows_from_the_content_and_not_from_the_name(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / name).write_bytes(picture(kind))
    assert MediaLibrary(tmp_path).part(name).content_type == f"image/{kind.lower()}"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
@pytest.mark.parametrize("rider", [archive(), b"<html><script>alert(1)</script>", _SVG, _EPS])
def test_a_picture_with_something_else_behind_it_travels_as_a_picture_only(
    tmp_path: Path, kind: str, rider: bytes
) -> None:
    (tmp_path / "a.html").write_bytes(picture(kind) + rider)
    part = MediaLibrary(tmp_path).part("a.html")
    assert (part.content_type, part.filename) == (f"image/{kind.lower()}", "a.html")


@pytest.mark.parametrize("name", ["a.amr", "a.mp3", "a.m4a", "a.mid", "a.3gp", "a.mp4", "a.vcf", "a.ics"])
@pytest.mark.parametrize("content", [_EPS, _SVG, b"MZ" + bytes(100), picture("PNG")])
def test_a_sound_a_film_or_a_card_is_one_by_its_content_too(tmp_path: Path, name: str, content: bytes) -> None:
    assert "no " in refusal(tmp_path, name, content)
