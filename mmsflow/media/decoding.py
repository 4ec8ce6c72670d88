"""A file's bytes into an upright 8-bit sRGB picture.

Runs in the workers only, which is why Pillow and numpy are imported at once.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy
import pi_heif
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from mmsflow.media.model import Frame
from mmsflow.media.problem import Unusable

PIXEL_LIMIT = 50_000_000  # a 50-megapixel photo is 150 MB in memory once decoded
FRAME_LIMIT = 1_000
ANIMATION_PIXEL_LIMIT = 200_000_000  # of all frames together
_ORIENTATION, _GPS = 0x0112, 0x8825
_TURNED = frozenset({5, 6, 7, 8})  # orientations that swap width and height
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_DAMAGED = "export it again"

pi_heif.register_heif_opener()


@contextmanager
def opened(data: bytes, kind: str) -> Iterator[Image.Image]:
    """The picture, its header read and nothing decoded.

    Args:
        kind: as ``kinds.picture_kind`` found it; no other decoder is tried.

    Raises:
        Unusable: whatever the decoders say of it, also while the caller decodes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oddities in EXIF and the like, which concern nobody here
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=[kind]) as picture:
                if picture.width * picture.height > PIXEL_LIMIT:
                    raise _bomb()
                yield picture
        except Unusable:
            raise
        except UnidentifiedImageError:
            raise Unusable(f"it begins as {kind} but is no picture that can be read", _DAMAGED) from None
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise _bomb() from None
        except MemoryError:
            raise Unusable("the picture needs more memory than a picture may take", "save it smaller") from None
        except Exception as error:  # decoders raise what their format's arithmetic happens to hit
            raise Unusable(f"the picture is damaged: {error}", _DAMAGED) from None


def _bomb() -> Unusable:
    return Unusable(f"it has more than {PIXEL_LIMIT // 1_000_000} megapixels", "save it smaller")


def orientation(picture: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is none that can be read."""
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF is free-form bytes; a picture without a readable one is a picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def has_place(picture: Image.Image) -> bool:
    """Whether the EXIF says where it was taken."""
    try:
        return bool(picture.getexif().get_ifd(_GPS))
    except Exception:  # as above
        return False


def is_srgb(picture: Image.Image) -> bool:
    """Whether its numbers mean sRGB: no profile, or one that says so."""
    profile = picture.info.get("icc_profile")
    if not profile:
        return True
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except Exception:  # an unreadable profile is no profile
        return True
    return "sRGB" in name


def fitted_size(width: int, height: int, frame: Frame) -> tuple[int, int]:
    """The size within the frame, lying or standing as the picture does; never larger than it is."""
    wide, high = (frame.width, frame.height) if width >= height else (frame.height, frame.width)
    factor = min(1.0, wide / width, high / height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def upright(picture: Image.Image, frame: Frame) -> Image.Image:
    """The picture decoded, turned upright, within the frame, in sRGB: mode RGB, or RGBA where it is not opaque.

    Raises:
        Anything that the decoders raise; see ``opened``.
    """
    turn = orientation(picture)
    width, height = picture.size
    size = fitted_size(height, width, frame) if turn in _TURNED else fitted_size(width, height, frame)
    unturned = size[::-1] if turn in _TURNED else size
    picture.draft(None, unturned)  # a JPEG is decoded at an eighth, a quarter or a half where that is enough
    picture.load()
    srgb = _in_srgb(picture, unturned)
    if srgb.size != unturned:
        srgb = _resized(srgb, unturned)
    exif = Image.Exif()
    exif[_ORIENTATION] = turn
    srgb.info.clear()
    srgb.info["exif"] = exif.tobytes()
    return ImageOps.exif_transpose(srgb) if turn != 1 else srgb


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def scaled(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at another size."""
    return picture if picture.size == size else _resized(picture, size)


def on_white(picture: Image.Image) -> Image.Image:
    """Without transparency: mode RGB."""
    if picture.mode != "RGBA":
        return picture
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def _in_srgb(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    shallow = _shallow(picture)
    if not is_srgb(picture):
        # Fewer pixels first: the profile's transformation costs more than the scaling.
        shallow = _through_profile(_resized(shallow, size) if _can_scale(shallow) else shallow, picture)
    has_alpha = shallow.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in shallow.info
    if not has_alpha:
        return shallow.convert("RGB")
    clear = shallow.convert("RGBA")
    lowest, _ = clear.getchannel("A").getextrema()
    return clear.convert("RGB") if lowest == 255 else clear


def _can_scale(picture: Image.Image) -> bool:
    return picture.mode in ("RGB", "CMYK", "L") and "transparency" not in picture.info


def _shallow(picture: Image.Image) -> Image.Image:
    """Eight bits a channel: Pillow cuts deep greys off at 255 instead of scaling them."""
    if picture.mode not in _DEEP:
        return picture
    grey = numpy.nan_to_num(numpy.asarray(picture).astype(numpy.float32), posinf=0.0, neginf=0.0)
    if picture.mode == "F":
        low, high = float(grey.min()), float(grey.max())
        grey = (grey - numpy.float32(low)) * numpy.float32(255 / (high - low or 1.0))
    elif picture.mode != "I" or grey.max() > 255:
        grey = grey / numpy.float32(257)
    return Image.fromarray(numpy.clip(grey + 0.5, 0, 255).astype(numpy.uint8))


def _through_profile(picture: Image.Image, original: Image.Image) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(original.info["icc_profile"]))
    alpha = picture.convert("RGBA").getchannel("A") if picture.mode in ("RGBA", "LA", "PA") else None
    plain = picture if picture.mode in ("RGB", "CMYK", "L") else picture.convert("RGB")
    try:
        made = ImageCms.profileToProfile(plain, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except ImageCms.PyCMSError:  # a profile for another kind of picture: its numbers are taken as they are
        return picture
    assert made is not None
    if alpha is not None:
        made.putalpha(alpha)
    return made


def frames_of(picture: Image.Image) -> int:
    """How many frames an animation has, counted no further than the limit.

    Raises:
        Unusable: too many, or too many pixels in all.
    """
    count, each = 1, picture.width * picture.height
    try:
        while True:
            picture.seek(count)
            count += 1
            if count > FRAME_LIMIT or count * each > ANIMATION_PIXEL_LIMIT:
                most = min(FRAME_LIMIT, ANIMATION_PIXEL_LIMIT // each)
                raise Unusable(f"it has more than {most} frames", "save a shorter animation, or a single picture")
    except EOFError:
        picture.seek(0)
        return count
