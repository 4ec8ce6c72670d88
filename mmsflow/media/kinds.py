"""What a file is, by its first bytes; its name decides only between kinds that share them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from mmsflow.media.problem import refused

SENT_AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif"}
"""Pictures that handsets show, by Pillow's name of the format."""

_SIGNATURES = (
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"RIFF.{4}WEBP", "WEBP"),
    (rb"BM.{4}\0\0\0\0", "BMP"),
    (rb"II\*\0|MM\0\*", "TIFF"),
    (rb".{4}ftyp(?:avif|avis)", "AVIF"),
    (rb".{4}ftyp(?:heic|heix|heim|heis|hevc|hevx|mif1|msf1)", "HEIF"),
)
_PICTURE_NAMES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".png",
        ".gif",
        ".webp",
        ".heic",
        ".heif",
        ".avif",
        ".bmp",
        ".tif",
        ".tiff",
        ".svg",
        ".eps",
    }
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


def picture_kind(path: str, data: bytes) -> str:
    """The picture's format as Pillow calls it, empty for a sound, a film, a card or a text.

    Raises:
        InvalidInput: it is empty, or nothing that an MMS carries.
    """
    if not data:
        raise refused(path, "it is empty", "attach a file with content")
    ending = PurePosixPath(path).suffix.lower()
    if ending in _OTHER_TYPES:
        return ""
    for signature, kind in _SIGNATURES:
        if re.match(signature, data, re.DOTALL):
            return kind
    if ending in _PICTURE_NAMES:
        raise refused(path, f"it is named {ending} but is no picture that can be read", "export it as JPEG, PNG or GIF")
    raise refused(path, "its kind is not known", f"attach a picture or one of {', '.join(_OTHER_TYPES)}")


def other_type(path: str, data: bytes) -> str:
    """The media type of a sound, a film, a card or a text, as its name says and its content confirms.

    Raises:
        InvalidInput: the content is something else, or no UTF-8.
    """
    ending = PurePosixPath(path).suffix.lower()
    content_type, beginning = _OTHER_TYPES[ending]
    if not re.match(beginning, data, re.DOTALL | re.IGNORECASE):
        raise refused(path, f"it is named {ending} but is no {content_type} inside", "export it again")
    if content_type == "text/plain":
        _text(path, data)
    return content_type


def _text(path: str, data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused(path, f"its byte {error.start + 1} is not UTF-8", "save it as UTF-8") from None
