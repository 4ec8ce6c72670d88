"""One writer at a time: a kernel lock on ``<ledger>.lock``, with a note inside of who holds it.

A POSIX record lock: the kernel drops it when its process ends, however it ends, and no child inherits it. So a dead
owner is replaced at once, and nothing ever has to be judged stale. Two properties of such locks shape this module:
closing *any* descriptor of the file gives up the process's lock, and a process never conflicts with itself. Hence the
list of what this process holds, and hence nobody here opens a lock file that it holds.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shlex
import socket
import struct
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mmsflow.errors import LedgerError, RunHeld
from mmsflow.ledger.heartbeat import BEAT_SECONDS, Heartbeat
from mmsflow.ledger.model import Holder
from mmsflow.ledger.requests import DAEMON

_NOTE_BYTES = 4096
# A daemon is a service for good: to wait for its end is no way out, and to kill it is seldom wanted.
_BESIDE_DAEMON = (
    "The daemon begins campaigns at their times, and by hand from its web page, and asks for delivery reports itself; "
    "pause, resume, cancel, resolve, approve and send-test work beside it. "
    "For anything else stop it first: `systemctl stop mmsflow`, or Ctrl-C in its terminal."
)
_held: dict[tuple[int, int, int], Holder] = {}  # by (our pid, device, inode); a forked child finds nothing of its own


class WriteLock:
    """The right to write, held from ``take`` to ``release``."""

    def __init__(self, path: Path, descriptor: int, key: tuple[int, int, int]) -> None:
        self._descriptor, self._key = descriptor, key
        self._released = False
        self._heartbeat: Heartbeat | None = None
        self.path = path

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode of the lock file that is held."""
        return self._key[1:]

    @classmethod
    def take(cls, ledger: Path, *, command: str, now: datetime) -> WriteLock:
        """Lock the ledger at ``ledger`` for this process.

        Args:
            ledger: the database file; the lock file stands beside it.
            command: what this process was asked to do, for the note.
            now: for the note, aware.

        Raises:
            RunHeld: another process, or another part of this one, holds it.
            LedgerError: the lock file cannot be made or locked.
        """
        path = lock_path(ledger)
        mine = Holder(os.getpid(), socket.gethostname(), now, command, beat_seconds=BEAT_SECONDS)
        while True:
            if (ours := _held_by_us(path)) is not None:
                raise _refusal(ledger, ours, now)
            descriptor = _open(path, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                seen = _holder(descriptor)
                os.close(descriptor)
                raise _not_locked(ledger, error, seen, now) from None
            key = (os.getpid(), *_identity(os.fstat(descriptor)))
            if _identity_of(path) == key[1:]:
                break
            os.close(descriptor)  # somebody removed the file between our opening and locking it
        _held[key] = mine
        lock = cls(path, descriptor, key)
        try:
            _write_note(descriptor, mine)
        except OSError as error:
            lock.release()
            raise _unusable(path, error) from None
        lock._heartbeat = Heartbeat(descriptor)
        return lock

    def release(self) -> None:
        """Give the right up; again is harmless, and in a forked child nothing is touched."""
        if self._released or self._key[0] != os.getpid():
            return
        self._released = True
        del _held[self._key]
        if self._heartbeat is not None:
            self._heartbeat.stop()
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def lock_path(ledger: Path) -> Path:
    """The lock file of a ledger."""
    return ledger.with_name(ledger.name + ".lock")


def holder_of(ledger: Path) -> Holder | None:
    """Who holds the ledger's write lock now; None when it is free.

    Only asks the kernel: testing by locking would get in the way of a writer that starts at the same moment.

    Raises:
        LedgerError: the lock file exists and cannot be read.
    """
    path = lock_path(ledger)
    if (ours := _held_by_us(path)) is not None:
        return ours
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        return _holder(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> Holder | None:
    """Whoever holds the lock of this open file now; None when nobody does."""
    pid = _locking_pid(descriptor)
    if pid is None:
        return None
    note, host = _read_note(descriptor), socket.gethostname()
    # The note is a moment younger than the lock: until it is there, or while a killed process's own is still there,
    # the kernel's word for the process is all we know. It says 0 for a process that cannot be seen from here.
    if note is None or (pid and note.pid != pid and note.host == host):
        return Holder(pid, host, None, "")
    touched = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    return replace(note, last_seen=touched)


def _held_by_us(path: Path) -> Holder | None:
    identity = _identity_of(path)
    return None if identity is None else _held.get((os.getpid(), *identity))


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        return _identity(path.stat())
    except OSError:
        return None


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from None


def _locking_pid(descriptor: int) -> int | None:
    # struct flock as the two systems lay it out: whole file, from its start.
    if sys.platform == "darwin":
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack("qqihh", 0, 0, 0, fcntl.F_RDLCK, os.SEEK_SET))
        _, _, pid, kind, _ = struct.unpack("qqihh", answer)
    else:
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack("hhlli4x", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
        kind, _, _, _, pid = struct.unpack("hhlli4x", answer)
    return None if kind == fcntl.F_UNLCK else int(pid)


def _write_note(descriptor: int, holder: Holder) -> None:
    since = holder.since.isoformat(timespec="seconds") if holder.since else ""
    # A note that would not fit is cut at its only long part.
    command = holder.command[: _NOTE_BYTES // 8]
    facts = {"pid": holder.pid, "host": holder.host, "since": since, "command": command, "beat": holder.beat_seconds}
    note = json.dumps(facts)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, note.encode(), 0)


def _read_note(descriptor: int) -> Holder | None:
    try:
        note = json.loads(os.pread(descriptor, _NOTE_BYTES, 0))
        since = datetime.fromisoformat(note["since"]) if note["since"] else None
        beat = float(note.get("beat", 0))  # earlier versions give no sign of life
        return Holder(int(note["pid"]), str(note["host"]), since, str(note["command"]), beat_seconds=beat)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _not_locked(ledger: Path, error: OSError, seen: Holder | None, now: datetime) -> RunHeld | LedgerError:
    if error.errno in (errno.EACCES, errno.EAGAIN):
        return _refusal(ledger, seen, now)
    return _unusable(lock_path(ledger), error)


def _refusal(ledger: Path, holder: Holder | None, now: datetime) -> RunHeld:
    if holder is None:
        return RunHeld(f"another process holds the ledger {ledger}", "Wait a moment and try again.", cause="run_held")
    since = f", since {holder.since.isoformat(timespec='seconds')}" if holder.since else ""
    doing = f" ({holder.command})" if holder.command else ""
    silent = holder.last_seen if holder.answers(now) is False else None
    silence = f", and gives no sign of life since {silent.isoformat(timespec='seconds')}" if silent else ""
    return RunHeld(
        f"process {holder.pid} on {holder.host}{doing} holds the ledger {ledger}{since}{silence}",
        _BESIDE_DAEMON if holder.command == DAEMON else _beside(holder.pid),
        cause="run_held",
    )


def _beside(pid: int) -> str:
    return (
        "Look at its progress with `mmsflow status`, wait for it, or stop it with Ctrl-C in its terminal or "
        f"{shlex.join(['kill', str(pid)])}: the ledger is free as soon as it has ended."
    )


def _unusable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(
        f"the lock file {path} cannot be used: {error.strerror}",
        "Make its folder writable for you, or name another ledger with MMSFLOW_LEDGER.",
        cause="lock_file_unusable",
    )
