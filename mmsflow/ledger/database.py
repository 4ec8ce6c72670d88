"""The database below the ledger: where it is, how it is opened, transactions, and errors that people can act on.

SQLite with a write-ahead log and ``synchronous=FULL``: what a commit has returned from survives a power cut. Exactly
one connection writes and checkpoints (SQLite before 3.51.3 can damage a log that two connections reset), the others
are opened read-only.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    Insert,
    Integer,
    NullPool,
    Row,
    Select,
    StaticPool,
    Update,
    bindparam,
    create_engine,
)
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mmsflow.errors import LedgerError, LedgerUnavailable, UsageError
from mmsflow.first_failure import afterwards
from mmsflow.ledger.presence import Presence
from mmsflow.ledger.schema import metadata
from mmsflow.mms.private_files import make_private_folder

_BUSY_SECONDS = 5.0
_LOG_BYTES = 64 * 1024 * 1024  # what the log is cut back to after a large run was frozen
_WRITER_CACHE_KIB = 64 * 1024  # holds the index on numbers of a million rows, which are inserted in no order
_LOOKUP_KEYS = 512
_BACKUP_PAGES = 2048  # copied at a time: 8 MB
_SCRUB_OWED = 1  # in SQLite's user_version, which nothing else uses and a transaction takes back like any row
_DIALECT = SQLiteDialect_pysqlite(paramstyle="qmark")

_MENDING = {
    "SQLITE_FULL": ("has no room left", "Free some space on its disk, then run the same command again."),
    "SQLITE_IOERR": ("cannot be read or written", "Look at its disk: room, quota, file-size limits, hardware."),
    "SQLITE_CORRUPT": ("is damaged", "Restore it from a backup before anything else is sent."),
    "SQLITE_NOTADB": ("is not an SQLite database", "Name another file with MMSFLOW_LEDGER, or restore a backup."),
    "SQLITE_READONLY": ("cannot be written", "Make the file and its folder writable for you."),
    "SQLITE_CANTOPEN": ("cannot be opened", "Look at the path, and make the folder readable and writable for you."),
    "SQLITE_PERM": ("cannot be opened", "Make the file and its folder readable and writable for you."),
    "SQLITE_BUSY": ("is busy with another process", "Try again; close other programs that have this file open."),
    "SQLITE_LOCKED": ("is busy", "Try again."),
}
# What may pass by itself, or when a person makes room; whoever sends waits for it.
_PASSING = frozenset({"SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_LOCKED"})
_UNFORESEEN = ("cannot be used", "Run `mmsflow doctor`; keep a copy of the file before you change anything.")


def ledger_path(url: str) -> Path:
    """The file that ``sqlite:///PATH`` names; a relative path counts from the current folder.

    Raises:
        UsageError: another kind of database, or no file.
    """
    scheme, separator, rest = url.partition("://")
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        raise UsageError(
            "a ledger in PostgreSQL is not carried out yet, only sqlite is",
            "Set MMSFLOW_LEDGER to `sqlite:///PATH`, or leave it out for .mmsflow/ledger.db in the workspace.",
            cause="ledger_address",
        )
    path = rest.removeprefix("/")
    if scheme != "sqlite" or not separator or not rest.startswith("/") or path in ("", ":memory:") or "\0" in path:
        shown = scheme if separator else "no URL"
        raise UsageError(
            f"the ledger's address is not understood ({shown})",
            "Write `sqlite:///relative/ledger.db` or `sqlite:////absolute/ledger.db`: the ledger is a file.",
            cause="ledger_address",
        )
    return Path(path).absolute()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the database refuses into a LedgerError with a way out; everything else passes."""
    try:
        yield
    except DBAPIError as error:
        raise _explain(path, error.orig) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _explain(path, error) from error
    except UnicodeDecodeError as error:  # a damaged page may hold anything where the schema was
        what, advice = _MENDING["SQLITE_CORRUPT"]
        raise LedgerError(f"the ledger {path} {what} ({error.reason})", advice) from error
    except UnicodeEncodeError as error:
        raise LedgerError(
            f"the ledger {path} cannot keep a text that is not valid Unicode",
            "Look for broken characters in the list's cells and save it as UTF-8.",
            cause="text_not_unicode",
        ) from error


