"""Attachments from files: judged by content, sized, named for the wire."""

from __future__ import annotations

import io
import random
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from mmsflow.errors import InvalidInput
from mmsflow.media.library import MediaLibrary, wire_name


def picture(kind: str, size: tuple[int, int] = (64, 48)) -> bytes:
    noise = random.Random(1).randbytes(size[0] * size[1] * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", size, noise).save(out, kind)
    return out.getvalue()


def refusal(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        MediaLibrary(folder).part(name)
    finding = refused.value.findings[0]
    assert finding.fix
    return finding.message


@pytest.mark.parametrize(
    ("kind", "name", "content_type"),
    [
        ("JPEG", "a.jpg", "image/jpeg"),
        ("PNG", "a.png", "image/png"),
        ("GIF", "a.gif", "image/gif"),
        ("JPEG", "a.png", "image/jpeg"),
        ("PNG", "no-ending", "image/png"),
    ],
)
def test_a_pictures_kind_is_its_content_never_its_name(tmp_path: Path, kind: str, name: str, content_type: str) -> None:
    (tmp_path / name).write_bytes(picture(kind))
    media = MediaLibrary(tmp_path)
    part = media.part(name)
    assert part.content_type == content_type
    assert media.bytes_of(part.sha256) == picture(kind)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_truncated_picture_is_refused(tmp_path: Path, kind: str) -> None:
    whole = picture(kind)
    assert "damaged" in refusal(tmp_path, "a.jpg", whole[: len(whole) // 2])


@pytest.mark.parametrize("kind", ["WEBP", "BMP", "TIFF"])
def test_a_kind_that_handsets_do_not_show_is_refused_by_its_name(tmp_path: Path, kind: str) -> None:
    assert f"a {kind} picture" in refusal(tmp_path, "a.jpg", picture(kind))


def test_heic_is_known_by_its_content(tmp_path: Path) -> None:
    assert "HEIF" in refusal(tmp_path, "IMG_1.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))


def test_postscript_named_as_a_picture_is_not_opened(tmp_path: Path) -> None:
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    assert "no picture that can be read" in refusal(tmp_path, "a.png", eps)


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (14_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
    assert "megapixels" in refusal(tmp_path, "a.png", bomb)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a.png", b"") == "it is empty"


def test_a_picture_over_the_budget_is_refused_naming_its_size(tmp_path: Path) -> None:
    data = picture("PNG", (400, 300))
    assert f"{len(data) / 1024:.0f} KiB" in refusal(tmp_path, "a.png", data)


def test_a_text_must_be_utf_8(tmp_path: Path) -> None:
    assert "byte 3 is not UTF-8" in refusal(tmp_path, "a.txt", b"za\xbf")


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a.exe", b"MZ") == "its kind is not known"


@pytest.mark.parametrize("path", ["../a.png", "/etc/hostname", "no/such.png", "", "a\0b", "."])
def test_a_path_that_is_no_file_of_the_workspace_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidInput):
        MediaLibrary(tmp_path).part(path)


def test_random_bytes_in_a_pictures_clothes_are_refused_and_no_traceback(tmp_path: Path) -> None:
    chance = random.Random(7)
    for kind in ("JPEG", "PNG", "GIF"):
        whole = picture(kind)
        for _ in range(40):
            damaged = bytearray(whole)
            for _ in range(8):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            (tmp_path / "a.jpg").write_bytes(damaged)
            with suppress(InvalidInput):  # a picture that survived is fine, too
                MediaLibrary(tmp_path).part("a.jpg")


def test_a_file_is_read_once_and_found_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture("JPEG"))
    media = MediaLibrary(tmp_path)
    part = media.part("a.jpg")
    (tmp_path / "a.jpg").write_bytes(b"changed meanwhile")
    assert media.part("a.jpg") is part
    assert media.bytes_of(part.sha256) == picture("JPEG")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("media/Zażółć gęślą.JPG", "Zazolc-gesla.JPG"),
        ("media/Łódź.png", "Lodz.png"),
        ("templates/winter.txt.j2", "winter.txt"),
        ("media/Ж.png", "part.png"),
        ("media/.hidden.png", "hidden.png"),
        ("media/..png", "part.png"),
        ('media/a"b\r\nc.png', "a-b-c.png"),
        ("media/kot", "kot"),
    ],
)
def test_a_name_for_the_wire_is_plain_ascii(path: str, name: str) -> None:
    assert wire_name(path) == name


def test_a_name_for_the_wire_has_64_characters_at_most_and_keeps_its_ending() -> None:
    assert len(wire_name("a" * 300 + ".jpeg")) == 64
    assert wire_name("a" * 300 + ".jpeg").endswith(".jpeg")
