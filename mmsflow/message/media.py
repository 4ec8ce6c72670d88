"""Attachments from files: read once, judged by their content, named for the wire."""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from pathlib import Path, PurePosixPath

from mmsflow.errors import Finding, InvalidInput
from mmsflow.message.model import StaticPart
from mmsflow.mms.content import DEFAULT_BUDGET_BYTES, KIB, Part
from mmsflow.mms.workspace_files import open_inside

# Larger files are refused unread: nothing above the budget is ever sent, and a picture's header is near its start.
_READ_LIMIT_BYTES = 64 * KIB * KIB
_PIXEL_LIMIT = 50_000_000  # a 50-megapixel photo is 150 MB in memory once decoded
_PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif"}
_PICTURE_NAMES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".gif", ".webp", ".heic", ".bmp", ".tif", ".tiff", ".svg", ".eps"}
)
# Kinds that MMS carries besides pictures; judged by name, since their content is passed through unread.
_OTHER_TYPES = {
    ".txt": "text/plain",
    ".amr": "audio/amr",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".mid": "audio/midi",
    ".3gp": "video/3gpp",
    ".mp4": "video/mp4",
    ".vcf": "text/x-vcard",
    ".ics": "text/calendar",
}


class MediaLibrary:
    """The files that a campaign attaches, each read once.

    Attributes:
        parts: every part that was used, by path as the campaign or a row names it.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self.parts: dict[str, Part] = {}
        self._refused: dict[str, InvalidInput] = {}

    def part(self, path: str) -> Part:
        """The file at ``path`` below the workspace as a part.

        Raises:
            InvalidInput: one finding: not there, outside, not a medium that an MMS carries, or too large.
        """
        if path in self._refused:
            raise self._refused[path]
        if path not in self.parts:
            try:
                self.parts[path] = self._read(path)
            except InvalidInput as error:
                self._refused[path] = error
                raise
        return self.parts[path]

    def bytes_of(self, part: StaticPart) -> bytes:
        """The content behind a laid-out part."""
        return next(known.data for known in self.parts.values() if known.sha256 == part.sha256)

    def _read(self, path: str) -> Part:
        with open_inside(self._workspace, path) as file:
            data = b""
            while chunk := file.read(KIB * KIB):
                data += chunk
                if len(data) > _READ_LIMIT_BYTES:
                    raise _refused(
                        path, f"it has more than {_READ_LIMIT_BYTES // KIB // KIB} MiB", "attach a smaller file"
                    )
        content_type = _content_type(path, data)
        if len(data) > DEFAULT_BUDGET_BYTES:
            raise _refused(
                path,
                f"it has {len(data) / KIB:.0f} KiB, an MMS carries {DEFAULT_BUDGET_BYTES // KIB} KiB in all",
                "save it smaller: as JPEG, with fewer pixels or at a lower quality",
            )
        return Part(content_type, wire_name(path), data)


def wire_name(path: str) -> str:
    """A file name for the wire: ASCII letters, digits, dot, hyphen and underscore, at most 64 of them."""
    name = PurePosixPath(path).name.removesuffix(".j2")
    # Ł and ł have no decomposition, so normalisation alone would drop them.
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("Ł", "L")).encode("ascii", "ignore").decode()
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.") or "part"
    stem, dot, ending = clean.rpartition(".")
    return f"{stem[: 63 - len(ending)]}.{ending}" if dot and len(ending) < 16 else clean[:64]


def _content_type(path: str, data: bytes) -> str:
    if not data:
        raise _refused(path, "it is empty", "attach a file with content")
    ending = PurePosixPath(path).suffix.lower()
    if ending in _OTHER_TYPES:
        if _OTHER_TYPES[ending] == "text/plain":
            _text(path, data)
        return _OTHER_TYPES[ending]
    kind = _picture_kind(path, data)
    if kind in _PICTURES:
        return _PICTURES[kind]
    if kind:
        raise _refused(path, f"it is a {kind} picture, which handsets do not show", "save it as JPEG, PNG or GIF")
    if ending in _PICTURE_NAMES:
        raise _refused(
            path, f"it is named {ending} but is no picture that can be read", "export it as JPEG, PNG or GIF"
        )
    raise _refused(path, "its kind is not known", f"attach JPEG, PNG, GIF or one of {', '.join(_OTHER_TYPES)}")


def _text(path: str, data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(path, f"its byte {error.start + 1} is not UTF-8", "save it as UTF-8") from None


def _picture_kind(path: str, data: bytes) -> str:
    """The picture's format by its content, empty when it is none; its header alone is read, then checked."""
    # Pillow costs 16 ms to import, which commands without pictures do not pay.
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=[*_PICTURES, "WEBP", "BMP", "TIFF"]) as picture:
                if picture.width * picture.height > _PIXEL_LIMIT:
                    raise _bomb(path)
                kind = picture.format or ""
                picture.verify()
        except UnidentifiedImageError:
            return ""
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise _bomb(path) from None
        except (OSError, SyntaxError, ValueError, EOFError, OverflowError) as error:
            raise _refused(path, f"the picture is damaged: {error}", "export it again") from None
    return kind


def _bomb(path: str) -> InvalidInput:
    return _refused(path, f"it has more than {_PIXEL_LIMIT // 1_000_000} megapixels", "save it smaller")


def _refused(path: str, message: str, fix: str) -> InvalidInput:
    return InvalidInput([Finding(path, 0, 0, message, fix)])
