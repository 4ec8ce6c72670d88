"""Pictures made to fit: within the budget, upright, in sRGB, without a word about who took them where."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import pytest
from PIL import Image, ImageChops, ImageSequence
from skimage.metrics import structural_similarity

from benchmarks.pictures import animation, exif, gallery, logo, photo, saved, turned
from mmsflow.campaign.amounts import DEFAULT_BUDGET, LEGACY_BUDGET, Budget
from mmsflow.errors import InvalidInput
from mmsflow.media.fitting import Wish
from mmsflow.media.library import MediaLibrary
from mmsflow.media.model import SentPart
from mmsflow.mms.content import KIB

GALLERY = gallery(0.12)
ROOM = DEFAULT_BUDGET.size_bytes - 4 * KIB


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


class Fitting:
    """A library, and what it makes of pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.media = MediaLibrary(folder)

    def use(self, budget: Budget) -> None:
        self.media.close()
        self.media = MediaLibrary(self.folder, budget)

    def fit(self, *contents: bytes, room: int = ROOM, names: tuple[str, ...] = ()) -> list[tuple[SentPart, bytes]]:
        pictures = []
        for number, content in enumerate(contents):
            name = names[number] if names else f"{number}-{len(content)}.jpg"
            (self.folder / name).write_bytes(content)
            picture = self.media.picture(name)
            assert picture
            pictures.append(picture)
        wish = Wish(tuple(pictures), room)
        parts = self.media.fit([wish])[wish]
        if isinstance(parts, InvalidInput):
            raise parts
        return [(part, self.media.bytes_of(part.sha256)) for part in parts]

    def one(self, content: bytes, room: int = ROOM) -> Image.Image:
        ((part, data),) = self.fit(content, room=room)
        assert part.size_bytes == len(data) <= room
        return Image.open(io.BytesIO(data))

    def refusal(self, *contents: bytes, room: int = ROOM) -> str:
        with pytest.raises(InvalidInput) as refused:
            self.fit(*contents, room=room)
        (finding,) = refused.value.findings
        assert finding.fix
        return finding.message


@pytest.fixture
def fitting(folder: Path) -> Iterator[Fitting]:
    made = Fitting(folder)
    yield made
    made.media.close()


