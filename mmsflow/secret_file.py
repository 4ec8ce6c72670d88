"""A secret in a file, read anew when the file has changed, so that whoever rotates it restarts nothing."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from mmsflow.secret import Secret, remember

_LARGEST_BYTES = 1_000_000
_Stamp = tuple[int, int, int, int]


class SecretFile(Secret):
    """A secret that is looked up in its file at each use; a file that holds none for now leaves the last one in force.

    A look costs one ``stat``; the file is read where that shows a change. What is no plain file, such as a pipe, can
    be read only once and is.

    Args:
        name: the setting that it stands for, such as ``client_secret``.
        path: the file, absolute.

    Attributes:
        name, path: as given.
        trouble: why the file's text is not the one in force, for people; empty where it is.
        changes: how often another text came into force.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is not text.
    """

    __slots__ = ("_complaint", "_stamp", "changes", "name", "path", "trouble")

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path, self.trouble, self.changes = name, path, "", 0
        self._complaint: Callable[[str], str] = lambda _: ""
        self._stamp = _stamp_of(path)
        super().__init__(read_secret(path))

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def reveal(self) -> str:
        """Give the secret in force, after a look at the file."""
        if self._stamp is not None and ((stamp := _stamp_of(self.path)) != self._stamp or not self._text):
            self._take(stamp)
        return self._text

    def read_anew(self) -> str:
        """Give the secret in force after reading the file, whether it seems to have changed or not."""
        if self._stamp is not None:
            self._take(_stamp_of(self.path))
        return self._text

    def must_satisfy(self, complaint: Callable[[str], str]) -> None:
        """Let only such texts come into force of which ``complaint`` gives an empty text."""
        self._complaint = complaint

    def _take(self, stamp: _Stamp | None) -> None:
        if stamp is None and self.path.exists() and not self.path.is_dir():
            self.trouble = "it is no plain file"  # to open a pipe could wait for good
            return
        try:
            text = read_secret(self.path)
        except (OSError, UnicodeDecodeError) as error:
            # Looked at again the next time: what cannot be read for now need not change to be readable.
            self.trouble = why_unreadable(error)
            return
        self.trouble = self._complaint(text) if text else "it is empty"
        if self.trouble:
            return
        self._stamp = stamp or self._stamp
        if text != self._text:
            self._text = text
            self.changes += 1
            remember(text)


def read_secret(path: Path) -> str:
    """Read the text of a secret's file, without the spaces, line ends and byte-order mark around it.

    Raises:
        OSError, UnicodeDecodeError: as ``read_text``.
    """
    return read_text(path).strip().strip("\ufeff").strip()


def read_text(path: Path) -> str:
    """Read a small text file, or what a pipe such as a shell's ``<(…)`` hands over.

    Raises:
        OSError: it cannot be read, or is larger than 1 MB.
        UnicodeDecodeError: it is not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise OSError(errno.EFBIG, f"it has more than {_LARGEST_BYTES} bytes")
    return content.decode("utf-8")


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Say why a secret's file cannot be read, without anything of its content."""
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "it is not text"


def _stamp_of(path: Path) -> _Stamp | None:
    """What changes with a file's content; None for what is no plain file, or is not there."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
