"""Is the ledger still the file that was opened? Looked at before each claim, so that nothing is sent into nothing.

A file that is removed or replaced lives on for whoever has it open: commits succeed, and nobody will ever read them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mmsflow.errors import LedgerError

_SMALLEST = 512  # bytes of the smallest page of SQLite


class LedgerVanished(LedgerError):
    """The ledger's file, or its lock, is not the one that was opened."""

    cause = "ledger_vanished"


@dataclass(slots=True)
class Presence:
    """What the files looked like when this process last had to do with them.

    Args:
        path: the ledger; lock: its lock file.
        lock_key: device and inode of the lock that is held.

    Attributes:
        error: what was found first; stays for good.
    """

    path: Path
    lock: Path
    lock_key: tuple[int, int]
    error: LedgerVanished | None = None
    _key: tuple[int, int] = (0, 0)
    _stamp: tuple[int, int] = (0, 0)

    def note(self) -> None:
        """Remember the file as it is now, after a write of our own; a file that is not there is left for ``look``."""
        try:
            status = os.stat(self.path)  # noqa: PTH116  # on the hot path
        except OSError:
            return
        if self._key in ((0, 0), (status.st_dev, status.st_ino)):
            self._key = status.st_dev, status.st_ino
            self._stamp = status.st_mtime_ns, status.st_size

    def look(self) -> None:
        """Compare the files with what they were after the last write of our own.

        Raises:
            LedgerVanished: they are not the same; from then on every call says so.
        """
        self.sense()
        if self.error is None and self._is_watched and (why := self._found_of_lock()):
            self._note_error(why)
        if self.error is not None:
            raise self.error

    def sense(self) -> None:
        """Look at the ledger's file before a write of our own, which would hide what others did to it."""
        if self.error is None and self._is_watched and (why := self._found()):
            self._note_error(why)

    @property
    def _is_watched(self) -> bool:
        return self._key != (0, 0)  # a database in memory has no file

    def _note_error(self, why: str) -> None:
        self.error = LedgerVanished(
            f"the ledger {self.path} {why} while it was in use; nothing more is sent",
            "Look who removed or replaced it before anything else is done with it.",
        )

    def _found(self) -> str:
        try:
            status = os.stat(self.path)  # noqa: PTH116
        except OSError as error:
            return f"cannot be found any more ({error.strerror})"
        if (status.st_dev, status.st_ino) != self._key:
            return "was replaced by another file"
        if status.st_size < _SMALLEST:
            return "was emptied"
        if (status.st_mtime_ns, status.st_size) != self._stamp:
            return "was written to by another program"
        return ""

    def _found_of_lock(self) -> str:
        try:
            lock = os.stat(self.lock)  # noqa: PTH116
        except OSError as error:
            return f"has lost its lock file ({error.strerror})"
        return "" if (lock.st_dev, lock.st_ino) == self.lock_key else "has got another lock file"
