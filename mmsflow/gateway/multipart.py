"""The multipart form of a message. An attachment's encoded form is made once and shared between messages."""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Sequence

from mmsflow.mms.content import KIB, Part

CRLF = b"\r\n"
_LINE = 76  # RFC 2045, section 6.8

# Small parts are mostly made for one recipient (texts, QR pictures); encoding them again is cheaper than keeping them.
_SHARED_FROM_BYTES = 4 * KIB
_CACHE_BYTES = 16 * 1024 * KIB

_MESSAGE_PART_HEADERS = (
    b'Content-Disposition: form-data; name="messagePart"; filename="messagePart"\r\n'
    b"Content-Type: application/json; name=messagePart\r\n"
    b"Content-Transfer-Encoding: binary\r\n\r\n"
)
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*", re.IGNORECASE | re.ASCII)
_UNSAFE_IN_NAME = re.compile(r'[^ -~]|["\\<>%]')


class MultipartForm:
    """Builds bodies with one boundary, so that whatever several messages share can be shared as bytes.

    Args:
        attachment_headers: ``full`` for Content-Type, -Disposition, -ID and -Transfer-Encoding on every attachment,
            ``minimal`` for the last of them only, which is all that the operator's own example shows.
    """

    def __init__(self, attachment_headers: str = "full") -> None:
        self._full = attachment_headers != "minimal"
        self._boundary = secrets.token_hex(16)
        self._encoded: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()
        self._encoded_bytes = 0

    def build(self, message_part: bytes, parts: Sequence[Part]) -> tuple[str, list[bytes]]:
        """The Content-Type of the request and its body in pieces; the large ones are shared, not copied."""
        attachments = [self._attachment(part) for part in parts]
        boundary = self._boundary
        while boundary.encode() in message_part or any(boundary in part.filename for part in parts):
            boundary = secrets.token_hex(16)
        delimiter = b"--" + boundary.encode()
        chunks = [delimiter + CRLF + _MESSAGE_PART_HEADERS + message_part + CRLF + delimiter]
        for attachment in attachments:
            # Base64 holds no hyphen, so no line of an attachment can be taken for a delimiter.
            chunks += (attachment, delimiter)
        chunks[-1] += b"--" + CRLF
        return f"multipart/form-data; boundary={boundary}", chunks

    def _attachment(self, part: Part) -> bytes:
        if part.size_bytes < _SHARED_FROM_BYTES:
            return self._encode(part)
        key = (part.sha256, part.filename, part.content_type)
        known = self._encoded.get(key)
        if known is not None:
            self._encoded.move_to_end(key)
            return known
        return self._keep(key, self._encode(part))

    def _keep(self, key: tuple[str, str, str], encoded: bytes) -> bytes:
        self._encoded[key] = encoded
        self._encoded_bytes += len(encoded)
        while self._encoded_bytes > _CACHE_BYTES and len(self._encoded) > 1:
            _, dropped = self._encoded.popitem(last=False)
            self._encoded_bytes -= len(dropped)
        return encoded

    def _encode(self, part: Part) -> bytes:
        text = b64encode(part.data)
        lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
        headers = self._headers(part).encode("ascii")
        return CRLF.join([b"", headers, *lines, b""])

    def _headers(self, part: Part) -> str:
        encoding = "Content-Transfer-Encoding: base64\r\n"
        if not self._full:
            return encoding
        name = _UNSAFE_IN_NAME.sub("_", part.filename)
        return (
            f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            f"Content-Type: {_media_type(part.content_type)}\r\n"
            f"Content-ID: <{name.replace(' ', '_')}>\r\n{encoding}"
        )


def _media_type(content_type: str) -> str:
    if not _MEDIA_TYPE.fullmatch(content_type):
        return "application/octet-stream"
    return f"{content_type}; charset=utf-8" if content_type.lower() == "text/plain" else content_type
