"""What the workers do: look at a picture, measure its candidates, make the chosen one, draw codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from PIL import Image

from mmsflow.media import encoding, qr
from mmsflow.media.decoding import (
    fitted_size,
    frames_of,
    is_srgb,
    on_white,
    opened,
    orientation,
    scaled,
    upright,
)
from mmsflow.media.model import Candidate, Code, Frame, Look
from mmsflow.media.problem import Unusable
from mmsflow.media.similarity import Reference
from mmsflow.media.stripping import strip_gif, strip_jpeg, strip_png

# Sides as parts of the full size, each with the qualities that are measured there; what lies between them is found when
# the chosen one is made.
_JPEG_LADDER: tuple[tuple[float, tuple[int, ...]], ...] = (
    (1.0, (30, 50, 70, 88)),
    (0.75, (45, 70)),
    (0.55, (45, 70)),
    (0.4, (45, 70)),
    (0.28, (60,)),
)
_PNG_LADDER: tuple[tuple[float, tuple[int, ...]], ...] = (
    (1.0, (0, 256, 64, 16)),
    (0.75, (256, 32)),
    (0.55, (256, 32)),
    (0.4, (256, 32)),
    (0.28, (256, 32)),
)
_GIF_LADDER = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3)
_LEAST_SIDE = 96  # smaller sides than this are no picture any more, unless the original has no more
_HALF_SIDE = 160
_FLAT_AGAINST_QUALITY = 90
_LEAST_QUALITY, _MOST_QUALITY = 25, 95
_AROUND = 3
_MOST_SCALED = 0.999  # fewer pixels are never quite as good, also where a smooth picture hides it


def look(data: bytes, kind: str, frame: Frame) -> Look:
    """What can be known without measuring.

    Raises:
        Unusable: it is damaged, a bomb, or an animation that is no GIF.
    """
    with opened(data, kind) as picture:
        if kind != "TIFF" and kind != "JPEG" and kind != "HEIF" and getattr(picture, "is_animated", False):
            if kind != "GIF":
                what = f"it is an animated {'PNG' if kind == 'PNG' else kind}, which handsets do not show"
                raise Unusable(what, "save it as an animated GIF, or a single picture")
            frames_of(picture)
        kept = _kept(data, kind, picture, frame)
    return Look(len(kept))


def _kept(data: bytes, kind: str, picture: Image.Image, frame: Frame) -> bytes:
    """The file without its metadata, where it can be sent with every pixel as it is; empty where it cannot."""
    if fitted_size(*picture.size, frame) != picture.size or not is_srgb(picture):
        return b""
    if kind == "GIF" and getattr(picture, "is_animated", False):
        return strip_gif(data)
    if kind == "JPEG" and picture.mode in ("RGB", "L") and orientation(picture) == 1:
        return _kept_jpeg(data, picture)
    if kind == "PNG" and orientation(picture) == 1 and _is_plain_png(data):
        stripped = strip_png(data)
        shown = upright(picture, frame)
        return stripped if _is_flat(shown, len(stripped)) else b""
    return b""


def _kept_jpeg(data: bytes, picture: Image.Image) -> bytes:
    progressive = bool(picture.info.get("progressive"))
    picture.load()  # all of it: what ends too early is damaged
    return b"" if progressive else strip_jpeg(data)


def _is_plain_png(data: bytes) -> bool:
    return data[24] <= 8  # bits a channel


def _is_flat(picture: Image.Image, png_bytes: int) -> bool:
    """A drawing, a logo, a screenshot: PNG needs no more bytes for it than JPEG at a good quality."""
    return png_bytes <= len(encoding.jpeg(on_white(picture), _FLAT_AGAINST_QUALITY, optimize=False))


def measure(data: bytes, kind: str, frame: Frame, kept: int) -> list[Candidate]:
    """The ways in which the picture could be sent.

    Args:
        kept: bytes of the file without metadata, where ``look`` found that it can be kept; 0 else.
    """
    with opened(data, kind) as picture:
        full = fitted_size(*picture.size, frame)
        as_it_is = [Candidate("kept", *picture.size, 0, kept, 1.0)] if kept else []
        if kind == "GIF" and getattr(picture, "is_animated", False):
            return as_it_is + list(_gif_candidates(picture, full))
        shown = upright(picture, frame)
        flat = kind != "JPEG" and _is_flat(shown, len(encoding.png(shown, 0)))
        return as_it_is + list(_png_candidates(shown) if flat else _jpeg_candidates(on_white(shown)))


def _sizes(full: tuple[int, int], parts: Sequence[float]) -> Iterator[tuple[float, tuple[int, int]]]:
    """The sizes of a ladder, without those that are too small to be looked at."""
    for part in parts:
        size = max(1, round(full[0] * part)), max(1, round(full[1] * part))
        if part == 1.0 or max(size) >= _HALF_SIDE or (part >= 0.5 and max(size) >= _LEAST_SIDE):
            yield part, size


def _jpeg_candidates(shown: Image.Image) -> Iterator[Candidate]:
    reference = Reference(shown)
    qualities = dict(_JPEG_LADDER)
    for part, size in _sizes(shown.size, [part for part, _ in _JPEG_LADDER]):
        small = scaled(shown, size)
        for quality in qualities[part]:
            made = encoding.jpeg(small, quality, optimize=False)
            score = reference.similarity(_decoded(made, "JPEG"))
            yield Candidate("jpeg", *size, quality, len(made), score if part == 1.0 else min(_MOST_SCALED, score))


def _png_candidates(shown: Image.Image) -> Iterator[Candidate]:
    reference = Reference(on_white(shown))
    colours = dict(_PNG_LADDER)
    for part, size in _sizes(shown.size, [part for part, _ in _PNG_LADDER]):
        small = scaled(shown, size)
        for count in colours[part]:
            made = encoding.png(small, count)
            score = 1.0 if part == 1.0 and not count else reference.similarity(on_white(_decoded(made, "PNG")))
            yield Candidate("png", *size, count, len(made), score if part == 1.0 else min(_MOST_SCALED, score))


def _gif_candidates(picture: Image.Image, full: tuple[int, int]) -> Iterator[Candidate]:
    picture.seek(0)
    reference = Reference(on_white(scaled(picture.convert("RGBA"), full)))
    for _, size in _sizes(full, _GIF_LADDER):
        made = encoding.gif(picture, size)
        first = on_white(_decoded(made, "GIF").convert("RGBA"))
        yield Candidate("gif", *size, 0, len(made), min(_MOST_SCALED, reference.similarity(first)))


def _decoded(made: bytes, kind: str) -> Image.Image:
    with opened(made, kind) as picture:
        if kind == "JPEG":
            picture.draft("L", picture.size)  # brightness is all that is compared
            picture.load()
            return picture.copy() if picture.mode == "L" else picture.convert("L")
        return picture.convert("RGBA")


def make(data: bytes, kind: str, frame: Frame, chosen: Candidate, allowance: int) -> bytes:
    """The picture in the chosen way.

    Args:
        allowance: bytes that it may take; a JPEG is given the best quality that they allow.
    """
    with opened(data, kind) as picture:
        if chosen.way == "kept":
            return {"JPEG": strip_jpeg, "PNG": strip_png, "GIF": strip_gif}[kind](data)
        size = (chosen.width, chosen.height)
        if chosen.way == "gif":
            return encoding.gif(picture, size)
        shown = upright(picture, frame)
        if chosen.way == "png":
            return encoding.png(scaled(shown, size), chosen.quality)
        return _best_jpeg(scaled(on_white(shown), size), chosen.quality, allowance)


def _best_jpeg(picture: Image.Image, measured: int, allowance: int) -> bytes:
    """The best quality within the allowance, not far from the one that was measured: beyond it another size is due."""
    low, high = max(_LEAST_QUALITY, measured - _AROUND), min(_MOST_QUALITY, measured + 8 * _AROUND)
    best = encoding.jpeg(picture, low, optimize=True)
    while low < high:
        middle = (low + high + 1) // 2
        made = encoding.jpeg(picture, middle, optimize=True)
        if len(made) <= allowance:
            low, best = middle, made
        else:
            high = middle - 1
    if low == _MOST_QUALITY:
        finest = encoding.jpeg(picture, low, optimize=True, full_colour=True)
        return finest if len(finest) <= allowance else best
    return best


def draw(texts: Sequence[str]) -> list[Code | Unusable]:
    """A code for each text, or what is wrong with it."""
    return [_drawn(text) for text in texts]


def _drawn(text: str) -> Code | Unusable:
    try:
        return qr.draw(text)
    except Unusable as problem:
        return problem


WORK: Mapping[str, Callable[..., object]] = {"look": look, "measure": measure, "make": make, "draw": draw}
"""By the name under which the pool asks for it."""
