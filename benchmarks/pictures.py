"""Pictures that look like photos to an encoder: spectra that fall with the frequency, grain, and every kind of file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy
import skimage
from PIL import Image, ImageDraw

ORIENTATION, GPS, ARTIST = 0x0112, 0x8825, 0x013B


def photo(width: int, height: int, seed: int = 1, slope: float = 1.3) -> Image.Image:
    """A picture with the power spectrum of photographs (Field 1987), correlated colours, some grain and an edge."""
    chance = numpy.random.default_rng(seed)
    rows, columns = numpy.fft.fftfreq(height)[:, None], numpy.fft.rfftfreq(width)[None, :]
    frequency = numpy.hypot(rows, columns)
    frequency[0, 0] = 1

    def plane() -> numpy.ndarray:
        phases = chance.normal(size=frequency.shape) + 1j * chance.normal(size=frequency.shape)
        field = numpy.fft.irfft2(phases / frequency**slope, s=(height, width))
        even: numpy.ndarray = (field / field.std()).astype(numpy.float32)
        return even

    light, tint = plane(), plane()
    light[: height // 3] += 0.8  # a sky
    pixels = numpy.stack([light + 0.4 * tint, light, light - 0.4 * tint], -1) * 42 + 118
    pixels += chance.normal(scale=3, size=pixels.shape)
    return Image.fromarray(numpy.clip(pixels, 0, 255).astype(numpy.uint8))


def logo(width: int = 500, height: int = 300, mode: str = "RGB") -> Image.Image:
    """A flat graphic of three colours."""
    picture = Image.new(mode, (width, height), (255, 255, 255, 0)[: len(mode)])
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width // 20, height // 15, width // 2, height - height // 15), fill="#ff7900")
    draw.ellipse((width // 2, height // 8, width - width // 20, height - height // 8), fill="black")
    return picture


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file's bytes."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def exif(turn: int = 1, *, place: bool = True) -> bytes:
    """EXIF with an orientation, a name and a place."""
    made = Image.Exif()
    made[ORIENTATION] = turn
    made[ARTIST] = "Jan Kowalski"
    if place:
        made[GPS] = {1: "N", 2: (52.0, 13.0, 0.0), 3: "E", 4: (21.0, 0.0, 0.0)}
    return made.tobytes()


def turned(picture: Image.Image, turn: int) -> Image.Image:
    """The picture as a camera held that way stores it: EXIF's orientation ``turn`` shows it upright again."""
    ways = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return picture.transpose(ways[turn]) if turn in ways else picture


def animation(width: int, height: int, frames: int) -> bytes:
    """An animated GIF of noise, which packs badly."""
    chance = numpy.random.default_rng(3)
    pictures = [
        Image.fromarray(chance.integers(0, 255, (height, width), dtype=numpy.uint8)).convert("P") for _ in range(frames)
    ]
    return saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=80, loop=0)


def pan(width: int, height: int, frames: int) -> bytes:
    """An animated GIF that moves over a photo."""
    step = width // 20
    whole = photo(width + frames * step, height, 17)
    pictures = [whole.crop((at * step, 0, at * step + width, height)).quantize(128) for at in range(frames)]
    return saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=80, loop=0)


def deep_png(picture: Image.Image) -> bytes:
    """A grey PNG of 16 bits."""
    grey = numpy.asarray(picture.convert("L")).astype(numpy.uint16) * 257
    return saved(Image.fromarray(grey), "PNG")


def gallery(scale: float = 1.0) -> Mapping[str, Callable[[], bytes]]:
    """Twenty pictures by name, 12 to 0.3 megapixels at scale 1."""

    def size(width: int, height: int) -> tuple[int, int]:
        return max(64, round(width * scale)), max(64, round(height * scale))

    def shipped(name: str) -> bytes:
        return (Path(skimage.__file__).parent / "data" / name).read_bytes()

    def clear(picture: Image.Image) -> Image.Image:
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
        return picture

    large, middle, small = size(4000, 3000), size(2400, 1600), size(640, 480)
    jpeg = {"quality": 93}
    return {
        "12 MP": lambda: saved(photo(*large, 1), "JPEG", **jpeg),
        "12 MP, standing, turned by EXIF": lambda: saved(
            turned(photo(*large[::-1], 2), 6), "JPEG", exif=exif(6), **jpeg
        ),
        "12 MP, upside down by EXIF": lambda: saved(turned(photo(*large, 3), 3), "JPEG", exif=exif(3), **jpeg),
        "12 MP, rough": lambda: saved(photo(*large, 4, 1.0), "JPEG", **jpeg),
        "12 MP, smooth": lambda: saved(photo(*large, 5, 1.7), "JPEG", **jpeg),
        "12 MP WebP": lambda: saved(photo(*large, 6), "WEBP", quality=90, method=0),
        "3.8 MP, progressive": lambda: saved(photo(*middle, 7), "JPEG", progressive=True, **jpeg),
        "3.8 MP CMYK": lambda: saved(photo(*middle, 8).convert("CMYK"), "JPEG", **jpeg),
        "3.8 MP grey, 16 bits": lambda: deep_png(photo(*middle, 9)),
        "3.8 MP PNG": lambda: saved(photo(*middle, 10), "PNG", compress_level=1),
        "3.8 MP WebP": lambda: saved(photo(*middle, 11), "WEBP", quality=90, exif=exif(8)),
        "3.8 MP TIFF": lambda: saved(photo(*middle, 12), "TIFF"),
        "3.8 MP AVIF": lambda: saved(photo(*middle, 13), "AVIF", quality=80, speed=10),
        "3.8 MP photo, transparent": lambda: saved(clear(photo(*middle, 14)), "PNG", compress_level=1),
        "0.3 MP photo in a palette": lambda: saved(photo(*small, 15).quantize(256), "PNG"),
        "0.3 MP": lambda: saved(photo(*small, 16), "JPEG", exif=exif(), **jpeg),
        "animated, 0.3 MP": lambda: pan(*size(640, 480), 4),
        "astronaut, 0.3 MP PNG": lambda: shipped("astronaut.png"),
        "retina, 2 MP": lambda: shipped("retina.jpg"),
        "deep field, 0.9 MP": lambda: shipped("hubble_deep_field.jpg"),
    }
