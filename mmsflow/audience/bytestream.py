"""The bytes of a list: which encoding they are in, their digest, and where they stop making sense."""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mmsflow.audience.model import ListDigest
from mmsflow.errors import Finding, InvalidInput
from mmsflow.mms.workspace_files import open_inside

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER_BYTES = 256 * 1024

# A line far above any real row: the file is no list, and reading it as one would fill the memory.
_LONGEST_LINE_BYTES = 4 * 1024 * 1024

UTF8, UTF16, WINDOWS_1250 = "utf-8-sig", "utf-16", "cp1250"

_NUL = re.compile(b"\0")
# Polish letters of UTF-8 in a file that was taken for Windows-1250, where these pairs spell nothing.
_NUL_OR_UTF8 = re.compile(
    rb"\0|\xc4[\x84-\x87\x98\x99]|\xc5[\x81-\x84\x9a\x9b\xb9-\xbc]|\xc3[\x93\xb3]",
)


def list_error(name: str, line: int, column: int, message: str, fix: str) -> InvalidInput:
    """One thing that is wrong in the list ``name``."""
    return InvalidInput([Finding(name, line, column, message, fix)])


class ListBytes(io.RawIOBase):
    """A list's bytes on their way to the decoder: hashed, counted and looked over as they pass.

    Attributes:
        has_apostrophes: there is one in what has passed so far.

    Raises (while being read):
        InvalidInput: a NUL byte, a line without end, bytes of another encoding; with line and offset.
    """

    def __init__(self, file: BinaryIO, name: str, encoding: str, *, guessed: bool) -> None:
        super().__init__()
        self._file = file
        self._name = name
        self._hash = hashlib.sha256()
        self._size = 0
        self._lines = 0
        self._since_newline = 0
        self._tail = b""
        self.has_apostrophes = False
        # In UTF-16 every other byte is a NUL.
        self._unwanted = None if encoding == UTF16 else _NUL_OR_UTF8 if encoding == WINDOWS_1250 and guessed else _NUL

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        try:
            size: int = self._file.readinto(view) or 0  # type: ignore[attr-defined]
        except OSError as error:
            message = f"the list cannot be read: {error.strerror}"
            raise list_error(self._name, 0, 0, message, "look at the disk, then start again") from error
        chunk = bytes(view[:size])
        self._look_over(chunk)
        self._hash.update(chunk)
        self._size += size
        return size

    def close(self) -> None:
        self._file.close()
        super().close()

    def digest(self) -> ListDigest:
        """Of what passed so far: of the whole list once it was read to its end."""
        return ListDigest(self._name, self._hash.hexdigest(), self._size)

    def _look_over(self, chunk: bytes) -> None:
        if self._unwanted is not None and (found := self._unwanted.search(self._tail + chunk)):
            self._refuse(chunk, found, found.start() - len(self._tail))
        self._tail = chunk[-1:]
        self.has_apostrophes = self.has_apostrophes or b"'" in chunk
        self._lines += chunk.count(b"\n")
        newline = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self._since_newline = len(chunk) - newline if newline >= 0 else self._since_newline + len(chunk)
        if self._since_newline > _LONGEST_LINE_BYTES:
            raise list_error(
                self._name, self._lines + 1, 0, "a line of more than 4 MiB", "give every recipient a line of its own"
            )

    def _refuse(self, chunk: bytes, found: re.Match[bytes], start: int) -> None:
        line = self._lines + chunk.count(b"\n", 0, max(start, 0)) + 1
        offset = self._size + start
        if found[0] == b"\0":
            message, fix = f"a NUL byte at byte {offset}", "this is no text, or UTF-16; save the list as CSV in UTF-8"
        else:
            message = f"the file is Windows-1250, but at byte {offset} it goes on in UTF-8"
            fix = "save the whole list in one encoding, UTF-8; or name it with `encoding:`"
        raise list_error(self._name, line, 0, message, fix)


def named_encoding(encoding: str) -> str:
    """Python's name of an encoding that a campaign names; UTF-8 may always carry its byte order mark."""
    found = codecs.lookup(encoding).name
    return UTF8 if found == "utf-8" else found


def find_encoding(file: BinaryIO) -> str:
    """UTF-8, UTF-16 (by its byte order mark) or Windows-1250.

    The first chunk that is not plain ASCII decides, wherever in the file it is; the file is left at its start.
    """
    sample = _decisive_sample(file)
    # The sample may end in the middle of a letter; the list may not.
    complete = not file.read(1)
    file.seek(0)
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return UTF16
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=complete)
    except UnicodeDecodeError as error:
        # Letters of UTF-8 before the wrong byte (a byte order mark is one): it is UTF-8 that breaks off there.
        return WINDOWS_1250 if sample[: error.start].isascii() else UTF8
    return UTF8


def _decisive_sample(file: BinaryIO) -> bytes:
    while chunk := file.read(BUFFER_BYTES):
        if not chunk.isascii():
            # What came before was ASCII, so no letter is cut at the start; the next chunk completes one at the end.
            return chunk + file.read(BUFFER_BYTES)
    return b""


def undecodable(workspace: Path, name: str, encoding: str) -> InvalidInput:
    """The error for a list that does not decode, with the place of the first byte that is wrong."""
    # Plain UTF-8 here: the decoder that swallows a byte order mark counts positions without it.
    decoder = codecs.getincrementaldecoder("utf-8" if encoding == UTF8 else encoding)()
    line, offset = 1, 0
    with open_inside(workspace, name) as file:
        while True:
            chunk = file.read(BUFFER_BYTES)
            kept = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                start = error.start - kept
                return _wrong_byte(name, encoding, line + chunk.count(b"\n", 0, max(start, 0)), offset + start)
            if not chunk:
                return list_error(name, 0, 0, "the list changed while it was being read", "start again")
            line += chunk.count(b"\n")
            offset += len(chunk)


def _wrong_byte(name: str, encoding: str, line: int, offset: int) -> InvalidInput:
    shown = {UTF8: "UTF-8", UTF16: "UTF-16", WINDOWS_1250: "Windows-1250"}.get(encoding, encoding)
    fix = "save the whole list in one encoding, UTF-8; or name its encoding with `encoding:`"
    return list_error(name, line, 0, f"byte {offset} is no {shown}; the file seems to mix encodings", fix)
