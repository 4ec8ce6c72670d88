"""Attachments from files: read once, judged by their content, named for the wire."""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mmsflow.errors import Finding, InvalidInput
from mmsflow.mms.content import DEFAULT_BUDGET_BYTES, KIB, Part
from mmsflow.mms.workspace_files import open_inside

# Larger files are refused unread: nothing above the budget is ever sent, and a picture's header is near its start.
_READ_LIMIT_BYTES = 64 * KIB * KIB
_PIXEL_LIMIT = 50_000_000  # a 50-megapixel photo is 150 MB in memory once decoded
_PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif"}
_OTHER_PICTURES = ("WEBP", "BMP", "TIFF")
_NOT_VERIFIED = frozenset({"JPEG", "GIF"})  # Pillow verifies checksums, which these have none of
_MODERN = dict.fromkeys((b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "HEIC") | {b"avif": "AVIF"}
_PICTURE_NAMES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".gif", ".webp", ".heic", ".bmp", ".tif", ".tiff", ".svg", ".eps"}
)
# Kinds that MMS carries besides pictures, by name, each with what its content begins with; the rest is passed through
# unread.
_OTHER_TYPES = {
    ".txt": ("text/plain", rb""),
    ".amr": ("audio/amr", rb"#!AMR"),
    ".mp3": ("audio/mpeg", rb"ID3|\xff[\xe0-\xff]"),
    ".m4a": ("audio/mp4", rb".{4}ftyp"),
    ".mid": ("audio/midi", rb"MThd"),
    ".3gp": ("video/3gpp", rb".{4}ftyp"),
    ".mp4": ("video/mp4", rb".{4}ftyp"),
    ".vcf": ("text/x-vcard", rb"(\xef\xbb\xbf)?\s*BEGIN:VCARD"),
    ".ics": ("text/calendar", rb"(\xef\xbb\xbf)?\s*BEGIN:VCALENDAR"),
}


class MediaLibrary:
    """The files that a campaign attaches, each read once.

    Attributes:
        parts: every file that was used, by path as the campaign or a row names it.
        texts: parts made of templates that say the same to everybody.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self.parts: dict[str, Part] = {}
        self.texts: list[Part] = []
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

    def bytes_of(self, sha256: str) -> bytes:
        """The content behind a laid-out part, by its digest."""
        return next(known.data for known in self.contents() if known.sha256 == sha256)

    def contents(self) -> Iterator[Part]:
        """Everything that messages share, for freezing."""
        yield from self.parts.values()
        yield from self.texts

    def _read(self, path: str) -> Part:
        pieces, size = [], 0
        with open_inside(self._workspace, path) as file:
            try:
                while piece := file.read(KIB * KIB):
                    pieces.append(piece)
                    size += len(piece)
                    if size > _READ_LIMIT_BYTES:
                        what = f"it has more than {_READ_LIMIT_BYTES // KIB // KIB} MiB"
                        raise _refused(path, what, "attach a smaller file")
            except OSError as error:
                raise _refused(path, f"it cannot be read: {error.strerror}", "look at its disk") from None
        data = b"".join(pieces)
        content_type = _content_type(path, data)
        if size > DEFAULT_BUDGET_BYTES:
            raise _refused(
                path,
                f"it has {size / KIB:.0f} KiB, an MMS carries {DEFAULT_BUDGET_BYTES // KIB} KiB in all",
                "save it smaller: as JPEG, with fewer pixels or at a lower quality",
            )
        return Part(content_type, wire_name(path), data)


def wire_name(path: str) -> str:
    """A file name for the wire: ASCII letters, digits, dot, hyphen and underscore, at most 64 of them."""
    stem, dot, ending = PurePosixPath(path).name.removesuffix(".j2").rpartition(".")
    if not dot:
        stem, ending = ending, ""
    stem, ending = _plain(stem) or "part", _plain(ending)
    return f"{stem[: 63 - len(ending)]}.{ending}" if 0 < len(ending) < 16 else stem[:64]


def _plain(text: str) -> str:
    # Ł and ł have no decomposition, so normalisation alone would drop them.
    normal = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L"))
    return re.sub(r"[^A-Za-z0-9._-]+", "-", normal.encode("ascii", "ignore").decode()).strip("-.")


def _content_type(path: str, data: bytes) -> str:
    if not data:
        raise _refused(path, "it is empty", "attach a file with content")
    ending = PurePosixPath(path).suffix.lower()
    if ending in _OTHER_TYPES:
        content_type, beginning = _OTHER_TYPES[ending]
        if not re.match(beginning, data, re.DOTALL | re.IGNORECASE):
            raise _refused(path, f"it is named {ending} but is no {content_type} inside", "export it again")
        if content_type == "text/plain":
            _text(path, data)
        return content_type
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
    """The picture's format by its content, empty when it is none; damaged and huge ones are refused."""
    # Pillow costs 16 ms to import, which commands without pictures do not pay.
    from PIL import Image, UnidentifiedImageError

    if data[4:8] == b"ftyp" and data[8:12] in _MODERN:
        return _MODERN[data[8:12]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oddities in EXIF and the like, which concern nobody here
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=[*_PICTURES, *_OTHER_PICTURES]) as picture:
                if picture.width * picture.height > _PIXEL_LIMIT:
                    raise _bomb(path)
                kind = picture.format or ""
                picture.verify()
            if kind in _NOT_VERIFIED and len(data) <= DEFAULT_BUDGET_BYTES:
                with Image.open(io.BytesIO(data), formats=[kind]) as picture:
                    picture.draft(None, (64, 64))  # an eighth of a JPEG is decoded, its end is read all the same
                    picture.load()
        except InvalidInput:
            raise
        except UnidentifiedImageError:
            return ""
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise _bomb(path) from None
        except Exception as error:  # decoders raise what their format's arithmetic happens to hit
            raise _refused(path, f"the picture is damaged: {error}", "export it again") from None
    return kind


def _bomb(path: str) -> InvalidInput:
    return _refused(path, f"it has more than {_PIXEL_LIMIT // 1_000_000} megapixels", "save it smaller")


def _refused(path: str, message: str, fix: str) -> InvalidInput:
    return InvalidInput([Finding(path, 0, 0, message, fix)])
