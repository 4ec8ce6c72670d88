"""The disk below a simulated ledger: one SQLite database in memory, which outlives the processes that write it.

What a transaction has committed stays when its process is killed, what it has not is gone: that is what SQLite promises
of a file, so nothing need be copied. Each process has a handle of its own, which can be broken: dead with its process,
unable to write for a while, or failing at one commit, before or after that commit became durable.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine

from mmsflow.clock import Clock
from mmsflow.ledger import evidence
from mmsflow.ledger.audit import Figures, audit
from mmsflow.ledger.database import Database
from mmsflow.ledger.evidence import EvidenceJournal
from mmsflow.ledger.identity import ensure_identity
from mmsflow.ledger.lock import WriteLock
from mmsflow.ledger.requests import Spool
from mmsflow.ledger.schema import metadata
from mmsflow.ledger.store import Ledger

FAULTS = ("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR")
_NOBODYS_LOCK = (0, 0, 0)  # of no process, so that releasing it touches nothing


class SimulatedCursor(sqlite3.Cursor):
    """Asks its handle before a transaction that would write."""

    handle: Handle

    def execute(self, sql: str, parameters: Any = (), /) -> SimulatedCursor:
        if sql == "BEGIN IMMEDIATE":
            self.handle.check_writable()
        super().execute(sql, parameters)
        return self


class Handle:
    """One process's connection to the database, as SQLAlchemy sees it.

    Attributes:
        dead: its process was killed; nothing works any more.
        failing: the fault with which every transaction that writes is refused, empty when none is.
        dying: its process is killed at this commit.
        faults: by the number of a commit that writes, from 1: names a fault, and whether the commit becomes durable
            all the same.
    """

    isolation_level = None

    def __init__(self, shared: sqlite3.Connection) -> None:
        self._shared = shared
        self._writing = False
        self.dead = self.dying = False
        self.failing = ""
        self.commits = 0
        self.faults: dict[int, Callable[[], tuple[str, bool]]] = {}

    def cursor(self) -> SimulatedCursor:
        if self.dead:
            raise fault("SQLITE_IOERR")
        cursor = self._shared.cursor(SimulatedCursor)
        cursor.handle = self
        return cursor

    def check_writable(self) -> None:
        if self.failing:
            raise fault(self.failing)
        self._writing = True

    def commit(self) -> None:
        if self.dead:
            raise fault("SQLITE_IOERR")
        failing = None
        if self._writing:
            self._writing = False
            self.commits += 1
            if self.commits in self.faults:
                failing = self.faults[self.commits]()
        if failing is None or failing[1]:
            self._shared.commit()
        else:
            self._shared.rollback()
        if self.dying:
            self.dead = True
        if failing is not None:
            raise fault(failing[0])

    def rollback(self) -> None:
        self._writing = False
        if not self.dead:
            self._shared.rollback()

    def die(self) -> None:
        """The process is killed: an open transaction is gone."""
        if not self.dead:
            self.dead = True
            self._shared.rollback()

    def close(self) -> None:
        """The database stays."""

    def create_function(self, *_: Any, **__: Any) -> None:
        """SQLAlchemy's regular expressions are not used by the ledger."""


def fault(name: str) -> sqlite3.OperationalError:
    """What SQLite raises under this name."""
    error = sqlite3.OperationalError(f"simulated {name}")
    error.sqlite_errorname = name
    return error


class SimulatedJournal(EvidenceJournal):
    """The evidence journal of one process, which fails or dies as its handle does.

    Attributes:
        failing: whether the file cannot be written.
    """

    def __init__(self, ledger: Path, handle: Handle) -> None:
        super().__init__(ledger)
        self._handle = handle
        self.failing = False

    def append(self, *args: Any, **named: Any) -> None:
        if self._handle.dead:
            return
        if self.failing:
            raise OSError("simulated: the journal cannot be written")
        super().append(*args, **named)

    def clear(self) -> None:
        if not (self._handle.dead or self.failing):
            super().clear()

    def tear(self, lost_bytes: int) -> None:
        """Its process is killed within a write: the last bytes never reached the disk."""
        if self.path.exists():
            content = self.path.read_bytes()
            kept = content.rstrip(b"\0")[:-lost_bytes]
            self.path.write_bytes(kept.ljust(len(content), b"\0"))


class Disk:
    """One ledger's database and its journal.

    Args:
        path: of the ledger; only the journal beside it is a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.connection.deserialize(_empty_ledger())
        self.connection.execute("PRAGMA foreign_keys = ON")
        self._handles: list[Handle] = []

    def open(self, clock: Clock) -> tuple[Ledger, Handle, SimulatedJournal]:
        """A ledger of a new process over this database."""
        handle = Handle(self.connection)
        self._handles.append(handle)
        _opening.append(handle)
        try:
            database = Database(self.path, _shared_engine())
        finally:
            _opening.clear()
        ledger = Ledger(self.path, database, WriteLock(self.path, -1, _NOBODYS_LOCK), clock)
        ledger.evidence = journal = SimulatedJournal(self.path, handle)
        return ledger, handle, journal

    def ask(self, sql: str, *parameters: object) -> list[Any]:
        """Rows as they stand, read beside whatever the processes do."""
        return self.connection.execute(sql, parameters).fetchall()

    def audit(self, key: int) -> list[str]:
        """What ``mmsflow verify`` finds."""
        _opening.append(Handle(self.connection))
        try:
            with _shared_engine().connect() as connection:
                return [f"{found.rule}: {found.what}" for found in audit(connection, key, Figures())]
        finally:
            _opening.clear()

    def close(self) -> None:
        for handle in self._handles:
            handle.die()  # what the garbage collector closes later must not reach a closed database
        self.connection.close()
        self.path.with_name(self.path.name + evidence.SUFFIX).unlink(missing_ok=True)
        shutil.rmtree(Spool(self.path).folder, ignore_errors=True)


_opening: list[Handle] = []
evidence._ALLOCATED_BYTES = 16 * 1024  # enough for a story, and much quicker to read a thousand times
_engines: list[Engine] = []
_templates: list[bytes] = []


def _shared_engine() -> Engine:
    # One for all: an engine compiles each statement once, which costs more than executing it a hundred times.
    if not _engines:

        def connect() -> Any:
            return _opening[-1]

        _engines.append(create_engine("sqlite://", creator=connect, poolclass=NullPool))
    return _engines[0]


def _empty_ledger() -> bytes:
    if not _templates:
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            metadata.create_all(connection)
            ensure_identity(connection)
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            connection.commit()
            _templates.append(raw.serialize())
        engine.dispose()
    return _templates[0]
