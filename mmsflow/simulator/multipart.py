"""multipart/form-data as the operator's document shows it: CRLF everywhere, no preamble, a closing delimiter.

Written for strictness, not for mercy: a client that is sloppy here would be refused by the real gateway, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from mmsflow.simulator.refusal import Refusal

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PARAM_FORM = r"\s*;\s*([^\s;=\"]+)=(\"(?:[^\"\\]|\\.)*\"|[^\s;\"]*)"
_PARAM = re.compile(_PARAM_FORM)
_HEADER_VALUE = re.compile(rf"[^;\"]*(?:{_PARAM_FORM})*\s*(?:;\s*)?")
_LONGEST_HEADER = 1000
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: header names in lower case, the content as it came."""

    headers: dict[str, str]
    content: bytes


@lru_cache(maxsize=256)
def header_value(value: str) -> tuple[str, Mapping[str, str]]:
    """Split ``value; name=x; other="y"`` into the value in lower case and its parameters, names in lower case.

    Raises:
        Refusal: the header is not of that form, has over 1,000 characters, or names a parameter twice.
    """
    if len(value) > _LONGEST_HEADER or not _HEADER_VALUE.fullmatch(value):
        raise Refusal(26, "A header's parameters cannot be read.")
    main, _, rest = value.partition(";")
    params: dict[str, str] = {}
    for name, text in _PARAM.findall(";" + rest):
        key = name.lower()
        if key in params:
            raise Refusal(26, "A header names a parameter twice.")
        params[key] = re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
    return main.strip().lower(), params


def filename_of(params: Mapping[str, str]) -> str | None:
    """The file name of an attachment's Content-Disposition; ``filename*`` (RFC 8187) goes before ``filename``."""
    if (extended := params.get("filename*")) is not None:
        return unquote(extended.rpartition("'")[2])
    return params.get("filename")


def boundary_of(params: Mapping[str, str]) -> bytes:
    """The boundary that the request's Content-Type names.

    Raises:
        Refusal: it is missing, or no boundary by RFC 2046.
    """
    boundary = params.get("boundary", "")
    if not boundary:
        raise Refusal(26, "The Content-Type multipart/form-data needs a boundary.")
    if not _BOUNDARY.fullmatch(boundary):
        raise Refusal(26, "The boundary has characters that a boundary must not have, or more than 70.")
    return boundary.encode("ascii")


def split_parts(body: bytes, boundary: bytes) -> list[Part]:
    """Cut a body into its parts.

    Raises:
        Refusal: the body is not exactly delimiter, parts and closing delimiter with CRLF line ends.
    """
    delimiter = b"--" + boundary
    if not body.startswith(delimiter):
        raise Refusal(22, "The body does not begin with the delimiter that the Content-Type names.")
    if body[len(delimiter) : len(delimiter) + 1] == b"\n":
        raise Refusal(22, "Lines must end in CRLF, not in LF alone.")
    pieces = body[len(delimiter) :].split(b"\r\n" + delimiter)
    if len(pieces) < 2 or pieces[-1] not in (b"--", b"--\r\n"):
        raise Refusal(22, "The closing delimiter is missing, or something follows it.")
    return [_part(piece, place) for place, piece in enumerate(pieces[:-1], 1)]


def _part(piece: bytes, place: int) -> Part:
    if not piece.startswith(b"\r\n"):
        raise Refusal(22, f"The delimiter line of part {place} does not end in CRLF.")
    head, blank, content = piece[2:].partition(b"\r\n\r\n")
    if not blank:
        raise Refusal(22, f"Part {place} has no empty line between its headers and its content.")
    headers: dict[str, str] = {}
    for line in head.split(b"\r\n"):
        name, value = _header(line, place)
        if name in headers:
            raise Refusal(26, f"Part {place} names the header {name} twice.")
        headers[name] = value
    return Part(headers, content)


def _header(line: bytes, place: int) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon or not _HEADER_NAME.fullmatch(name) or b"\n" in line or b"\r" in line or b"\0" in line:
        raise Refusal(26, f"Part {place} has a header line that is not one; lines must end in CRLF.")
    try:
        return name.decode("ascii").lower(), value.strip().decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(26, f"Part {place} has a header that is not UTF-8.") from None
