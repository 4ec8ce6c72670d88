"""QR codes: what a camera reads is what the campaign says."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from mmsflow.media.library import MediaLibrary
from mmsflow.media.model import SentPart
from mmsflow.media.problem import Unusable


@pytest.fixture
def media(tmp_path: Path) -> Iterator[MediaLibrary]:
    with MediaLibrary(tmp_path) as made:
        yield made


TEXTS = [
    *(f"https://acme.example/k/{number:06}" for number in range(200)),
    *(f"https://acme.example/zima?kod=ŻÓŁĆ-{number}&imię=Łucja" for number in range(100)),
    *(f"https://acme.example/{'a' * number * 12}?k={number}" for number in range(1, 40)),
    "501 102 030",
    "Zażółć gęślą jaźń",
    "x",
]


def test_every_code_decodes_to_its_text(media: MediaLibrary) -> None:
    read = []
    for part in media.draw(TEXTS):
        assert isinstance(part, SentPart)
        picture = Image.open(io.BytesIO(media.bytes_of(part.sha256)))
        (code,) = zxingcpp.read_barcodes(picture.convert("L"))
        read.append(code.text)
    assert read == TEXTS


def test_a_code_is_a_small_sharp_png_with_a_quiet_zone(media: MediaLibrary) -> None:
    (part,) = media.draw(["https://acme.example/k/1"])
    assert isinstance(part, SentPart)
    picture = Image.open(io.BytesIO(media.bytes_of(part.sha256)))
    assert (part.content_type, part.filename, picture.mode) == ("image/png", "qr.png", "1")
    assert picture.width == picture.height
    assert 480 <= picture.width <= 600
    assert part.size_bytes < 2_000
    modules = 25 + 2 * 4  # version 2
    dark = picture.convert("L").point(lambda value: 255 - value).getbbox()
    assert dark == (4 * (scale := picture.width // modules), 4 * scale, 29 * scale, 29 * scale)


def test_the_same_text_gives_the_same_bytes(media: MediaLibrary, tmp_path: Path) -> None:
    first, again = media.draw(["a", "a"])
    with MediaLibrary(tmp_path) as other:
        assert other.draw(["a"]) == [first] == [again]


def test_too_long_and_empty_texts_are_named_and_stop_no_other(media: MediaLibrary) -> None:
    long, empty, fine = media.draw(["ż" * 2_000, "", "a"])
    assert isinstance(long, Unusable)
    assert "no QR code holds 4000 bytes" in long.message
    assert isinstance(empty, Unusable)
    assert "is empty" in empty.message
    assert isinstance(fine, SentPart)


def test_dense_codes_are_warned_of_with_their_number(media: MediaLibrary) -> None:
    media.draw(["https://acme.example/k/1"])
    assert media.warnings() == []
    media.draw([f"https://acme.example/{'abc' * 90}{number}" for number in range(3)])
    assert "3 QR codes are so dense" in media.warnings()[0]
