"""The tables of the record, and how its file is opened."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from mmsflow.errors import UsageError
from mmsflow.simulator.config import MEMORY

_VERSION = 1
_BUSY_MS = 10_000

_TABLES = """
CREATE TABLE IF NOT EXISTS anchor (id INTEGER PRIMARY KEY CHECK (id = 1), epoch REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, expires_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage (period INTEGER PRIMARY KEY, used INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    number TEXT NOT NULL,
    sender TEXT,
    subject TEXT,
    priority TEXT,
    delivery_report INTEGER NOT NULL,
    parts TEXT,
    received_at REAL NOT NULL,
    final_at REAL NOT NULL,
    fate TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_id ON messages (id);
CREATE INDEX IF NOT EXISTS messages_by_number ON messages (number);
"""


def connect(path: str) -> sqlite3.Connection:
    """Open the record's file (0600, made when missing) or a record in memory.

    Raises:
        UsageError: the file cannot be opened, or is something else.
    """
    try:
        if path != MEMORY:
            _make_file(Path(path))
        # One event loop uses it, but perhaps not in the thread that opened it.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except (OSError, ValueError, sqlite3.Error) as exc:
        raise UsageError(
            f"the simulator's record {path} cannot be opened: {exc}", "name another file, or delete this one"
        ) from exc
    return connection


def _make_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    # What a power cut takes from a simulation is no loss; what a killed process has committed stays.
    connection.execute("PRAGMA synchronous = OFF")
    # Two first openers at once: the lock is taken before the version is read.
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if version != _VERSION and (version or tables):
        raise UsageError(f"{path} is no record of this simulator", "name another file, or delete this one")
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")