def apart(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of a channel, 0 to 255."""
    return float(numpy.asarray(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean())


def frames(picture: Image.Image) -> int:
    return sum(1 for _ in ImageSequence.Iterator(picture))


@pytest.mark.parametrize("make", GALLERY.values(), ids=GALLERY.keys())
def test_every_kind_of_picture_fits_upright_in_srgb_and_without_metadata(
    fitting: Fitting, make: Callable[[], bytes]
) -> None:
    shown = fitting.one(make(), room=40 * KIB)
    assert shown.format in {"JPEG", "PNG", "GIF"}
    assert max(shown.size) <= 1280
    assert not shown.getexif()
    assert not {"exif", "icc_profile", "xmp", "comment", "photoshop", "progressive", "mp"} & shown.info.keys()
    assert shown.format != "JPEG" or shown.mode == "RGB"


def test_several_pictures_share_one_budget_and_the_rich_ones_get_more_of_it(fitting: Fitting) -> None:
    rich, plain = saved(photo(900, 700, 1, 0.9), "JPEG"), saved(photo(900, 700, 2, 2.0), "JPEG")
    parts = fitting.fit(rich, plain, room=100 * KIB)
    sizes = [part.size_bytes for part, _ in parts]
    assert 80 * KIB < sum(sizes) <= 100 * KIB
    assert sizes[0] > sizes[1]


@pytest.mark.parametrize("turn", range(1, 9))
def test_exifs_orientation_becomes_a_rotation(fitting: Fitting, turn: int) -> None:
    upright = photo(300, 200)
    shown = fitting.one(saved(turned(upright, turn), "JPEG", quality=95, exif=exif(turn)))
    assert shown.size == (300, 200)
    assert apart(shown, upright) < 6  # turned another way it is 30 and more


def test_a_picture_that_is_fine_already_loses_its_metadata_and_not_a_pixel(fitting: Fitting) -> None:
    original = saved(photo(300, 200), "JPEG", quality=95, exif=exif(), comment=b"by Jan Kowalski") + b"PK\3\4rider"
    ((part, data),) = fitting.fit(original)
    assert apart(Image.open(io.BytesIO(data)), Image.open(io.BytesIO(original))) == 0
    assert part.content_type == "image/jpeg"
    assert b"Kowalski" not in data
    assert data.endswith(b"\xff\xd9")


def test_a_flat_graphic_stays_a_png_to_the_last_pixel(fitting: Fitting) -> None:
    for picture in (logo(), logo(mode="RGBA"), logo().quantize(8)):
        shown = fitting.one(saved(picture, "PNG"))
        assert shown.format == "PNG"
        assert shown.convert("RGBA").tobytes() == picture.convert("RGBA").tobytes()


def test_a_flat_graphic_in_a_kind_that_handsets_do_not_show_becomes_a_png(fitting: Fitting) -> None:
    ((part, data),) = fitting.fit(saved(logo(), "WEBP", lossless=True), names=("a.webp",))
    assert (part.content_type, part.filename) == ("image/png", "a.png")
    assert Image.open(io.BytesIO(data)).convert("RGB").tobytes() == logo().tobytes()


def test_the_names_ending_follows_the_content(fitting: Fitting) -> None:
    ((part, _),) = fitting.fit(saved(photo(300, 200), "WEBP"), names=("Zdjęcie 1.WebP",))
    assert (part.content_type, part.filename) == ("image/jpeg", "Zdjecie-1.jpg")


def test_a_telephones_heic_becomes_a_jpeg_upright_and_without_its_place(fitting: Fitting) -> None:
    # photo(96, 64, 6, 2.2) of benchmarks.pictures, turned and saved by pillow-heif; pi-heif only reads.
    original = (Path(__file__).parent / "samples" / "turned.heic").read_bytes()
    assert b"Kowalski" in original
    ((part, data),) = fitting.fit(original, names=("IMG_0001.HEIC",))
    shown = Image.open(io.BytesIO(data))
    assert (part.filename, shown.format, shown.size) == ("IMG_0001.jpg", "JPEG", (96, 64))
    assert apart(shown, photo(96, 64, 6, 2.2)) < 8
    assert not shown.getexif()


def test_a_transparent_photo_lies_on_white(fitting: Fitting) -> None:
    picture = photo(300, 200)
    picture.putalpha(Image.new("L", picture.size, 0))
    picture.putpixel((0, 0), (1, 2, 3, 255))
    noise = Image.effect_noise((300, 200), 60).point(lambda value: value // 8)
    picture.putalpha(noise)
    shown = fitting.one(saved(picture, "PNG"))
    assert shown.format == "JPEG"
    assert numpy.asarray(shown.convert("L")).mean() > 225


def test_nothing_is_made_larger_than_it_is(fitting: Fitting) -> None:
    assert fitting.one(saved(photo(120, 90), "PNG")).size == (120, 90)


@pytest.mark.parametrize(("width", "height"), [(1500, 900), (900, 1500)])
def test_the_legacy_budget_is_a_frame_lying_or_standing(fitting: Fitting, width: int, height: int) -> None:
    fitting.use(LEGACY_BUDGET)
    shown = fitting.one(saved(photo(width, height), "JPEG"), room=96 * KIB)
    assert max(shown.size) <= 640
    assert min(shown.size) <= 480


def test_sixteen_bits_keep_their_shades(fitting: Fitting) -> None:
    ramp = numpy.tile(numpy.linspace(0, 65535, 256).astype(numpy.uint16), (64, 1))
    shown = numpy.asarray(fitting.one(saved(Image.fromarray(ramp), "PNG")).convert("L"))
    assert numpy.abs(shown[10].astype(int) - numpy.arange(256)).max() <= 3


def swapping_profile() -> bytes:
    """An ICC profile in which what is called red is green, and the other way round: sRGB's primaries, exchanged."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563) + b"\0\0"
    text = b"text\0\0\0\0none\0\0\0\0"
    name = b"swapped\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    tags = {b"desc": described, b"cprt": text, b"wtpt": xyz(0.9642, 1, 0.8249), b"rXYZ": xyz(*green),
            b"gXYZ": xyz(*red), b"bXYZ": xyz(*blue), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}  # fmt: skip
    at, table, body = 132 + 12 * len(tags), b"", b""
    for tag, content in tags.items():
        content += bytes(-len(content) % 4)
        table += tag + struct.pack(">II", at + len(body), len(content))
        body += content
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s4s", 2026, 1, 1, 0, 0, 0, b"acsp", b"\0" * 4) + bytes(24)
    header += struct.pack(">III", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def test_colours_of_another_profile_become_srgb(fitting: Fitting) -> None:
    content = saved(Image.new("RGB", (200, 200), (255, 0, 0)), "JPEG", quality=95, icc_profile=swapping_profile())
    red, green, _ = numpy.asarray(fitting.one(content).convert("RGB"))[100, 100]
    assert green > 180 > 80 > red


def test_cmyk_becomes_rgb(fitting: Fitting) -> None:
    original = photo(300, 200)
    assert apart(fitting.one(saved(original.convert("CMYK"), "JPEG", quality=95)), original) < 6


def test_an_animation_that_fits_is_kept_and_a_large_one_gets_fewer_pixels(fitting: Fitting) -> None:
    content = animation(200, 150, 3)
    kept = fitting.one(content)
    assert (kept.size, frames(kept)) == ((200, 150), 3)
    smaller = fitting.one(content, room=len(content) // 5)
    assert (frames(smaller), smaller.info["duration"], smaller.info["loop"]) == (3, 80, 0)
    assert smaller.width < 200
    assert "at its smallest" in fitting.refusal(content, room=2 * KIB)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_an_animation_that_is_no_gif_is_refused_with_a_way_out(fitting: Fitting, kind: str) -> None:
    frames = [photo(60, 40, seed) for seed in (1, 2, 3)]
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
    assert f"an animated {'PNG' if kind == 'PNG' else 'WEBP'}" in fitting.refusal(content)


def test_pictures_that_cannot_fit_together_are_refused_with_their_sizes(fitting: Fitting) -> None:
    contents = [saved(photo(700, 500, seed, 0.8), "JPEG") for seed in (1, 2)]
    assert "2 pictures need" in fitting.refusal(*contents, room=6 * KIB)


def test_it_looks_better_than_scaling_to_640_at_quality_75(fitting: Fitting) -> None:
    original = photo(1280, 960, 5)
    naive = Image.open(io.BytesIO(saved(original.resize((640, 480)), "JPEG", quality=75)))
    shown = fitting.one(saved(original, "JPEG", quality=97))

    def likeness(picture: Image.Image) -> float:
        grey = picture.convert("L").resize(original.size, Image.Resampling.BICUBIC)
        same = structural_similarity(numpy.asarray(original.convert("L")), numpy.asarray(grey))  # type: ignore[no-untyped-call]
        return float(same)

    assert likeness(shown) > likeness(naive) + 0.1
