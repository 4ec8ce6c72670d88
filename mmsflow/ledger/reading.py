"""A ledger that is open for reading: what every kind of question to it starts from."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from mmsflow.errors import LedgerError
from mmsflow.first_failure import tell_beside
from mmsflow.ledger.database import Database, ledger_path
from mmsflow.ledger.migrate import has_schema
from mmsflow.ledger.stop_file import StopFile

NamesOf = Callable[[str], Collection[str]]
"""Every name of an account, itself included."""


class Reading:
    """An open ledger. The questions to it are in ``reading_…``, by subject; ``LedgerReader`` has all of them.

    Attributes:
        names_of: which names of accounts mean the same one; every question about an account is about all of them.
    """

    def __init__(self, path: Path, database: Database, witnesses: Path | None = None) -> None:
        self.path = path
        self.stop_file = StopFile(path)
        self._database = database
        self._witnesses = witnesses
        self.names_of: NamesOf = lambda account: (account,)

    @classmethod
    def open(cls, url: str, *, witnesses: Path | None = None) -> Self:
        """Open read-only; a ledger that does not exist yet reads as empty, and is not made.

        Args:
            url: ``sqlite:///PATH``.
            witnesses: the folder of the witnesses; None where copies need not be told apart.

        Raises:
            UsageError: another kind of database.
            LedgerError: it cannot be read, or a different version wrote it.
        """
        path = ledger_path(url)
        database = Database.for_reading(path)
        if database is None:
            return cls(path, Database.empty(path))
        try:
            with database.read() as connection:
                found = has_schema(connection, path)
        except BaseException:
            database.close()
            raise
        if found:
            return cls(path, database, witnesses)
        database.close()
        return cls(path, Database.empty(path))

    def close(self) -> None:
        """Close; again is harmless."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except LedgerError as second:
            if error is None:
                raise
            tell_beside(error, second)
