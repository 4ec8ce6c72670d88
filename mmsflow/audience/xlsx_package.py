"""The inside of a workbook: opened only after its zip directory and its XML have been found harmless.

Everything that a file can do to its reader is met here: other formats with this ending, passwords, cut files, bombs.
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO
from xml.parsers import expat

from mmsflow.audience.bytestream import list_error
from mmsflow.audience.xlsx_sheet import SharedStrings
from mmsflow.campaign.wording import choice_fix, masked
from mmsflow.errors import InvalidInput, MmsflowError
from mmsflow.mms.workspace_files import open_inside

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

_STRICT = b"purl.oclc.org/ooxml"

_BLOCK = 1 << 20
_MOST_MEMBERS = 10_000
_MOST_UNPACKED_BYTES = 2 << 30
_HARMLESS_BYTES = 32 << 20
_MOST_RATIO = 250  # real sheets are packed to a tenth or a thirtieth; a bomb to a thousandth
_MOST_STRUCTURE_BYTES = 64 << 20  # of what is read at once: names of the sheets, styles, relations
_LONGEST_PROLOG_BYTES = 256 * 1024

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

_SAVE_ANEW = "open it in Excel and save it as an Excel workbook (.xlsx), or export the sheet as CSV"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One worksheet: its name, whether people see it, and its member of the zip file."""

    name: str
    visible: bool
    member: str