@contextmanager
def explained_files(path: Path) -> Iterator[None]:
    """The same for what the file system refuses. Not for transactions: they run code whose files are not the ledger."""
    try:
        yield
    except OSError as error:
        raise LedgerError(
            f"the ledger {path} cannot be opened: {error.strerror}",
            "Make its folder readable and writable for you, or name another ledger with MMSFLOW_LEDGER.",
            cause="ledger_not_opened",
        ) from error


def _explain(path: Path, error: BaseException | None) -> LedgerError:
    name = getattr(error, "sqlite_errorname", "")
    kind = "_".join(name.split("_")[:2])
    what, advice = _MENDING.get(kind, _UNFORESEEN)
    return (LedgerUnavailable if kind in _PASSING else LedgerError)(f"the ledger {path} {what} ({error})", advice)


class Database:
    """An open database: one connection that stays, and short-lived ones for long reads beside it."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        with explained(path):
            self._connection = engine.connect()
        self.presence = Presence(path, path, (0, 0))
        self.presence.note()

    @classmethod
    def for_reading(cls, path: Path) -> Database | None:
        """Open read-only; None where there is no file.

        Raises:
            LedgerError: it exists and cannot be read.
        """
        with explained_files(path):
            if not path.exists():
                return None
        return cls(path, _engine(path, writable=False))

    @classmethod
    def empty(cls, path: Path) -> Database:
        """A ledger without any run, which exists in memory only."""
        return cls(path, _nothing())

    @classmethod
    def for_writing(cls, path: Path) -> Database:
        """Open for writing, making the file (0600); the caller holds the write lock.

        Raises:
            LedgerError: it cannot be made or opened.
        """
        with explained_files(path):
            _make_file(path)
        return cls(path, _engine(path, writable=True))

    def close(self) -> None:
        """Close; again is harmless. The last one to close folds the log into the file."""
        with explained(self.path):
            self._connection.close()
            self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view for a few statements.

        Raises:
            LedgerError: the database cannot be read.
        """
        with explained(self.path), _transaction(self._connection, "BEGIN"):
            yield self._connection

    @contextmanager
    def read_beside(self) -> Iterator[Connection]:
        """One consistent view on a connection of its own, for reads that go on while others write.

        Raises:
            LedgerError: the database cannot be read.
        """
        with explained(self.path), self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            with _transaction(connection, "BEGIN"):
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One durable transaction: all of it, or after any exception nothing.

        Raises:
            LedgerError: the database cannot be written.
        """
        self.presence.sense()
        try:
            with explained(self.path), _transaction(self._connection, "BEGIN IMMEDIATE"):
                yield self._connection
        finally:
            self.presence.note()

    @contextmanager
    def erase(self) -> Iterator[Connection]:
        """As ``write``, with what is deleted or replaced overwritten with zeros; leaves a scrub owed.

        Raises:
            LedgerError: the database cannot be written.
        """
        self.presence.sense()
        with explained(self.path):
            run = self._connection.exec_driver_sql
            usual = run("PRAGMA secure_delete").scalar_one()
            run("PRAGMA secure_delete = ON")

            def as_usual() -> None:
                run(f"PRAGMA secure_delete = {int(usual)}")
                self._connection.rollback()
                self.presence.note()

            with afterwards(as_usual), _transaction(self._connection, "BEGIN IMMEDIATE"):
                run(f"PRAGMA user_version = {_SCRUB_OWED}")
                yield self._connection

    def checkpoint(self) -> None:
        """Bring what was written so far from the log into the main file, as far as nobody reads an older state.

        Raises:
            LedgerError: it cannot be written.
        """
        with explained(self.path):
            self.presence.sense()
            self._connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            self._connection.rollback()  # of nothing: SQLAlchemy believes that a transaction has begun
            self.presence.note()

    def copy_to(self, target: Path, progress: Callable[[int, int], None] = lambda _done, _all: None) -> None:
        """Write a copy of the database as it is now to a new file (0600), also while others read or write it.

        Args:
            progress: told of the pages done and of all of them.

        Raises:
            LedgerError: it cannot be written; what was written of it is removed.
        """
        with explained_files(target):
            descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.close(descriptor)
        try:
            # Within a transaction: one state, and nobody who writes meanwhile makes it begin anew.
            with self.read() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
                source: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
                with closing(sqlite3.connect(target)) as copy:
                    told = lambda _, left, every: progress(every - left, every)  # noqa: E731
                    source.backup(copy, pages=_BACKUP_PAGES, progress=told)
                    copy.execute("PRAGMA journal_mode = DELETE")
            with explained_files(target), target.open("rb") as file:
                os.fsync(file.fileno())
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    @property
    def scrub_owed(self) -> bool:
        """Whether something was erased since the last scrub that came to its end."""
        with self.read() as connection:
            return bool(connection.exec_driver_sql("PRAGMA user_version").scalar_one() == _SCRUB_OWED)

    def scrub(self) -> bool:
        """Leave no byte of what was erased in the files: rewrite the database, then empty its log.

        It needs as much room on the disk as the database has, twice.

        Returns:
            False where somebody who reads the old state kept the log from being emptied; the scrub stays owed.

        Raises:
            LedgerError: there is no room for it.
        """
        with explained(self.path):
            run = self._connection.exec_driver_sql
            run("VACUUM")
            busy = run("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            if not busy:
                run("PRAGMA user_version = 0")
                run("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.rollback()  # of nothing: SQLAlchemy believes that a transaction has begun
            self.presence.note()
            return not busy


class Prepared:
    """A statement compiled once, for rows that are tuples in the order given here.

    SQLAlchemy's own way of taking parameters costs 2 to 4 µs a row, which is more than SQLite needs to write it.
    """

    def __init__(self, statement: Insert | Update, *order: str) -> None:
        keys = list(order) if isinstance(statement, Insert) else None
        compiled = statement.compile(dialect=_DIALECT, column_keys=keys)
        names = tuple(getattr(compiled, "positiontup", None) or ())
        self._sql = str(compiled)
        self._pick = None if names == order else itemgetter(*(order.index(name) for name in names))

    def many(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> int:
        """Execute for every row; how many rows of the table were changed."""
        if not rows:
            return 0
        if self._pick is not None:
            rows = list(map(self._pick, rows))
        return connection.exec_driver_sql(self._sql, rows).rowcount


class Lookup:
    """A query by many keys, compiled once for each of a few sizes.

    Lists of keys are filled up to the next power of two by repeating the last one, so that SQLAlchemy need not write
    the statement, nor SQLite plan it, for every length anew.

    Args:
        statement: the query for a list of parameters.
    """

    def __init__(self, statement: Callable[[Sequence[BindParameter[Any]]], Select[*tuple[Any, ...]]]) -> None:
        self._statement = statement
        self._sql: dict[int, str] = {}

    def rows(self, connection: Connection, keys: Collection[int] | Collection[str]) -> Sequence[Row[*tuple[Any, ...]]]:
        """What is found, in no order; each row once."""
        wanted: list[Any] = sorted(keys)
        found: list[Row[*tuple[Any, ...]]] = []
        for start in range(0, len(wanted), _LOOKUP_KEYS):
            part = wanted[start : start + _LOOKUP_KEYS]
            size = 1 << (len(part) - 1).bit_length()
            filled = (*part, *part[-1:] * (size - len(part)))
            found += connection.exec_driver_sql(self._of_size(size), filled).all()
        return found

    def _of_size(self, size: int) -> str:
        if size not in self._sql:
            parameters = [bindparam(f"key_{number}", type_=Integer) for number in range(size)]
            self._sql[size] = str(self._statement(parameters).compile(dialect=_DIALECT))
        return self._sql[size]


@contextmanager
def _transaction(connection: Connection, begin: str) -> Iterator[None]:
    # Begun by hand: Python's sqlite3 would begin before the first change only, which is no consistent view.
    try:
        connection.exec_driver_sql(begin)
        yield
        connection.commit()
    except BaseException:
        # What broke it is the answer, not that the same broken disk refuses to take it back; the next BEGIN says so.
        with suppress(SQLAlchemyError, sqlite3.Error):
            connection.rollback()
        raise


def _engine(path: Path, *, writable: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        mode = "rw" if writable else "ro"
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _configure(connection, writable=writable)
        except BaseException:
            connection.close()
            raise
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def _configure(connection: sqlite3.Connection, *, writable: bool) -> None:
    # Reading the schema finds at once what is not a database, or is a damaged one.
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.execute("PRAGMA foreign_keys = ON")
    if not writable:
        return
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"its file system allows no write-ahead log, only {mode}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")


def _nothing() -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False),
        poolclass=StaticPool,
    )
    metadata.create_all(engine)
    return engine


def make_folder(path: Path) -> None:
    """Make the ledger's folder (0700), if there is none.

    Raises:
        LedgerError: it cannot be made.
    """
    with explained_files(path):
        make_private_folder(path.parent)


def _make_file(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new file's name must survive a power cut as well as its content
    finally:
        os.close(folder)
