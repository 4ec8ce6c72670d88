"""Pictures that are sent as they are: of a kind that handsets show, whole, and no bombs."""

from __future__ import annotations

import io
import warnings

from mmsflow.media.kinds import SENT_AS_THEY_ARE
from mmsflow.media.problem import refused

_PIXEL_LIMIT = 50_000_000  # a 50-megapixel photo is 150 MB in memory once decoded
_NOT_VERIFIED = frozenset({"JPEG", "GIF"})  # Pillow verifies checksums, which these have none of
_GPS = 0x8825


def unfitted_type(path: str, data: bytes, kind: str, *, whole: bool) -> tuple[str, bool]:
    """The media type of a picture that is to be sent as it is, and whether it says where it was taken.

    Args:
        kind: as ``kinds.picture_kind`` found it.
        whole: decode it, which proves that nothing is missing; a file too large to be sent needs no proof.

    Raises:
        InvalidInput: one finding: not a kind that handsets show, damaged, or a bomb.
    """
    if kind not in SENT_AS_THEY_ARE:
        fix = "leave `fit: false` out, or save it as JPEG, PNG or GIF"
        raise refused(path, f"it is a {kind} picture, which handsets do not show", fix)
    # Pillow costs 16 ms to import, which commands without pictures do not pay.
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oddities in EXIF and the like, which concern nobody here
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=[kind]) as picture:
                if picture.width * picture.height > _PIXEL_LIMIT:
                    raise Image.DecompressionBombError
                has_place = bool(picture.getexif().get_ifd(_GPS)) if kind == "JPEG" else False
                picture.verify()
            if kind in _NOT_VERIFIED and whole:
                with Image.open(io.BytesIO(data), formats=[kind]) as picture:
                    picture.draft(None, (64, 64))  # an eighth of a JPEG is decoded, its end is read all the same
                    picture.load()
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise refused(path, f"it has more than {_PIXEL_LIMIT // 1_000_000} megapixels", "save it smaller") from None
        except Exception as error:  # decoders raise what their format's arithmetic happens to hit
            raise refused(path, f"the picture is damaged: {error}", "export it again") from None
    return SENT_AS_THEY_ARE[kind], has_place
