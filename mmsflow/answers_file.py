"""The answers about accounts in mmsflow.toml: read anew when the file has changed, and added without touching the rest.

A daemon reads its settings once, but an answer must reach it without a restart.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmsflow.errors import UsageError
from mmsflow.known_accounts import Answer, KnownAccounts, RotatedClient

_Stamp = tuple[int, int, int] | None
_read: dict[Path, tuple[_Stamp, KnownAccounts]] = {}  # what each file said when it could be read last


def known_accounts(file: Path) -> KnownAccounts:
    """Read the answers as they are now; while the file is gone or cannot be read, those that it had before."""
    stamp = _stamp(file)
    before = _read.get(file)
    if before is not None and stamp in (before[0], None):
        return before[1]
    try:
        known = KnownAccounts.from_table(_parsed(file).get("accounts", {}))
    except (OSError, ValueError, RecursionError):
        # Fewer answers would mean less history: what was known goes on to hold.
        return before[1] if before is not None else KnownAccounts()
    _read[file] = (stamp, known)
    return known


def keep_answer(file: Path, answer: Answer | RotatedClient) -> None:
    """Add an answer at the end of mmsflow.toml; one that is there already is not added again.

    Raises:
        UsageError: it contradicts the others, or the file cannot be written; it is as it was.
    """
    target = file.resolve()  # a link stays a link
    try:
        with _held(target):
            before = _bytes(target)
            text = before.decode("utf-8")
            known = KnownAccounts.from_table(tomllib.loads(text).get("accounts", {}))
            if answer in known.answers or answer in known.rotated:
                return
            wanted = known.with_answer(answer)
            gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
            new = text + gap + answer.as_toml()
            written = KnownAccounts.from_table(tomllib.loads(new)["accounts"])
            if (written.answers, written.rotated) != (wanted.answers, wanted.rotated):
                raise ValueError("its table `accounts` is written in a way of its own")
            if _bytes(target) != before:  # an editor takes no lock
                raise ValueError("somebody has just changed it; say it again")
            _replace(target, new)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        lines = answer.as_toml().strip().replace("\n", "; ")
        raise UsageError(
            f"the answer cannot be kept in {file}: {reason}",
            f"correct the file, make it writable for you, or add these lines to it yourself: {lines}",
            cause="answer_not_kept",
        ) from error


def _parsed(file: Path) -> dict[str, object]:
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def _bytes(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@contextmanager
def _held(file: Path) -> Iterator[None]:
    """One answer at a time: the folder is locked, because the file itself is replaced."""
    folder = os.open(file.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _replace(file: Path, text: str) -> None:
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as written:
            written.write(text)
            written.flush()
            os.fchmod(written.fileno(), mode)
            os.fsync(written.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
