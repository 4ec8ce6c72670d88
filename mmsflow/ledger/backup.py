"""Copies of the ledger that know that they are copies: made beside a running process, put back, or moved for good."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from mmsflow.errors import LedgerError, UsageError
from mmsflow.ledger import lineage
from mmsflow.ledger.codec import to_micros
from mmsflow.ledger.database import Database, explained, explained_files, make_folder
from mmsflow.ledger.evidence import SUFFIX
from mmsflow.ledger.identity import ensure_identity
from mmsflow.ledger.lock import WriteLock
from mmsflow.ledger.migrate import migrate

OnPages = Callable[[int, int], None]
"""Told of the pages done and of all of them."""

_BESIDE = ("-wal", "-shm", SUFFIX)


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds.

    Attributes:
        path: of the copy.
        runs: how many runs; unfinished: of them, those with something unsent; unsent: messages of those.
        size_bytes: of the file.
    """

    path: Path
    runs: int
    unfinished: int
    unsent: int
    size_bytes: int


def back_up(source: Database, target: Path, now: datetime, *, replace: bool, on_pages: OnPages) -> Copied:
    """Copy a ledger as it is now, also while it sends; the copy knows that it is one.

    Raises:
        UsageError: the target exists, and is not to be replaced.
        LedgerError: it cannot be written; what stood there is untouched.
    """
    return _written(source, target, lambda connection: lineage.mark_copy(connection, to_micros(now)), replace, on_pages)


def move_out(source: Database, target: Path, now: datetime, *, replace: bool, on_pages: OnPages) -> Copied:
    """Copy a ledger for a new place and close it here, so that the new place asks nothing and the old one refuses.

    Args:
        source: open for writing, so that nothing is sent meanwhile.

    Raises:
        UsageError, LedgerError: as ``back_up``; the ledger here is as it was.
    """
    at = to_micros(now)
    # Closed first: killed in between, neither of the two sends.
    with source.write() as connection:
        lineage.mark_closed(connection, at)
    try:
        return _written(source, target, lambda connection: lineage.mark_moved_here(connection, at), replace, on_pages)
    except BaseException:
        with source.write() as connection:
            lineage.mark_closed(connection, None)
        raise


def put_back(copy: Path, ledger: Path, now: datetime, on_pages: OnPages) -> tuple[Copied, Path | None]:
    """Make a copy the ledger; the present one is kept aside.

    Returns:
        What the copy holds, and where the present ledger is now; None where there was none.

    Raises:
        RunHeld: a process holds the ledger.
        LedgerError: the copy is no ledger, or cannot be put there; the present one is as it was.
    """
    make_folder(ledger)
    lock = WriteLock.take(ledger, command="restore", now=now)
    draft = ledger.with_name(f".{ledger.name}.restored")
    try:
        source = Database.for_reading(copy)
        if source is None:
            raise LedgerError(f"there is no copy at {copy}", "Name a file that `mmsflow backup` has made.")
        try:
            held = _written(source, draft, lambda connection: _mark_put_back(connection, now), True, on_pages)
        finally:
            source.close()
        with explained_files(ledger):
            aside = _set_aside(ledger, now)
            draft.replace(ledger)
            _sync(ledger.parent)
        return Copied(ledger, held.runs, held.unfinished, held.unsent, held.size_bytes), aside
    finally:
        draft.unlink(missing_ok=True)
        lock.release()


def _written(
    source: Database, target: Path, mark: Callable[[Connection], None], replace: bool, on_pages: OnPages
) -> Copied:
    """Copy, bring the copy to this version's schema, mark it, and give it its name when it is whole."""
    if target.exists() and not replace:
        raise UsageError(f"{target} exists already", "Name another file, or add --force to replace it.")
    draft = target.with_name(f".{target.name}.draft-{os.getpid()}")
    try:
        source.copy_to(draft, on_pages)
        held = _marked(draft, target, mark)
        # One file, without a log beside it.
        with explained(draft), closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        with explained_files(target):
            draft.replace(target)
            _sync(target.parent)
        return held
    finally:
        for suffix in ("", "-wal", "-shm"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _marked(draft: Path, target: Path, mark: Callable[[Connection], None]) -> Copied:
    copy = Database.for_writing(draft)
    try:
        with copy.write() as connection:
            migrate(connection, draft)
            ensure_identity(connection)
            mark(connection)
            counts = lineage.counts_of(connection)
    finally:
        copy.close()
    return Copied(target, *counts, draft.stat().st_size)


def _mark_put_back(connection: Connection, now: datetime) -> None:
    """A file that was moved goes on without a question; every other one is a copy, whoever made it."""
    if not lineage.is_moved_here(connection):
        lineage.mark_copy(connection, to_micros(now))


def _set_aside(ledger: Path, now: datetime) -> Path | None:
    """Rename the present ledger with its log and its journal, so that nothing of it meets the copy."""
    if not ledger.exists():
        return None
    aside = ledger.with_name(f"{ledger.name}.replaced-{now.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    for suffix in (*_BESIDE, ""):
        path = ledger.with_name(ledger.name + suffix)
        if path.exists():
            path.replace(aside.with_name(aside.name + suffix))
    return aside


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
