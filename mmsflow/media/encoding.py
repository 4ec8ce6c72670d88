"""Pictures into the formats that every handset shows: baseline JPEG, PNG, GIF. Runs in the workers only."""

from __future__ import annotations

import io

from PIL import Image, ImageSequence


def jpeg(picture: Image.Image, quality: int, *, optimize: bool, full_colour: bool = False) -> bytes:
    """Baseline JPEG without metadata.

    Args:
        picture: mode RGB.
        quality: 1 to 95.
        optimize: Huffman tables of its own: a few per cent smaller, twice the time.
        full_colour: colours at the full resolution instead of half of it.
    """
    out, sampling = io.BytesIO(), 0 if full_colour else 2
    picture.save(out, "JPEG", quality=quality, optimize=optimize, progressive=False, subsampling=sampling, exif=b"")
    return out.getvalue()


def png(picture: Image.Image, colours: int) -> bytes:
    """PNG without metadata; with a palette where that loses nothing or ``colours`` says so.

    Args:
        picture: mode RGB or RGBA.
        colours: 2 to 256 for a palette of so many, 0 to keep all.
    """
    reduced = _palette(picture, colours) if colours else _lossless_palette(picture)
    out = io.BytesIO()
    reduced.save(out, "PNG", optimize=True)
    return out.getvalue()


def _palette(picture: Image.Image, colours: int) -> Image.Image:
    octree, median = Image.Quantize.FASTOCTREE, Image.Quantize.MEDIANCUT
    return picture.quantize(colours, method=octree if picture.mode == "RGBA" else median, dither=Image.Dither.NONE)


def _lossless_palette(picture: Image.Image) -> Image.Image:
    """The same pixels with a palette if there are few enough colours, else as they are."""
    if picture.mode != "RGB" or picture.getcolors(256) is None:
        return picture
    small = picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    if small.convert("RGB").tobytes() == picture.tobytes():
        return small
    exact = picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=256, dither=Image.Dither.NONE)
    return exact if exact.convert("RGB").tobytes() == picture.tobytes() else picture


def gif(picture: Image.Image, size: tuple[int, int]) -> bytes:
    """An animation with all its frames at another size, with the same pace and number of rounds."""
    frames, times = [], []
    for frame in ImageSequence.Iterator(picture):
        times.append(int(frame.info.get("duration") or 0))
        frames.append(_gif_frame(frame.convert("RGBA").resize(size, Image.Resampling.LANCZOS)))
    rounds = {"loop": int(picture.info["loop"])} if "loop" in picture.info else {}
    out = io.BytesIO()
    first, *rest = frames
    first.save(out, "GIF", save_all=True, append_images=rest, duration=times, disposal=2, comment=b"", **rounds)
    return out.getvalue()


def _gif_frame(frame: Image.Image) -> Image.Image:
    """GIF knows clear and opaque only, so what is half clear becomes one of them."""
    alpha = frame.getchannel("A").point(lambda value: 255 if value > 127 else 0)
    frame.putalpha(alpha)
    return frame
