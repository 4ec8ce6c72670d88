"""The read side of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mmsflow.ledger import polls, quota, rows, runs
from mmsflow.ledger.codec import maybe_instant
from mmsflow.ledger.database import Database, ledger_path
from mmsflow.ledger.events import events_of_run
from mmsflow.ledger.lock import holder_of
from mmsflow.ledger.messages import next_not_before
from mmsflow.ledger.migrate import has_schema
from mmsflow.ledger.model import Blob, Event, FrozenInput, Holder, QuotaReading, ReportRow, RunInfo, Story, WaveRecord
from mmsflow.mms.status import Bucket, MessageState


class LedgerReader:
    """What happened, for whoever wants to know; works while another process writes.

    Every method reads one consistent view. Instants are aware, in UTC. Any of them may raise LedgerError.
    """

    def __init__(self, path: Path, database: Database) -> None:
        self.path = path
        self._database = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Open read-only; a ledger that does not exist yet reads as empty, and is not made.

        Args:
            url: ``sqlite:///PATH``.

        Raises:
            UsageError: another kind of database.
            LedgerError: it cannot be read, or a different version wrote it.
        """
        path = ledger_path(url)
        database = Database.for_reading(path)
        try:
            with database.read() as connection:
                found = has_schema(connection, path)
        except BaseException:
            database.close()
            raise
        if not found:
            database.close()
            database = Database.empty(path)
        return cls(path, database)

    def close(self) -> None:
        """Close; again is harmless."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def find_run(self, run: str) -> RunInfo | None:
        """A run by its readable id."""
        with self._database.read() as connection:
            found = runs.find_runs(connection, run=run)
        return found[0] if found else None

    def runs(self, *, account: str | None = None, campaign: str | None = None, tests: bool = True) -> list[RunInfo]:
        """Runs of an account and a campaign, or all; with or without test runs; newest first."""
        with self._database.read() as connection:
            return runs.find_runs(connection, account=account, campaign=campaign, tests=tests)

    def state_counts(self, key: int) -> dict[MessageState, int]:
        """Messages of a run by state, zeros included."""
        with self._database.read() as connection:
            return rows.state_counts(connection, key)

    def bucket_counts(self, key: int) -> dict[Bucket, int]:
        """Rows of a run's lists by bucket, zeros included; they add up to ``RunInfo.rows``."""
        with self._database.read() as connection:
            return rows.bucket_counts(connection, key)

    def waves(self, key: int) -> list[WaveRecord]:
        """The waves as planned, in order."""
        with self._database.read() as connection:
            return runs.waves_of(connection, key)

    def wave_progress(self, key: int) -> dict[int, int]:
        """Messages of each wave that are neither ready nor on the wire any more, by the wave's number."""
        with self._database.read() as connection:
            return rows.wave_progress(connection, key)

    def inputs(self, key: int) -> list[FrozenInput]:
        """The files that a run was made from."""
        with self._database.read() as connection:
            return runs.inputs_of(connection, key)

    def blob(self, sha256: str) -> Blob:
        """Frozen bytes by their digest (64 hex digits)."""
        with self._database.read() as connection:
            return runs.blob_of(connection, sha256)

    def report_rows(self, key: int) -> Iterator[ReportRow]:
        """Every row of a run's lists in their order, as of one moment; memory stays flat.

        The view is taken at the first row and kept until the iterator is exhausted or closed.
        """
        with self._database.read_beside() as connection:
            yield from rows.report_rows(connection, key)

    def stories(self, msisdn: str) -> list[Story]:
        """What happened to a number over all runs, newest run first, rows that were set aside included."""
        with self._database.read() as connection:
            return rows.stories(connection, msisdn)

    def run_events(self, key: int) -> list[Event]:
        """The run's own history: started, paused and why, ended; oldest first."""
        with self._database.read() as connection:
            return events_of_run(connection, key)

    def next_not_before(self, key: int) -> datetime | None:
        """When the earliest ready message that must wait may go; None when none must."""
        with self._database.read() as connection:
            return maybe_instant(next_not_before(connection, key))

    def outstanding(self, key: int) -> int:
        """Accepted messages whose delivery status is still to be asked."""
        with self._database.read() as connection:
            return polls.outstanding(connection, key)

    def next_poll(self, key: int) -> datetime | None:
        """When the next delivery status is to be asked; None when none is."""
        with self._database.read() as connection:
            return maybe_instant(polls.next_poll(connection, key))

    def quota_readings(self, account: str, limit: int = 100) -> list[QuotaReading]:
        """The gateway's counter as it was read, newest first."""
        with self._database.read() as connection:
            return quota.readings(connection, account, limit)

    def posts_in_period(self, account: str, period: str, key: int | None = None) -> int:
        """Requests that we have begun in a quota period, by one run or by all runs of the account."""
        with self._database.read() as connection:
            return quota.posts_in_period(connection, account, period, key)

    def sent_numbers(self, account: str, campaign: str) -> Iterator[str]:
        """Numbers (E.164) that had a message, maybe-sent ones included, in any run that was no test; each once."""
        with self._database.read_beside() as connection:
            yield from rows.sent_numbers(connection, account, campaign)

    def holder(self) -> Holder | None:
        """Who holds the right to write now; None when nobody does."""
        return holder_of(self.path)