class Package:
    """A workbook, open: its sheets and styles are known, its cells are yet to be read.

    Attributes:
        sheets: the worksheets in the order of their tabs.
        book: number formats and the epoch of its dates.
        strings: the texts that cells share.
    """

    def __init__(self, workspace: Path, name: str) -> None:
        """Open it.

        Raises:
            InvalidInput: it is no workbook that can be read, with the way out.
        """
        self._name = name
        self._file = open_inside(workspace, name)
        try:
            self._refuse_other_formats()
            with explained(name):
                self._zip = zipfile.ZipFile(self._file)
                self._refuse_bombs()
                self.book, self.sheets, strings = _structure(self._file, name)
                self.strings = SharedStrings(self._zip.open(strings) if strings else io.BytesIO())
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close; again is harmless."""
        self._zip.close()
        self._file.close()

    def sha256(self) -> tuple[str, int]:
        """Hex digest and size of the file's bytes, as they are now."""
        digest, size, at = hashlib.sha256(), 0, self._file.tell()
        self._file.seek(0)
        while block := self._file.read(_BLOCK):
            digest.update(block)
            size += len(block)
        self._file.seek(at)
        return digest.hexdigest(), size

    def open_member(self, member: str) -> IO[bytes]:
        """A member's bytes; reading it to its end checks them against the zip directory."""
        return self._zip.open(member)

    def sheet(self, wanted: str | None) -> Sheet:
        """The sheet of that name, whatever its letter case; the first that people see when None.

        Raises:
            InvalidInput: there is none.
        """
        if not self.sheets:
            raise list_error(self._name, 0, 0, "the workbook has no worksheet", "add a sheet with a header and rows")
        if wanted is None:
            return next((sheet for sheet in self.sheets if sheet.visible), self.sheets[0])
        folded = {sheet.name.strip().casefold(): sheet for sheet in self.sheets}
        found = next((sheet for sheet in self.sheets if sheet.name == wanted), folded.get(wanted.strip().casefold()))
        if found is None:
            fix = choice_fix(wanted, [masked(sheet.name, 60) for sheet in self.sheets])
            raise list_error(self._name, 0, 0, f"the workbook has no sheet {masked(wanted, 60)!r}", fix)
        return found

    def _refuse_other_formats(self) -> None:
        start = self._file.read(4096)
        self._file.seek(0)
        if start.startswith(b"PK\x03\x04"):
            return
        if start.startswith(_OLE):
            message, fix = self._explained_ole()
        elif not start:
            message, fix = "the file is empty", _SAVE_ANEW
        elif start.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
            message, fix = "this is a web page or XML with the ending .xlsx, no workbook", _SAVE_ANEW
        elif b"\0" not in start or start.startswith((b"\xff\xfe", b"\xfe\xff")):
            message = "this is a text file with the ending .xlsx, no workbook"
            fix = "if it is CSV, rename it to .csv and write `csv:` in place of `xlsx:`"
        else:
            message, fix = "this is no Excel workbook", _SAVE_ANEW
        raise list_error(self._name, 0, 0, message, fix)

    def _explained_ole(self) -> tuple[str, str]:
        kept = b""
        while block := self._file.read(_BLOCK):
            if _ENCRYPTED in kept + block:
                fix = "remove the password in Excel (File, Info, Protect Workbook) and save it again"
                return "the workbook is protected with a password, so it cannot be read", fix
            kept = block[-len(_ENCRYPTED) :]
        return "this is a workbook of the old .xls format", _SAVE_ANEW

    def _refuse_bombs(self) -> None:
        members = self._zip.infolist()
        names = {member.filename for member in members}
        if any(member.flag_bits & 1 for member in members):
            raise self._error("its zip file is encrypted", "pack it without a password, or " + _SAVE_ANEW)
        if "[Content_Types].xml" not in names:
            what = "an OpenDocument file" if "mimetype" in names else "a zip file"
            raise self._error(f"this is {what} with the ending .xlsx, no workbook", _SAVE_ANEW)
        unpacked = sum(member.file_size for member in members)
        packed = max(1, sum(member.compress_size for member in members))
        too_dense = unpacked > _HARMLESS_BYTES and unpacked / packed > _MOST_RATIO
        if len(members) > _MOST_MEMBERS or unpacked > _MOST_UNPACKED_BYTES or too_dense:
            message = f"unpacked it would have {unpacked // (1 << 20)} MiB in {len(members)} parts, far too many"
            raise self._error(message, "export the sheet as CSV")
        for member in members:
            structure = not member.filename.startswith(("xl/worksheets/", "xl/sharedStrings"))
            if structure and member.file_size > _MOST_STRUCTURE_BYTES:
                raise self._error(f"its part {masked(member.filename, 60)} is far too large", "export the sheet as CSV")
            with self._zip.open(member) as part, suppress(expat.ExpatError):  # a picture; or met again where it is read
                self._refuse_entities(part)

    def _refuse_entities(self, part: IO[bytes]) -> None:
        """No XML of a workbook declares a document type; one that does means entities that grow without end."""
        parser, begun = expat.ParserCreate(), False

        def begin(*_: object) -> None:
            nonlocal begun
            begun = True

        def refuse(*_: object) -> None:
            raise self._error("its XML declares entities, which no workbook does", _SAVE_ANEW)

        parser.StartElementHandler = begin
        parser.StartDoctypeDeclHandler = refuse
        read = 0
        while not begun and (block := part.read(4096)):
            parser.Parse(block, False)
            read += len(block)
            if read > _LONGEST_PROLOG_BYTES:
                raise self._error("its XML does not begin", _SAVE_ANEW)

    def _error(self, message: str, fix: str) -> InvalidInput:
        return list_error(self._name, 0, 0, message, fix)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Whatever the parsers raise over a damaged workbook becomes a finding about it."""
    try:
        yield
    except Exception as error:
        raise damaged(name, error) from error


def damaged(name: str, error: Exception, line: int = 0) -> MmsflowError:
    """The finding about a workbook over which a parser raised ``error``; an error of ours is itself.

    openpyxl, zipfile and the XML parser raise a dozen kinds of errors over bytes that make no sense; nobody promises
    which.
    """
    if isinstance(error, MmsflowError):
        return error
    if isinstance(error, OSError) and error.strerror:
        return list_error(name, line, 0, f"the workbook cannot be read: {error.strerror}", _SAVE_ANEW)
    kind = "is cut off or damaged" if isinstance(error, zipfile.BadZipFile | EOFError) else "is damaged"
    reason = masked(f"{type(error).__name__}: {error}", 120)
    return list_error(name, line, 0, f"the workbook {kind} ({reason})", "get it anew, or " + _SAVE_ANEW)


def _structure(file: BinaryIO, name: str) -> tuple[Workbook, tuple[Sheet, ...], str]:
    """The workbook's styles, its worksheets, and the member with the shared texts (empty without one)."""
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.styles.stylesheet import apply_stylesheet
    from openpyxl.xml.constants import SHARED_STRINGS

    reader = ExcelReader(file, read_only=True, keep_links=False)
    if any(_STRICT in reader.archive.read(member) for member in ("xl/workbook.xml",) if member in reader.valid_files):
        raise list_error(name, 0, 0, "the workbook is a Strict Open XML one", _SAVE_ANEW)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions that no list needs
        reader.read_manifest()
        reader.read_workbook()
        apply_stylesheet(reader.archive, reader.wb)
    found = reader.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]  # as its stubs say
    sheets = tuple(
        Sheet(str(sheet.name), sheet.state == "visible", relation.target)
        for sheet, relation in reader.parser.find_sheets()
        if relation.target in reader.valid_files and "chartsheet" not in relation.Type
    )
    return reader.wb, sheets, found.PartName[1:] if found is not None else ""
