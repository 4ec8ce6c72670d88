"""The read side of the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mmsflow.ledger import (
    approvals,
    aside,
    earlier,
    layouts,
    notices,
    occurrences,
    pages,
    polls,
    purge,
    quota,
    rows,
    runs,
    steps,
    withheld,
)
from mmsflow.ledger.aside import AsidePage
from mmsflow.ledger.audit import Figures, Violation, audit
from mmsflow.ledger.codec import maybe_instant, to_micros
from mmsflow.ledger.database import Database, ledger_path
from mmsflow.ledger.events import events_of_run
from mmsflow.ledger.identity import identity_of, last_event
from mmsflow.ledger.lock import holder_of
from mmsflow.ledger.maybe_sent import MaybeSent, ended_state, maybe_sent
from mmsflow.ledger.messages import next_not_before
from mmsflow.ledger.migrate import has_schema
from mmsflow.ledger.model import (
    Blob,
    Event,
    FirstMessages,
    FrozenInput,
    Holder,
    QuotaReading,
    ReportRow,
    RunInfo,
    RunState,
    Story,
    WaveRecord,
)
from mmsflow.ledger.numbers import Fate, fates
from mmsflow.ledger.operation import Approval, Notice, NoticeKind, Skipped, Step
from mmsflow.ledger.pages import CurveCounts, ProblemRow
from mmsflow.ledger.purge import Hindrance, PurgedRun
from mmsflow.message.model import Layout
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
        if database is None:
            return cls(path, Database.empty(path))
        try:
            with database.read() as connection:
                found = has_schema(connection, path)
        except BaseException:
            database.close()
            raise
        if found:
            return cls(path, database)
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
        self.close()

    def find_run(self, run: str) -> RunInfo | None:
        """A run by its readable id."""
        with self._database.read() as connection:
            found = runs.find_runs(connection, run=run)
        return found[0] if found else None

    def runs(
        self,
        *,
        account: str | None = None,
        campaign: str | None = None,
        occurrence: str | None = None,
        tests: bool = True,
        due_from: datetime | None = None,
        unfinished: bool = False,
        limit: int | None = None,
    ) -> list[RunInfo]:
        """The runs that fit every filter given, newest first; all of them without any.

        Args:
            tests: with test runs.
            due_from: those of scheduled times from this instant on.
            unfinished: those that have not ended, or whose delivery reports are outstanding.
            limit: the newest so many.
        """
        with self._database.read() as connection:
            return runs.find_runs(
                connection,
                account=account,
                campaign=campaign,
                occurrence=occurrence,
                tests=tests,
                due_from=due_from,
                unfinished=unfinished,
                limit=limit,
            )

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

    def layouts(self, key: int) -> list[Layout]:
        """The distinct layouts of a run's messages, in order of first use."""
        with self._database.read() as connection:
            return layouts.layouts_of(connection, key)

    def drawn_example(self, key: int) -> str:
        """Hex SHA-256 of one part that was drawn for one recipient of a run; empty where none was drawn."""
        with self._database.read() as connection:
            return layouts.drawn_example(connection, key)

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

    def rows_page(self, key: int, buckets: Collection[Bucket], after: int, limit: int) -> list[ProblemRow]:
        """The next messages of a run that went wrong, in sending order; see ``pages.problem_rows``."""
        with self._database.read() as connection:
            return pages.problem_rows(connection, key, buckets, after, limit)

    def aside_page(self, key: int, buckets: Collection[Bucket], after: int, limit: int) -> AsidePage:
        """The next rows of a run that got no message, in the order of the lists; see ``aside.aside_page``."""
        with self._database.read() as connection:
            return aside.aside_page(connection, key, buckets, after, limit)

    def histories(self, ids: Collection[int]) -> dict[int, tuple[Event, ...]]:
        """The history of a few messages, by their ids."""
        with self._database.read() as connection:
            return pages.history_of(connection, ids)

    def curve_span(self, key: int) -> tuple[datetime, datetime] | None:
        """From a run's first submission to its last submission or delivery; None before the first."""
        with self._database.read() as connection:
            return pages.curve_span(connection, key)

    def curve_counts(self, key: int, edges: range) -> CurveCounts:
        """Messages of a run sent and delivered, by bin; ``edges`` are seconds since 1970."""
        with self._database.read() as connection:
            return pages.curve_counts(connection, key, edges)

    def run_names(self, account: str, before: int, limit: int) -> list[tuple[int, str]]:
        """Key and id of an account's runs, newest first; ``before`` is the last key seen, 0 for none."""
        with self._database.read() as connection:
            return pages.run_names(connection, account, before, limit)

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

    def first_messages(self, key: int, count: int) -> FirstMessages:
        """How the first ``count`` messages of a run stand, in sending order."""
        with self._database.read() as connection:
            return withheld.first_messages(connection, key, count)

    def oldest_uncertain(self, key: int) -> datetime | None:
        """When the oldest attempt of unknown fate began that ``unknown: resend`` may repeat; None without any."""
        with self._database.read() as connection:
            return maybe_instant(withheld.oldest_uncertain(connection, key))

    def resends(self, key: int) -> int:
        """Messages of unknown fate that ``unknown: resend`` would send once more, now or after a while."""
        with self._database.read() as connection:
            return withheld.resends(connection, key)

    def outstanding(self, key: int) -> int:
        """Accepted messages whose delivery status is still to be asked."""
        with self._database.read() as connection:
            return polls.outstanding(connection, key)

    def awaited_since(self, key: int, accepted_after: datetime) -> bool:
        """Whether a message that was accepted after that instant still waits for its report."""
        with self._database.read() as connection:
            return polls.awaited_since(connection, key, to_micros(accepted_after))

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

    def posts_of_campaigns(self, account: str, period: str) -> dict[str, int]:
        """Requests that we have begun in a quota period, by campaign."""
        with self._database.read() as connection:
            return quota.posts_of_campaigns(connection, account, period)

    def sent_numbers(self, account: str, campaign: str) -> Iterator[str]:
        """Numbers (E.164) that had a message, maybe-sent ones included, in any run that was no test; each once."""
        with self._database.read_beside() as connection:
            yield from earlier.received_numbers(connection, account, [campaign])

    def known_names(self, account: str) -> set[str]:
        """The campaigns and run ids of an account, without tests."""
        with self._database.read() as connection:
            return earlier.names_of(connection, account)

    def received_numbers(self, account: str, names: Sequence[str], buckets: Collection[Bucket] = ()) -> Iterator[str]:
        """Numbers (E.164) of messages of these campaigns or runs, ascending, each once; tests do not count.

        Args:
            buckets: in which the message must have ended; without any, every message that left, or may have.
        """
        with self._database.read_beside() as connection:
            yield from earlier.received_numbers(connection, account, names, buckets)

    def capped_numbers(self, account: str, since: datetime, least: int) -> Iterator[tuple[str, int]]:
        """Numbers (E.164) with at least so many messages since an instant, ascending, with how many."""
        with self._database.read_beside() as connection:
            yield from earlier.capped_numbers(connection, account, to_micros(since), least)

    def recent_counts(
        self, account: str, numbers: Sequence[str], since: datetime, *, except_run: int
    ) -> dict[str, int]:
        """How many messages each of a few numbers had since an instant, in other runs than ``except_run``."""
        with self._database.read() as connection:
            return earlier.recent_counts(connection, account, numbers, to_micros(since), except_run)

    def fates(self, first: int, second: int) -> Iterator[Fate]:
        """Every number of two runs with its bucket in each, in the order of the numbers, as of one moment."""
        with self._database.read_beside() as connection:
            yield from fates(connection, first, second)

    def maybe_sent(self, key: int, *, evidence: bool = False) -> Iterator[MaybeSent]:
        """The messages of a run that were maybe sent, in sending order; with ``evidence`` each with its history."""
        with self._database.read_beside() as connection:
            yield from maybe_sent(connection, key, evidence=evidence)

    def ended_state(self, key: int) -> RunState:
        """The state of a run that has nothing left to send."""
        with self._database.read() as connection:
            return ended_state(connection, key)

    def hindrance(self, key: int, *, even_maybe_sent: bool = False) -> Hindrance | None:
        """What stands in the way of removing a run's personal data; None when nothing does."""
        with self._database.read() as connection:
            return purge.hindrance(connection, runs.run_by_key(connection, key), even_maybe_sent=even_maybe_sent)

    def last_touched(self, key: int) -> datetime:
        """When anything last happened to a run or to one of its messages."""
        with self._database.read() as connection:
            return purge.last_touched(connection, runs.run_by_key(connection, key))

    def purged_runs(self, account: str) -> list[PurgedRun]:
        """The runs of an account whose personal data were removed, the first one first; tests do not count."""
        with self._database.read() as connection:
            return purge.purged_runs(connection, account)

    def accounted_until(self, account: str, campaign: str) -> datetime | None:
        """Every scheduled time up to this instant has a run or was skipped; None for a campaign never watched."""
        with self._database.read() as connection:
            return occurrences.accounted_until(connection, account, campaign)

    def skips(self, account: str, campaign: str, limit: int = 100) -> list[Skipped]:
        """Scheduled times that got no run, newest first."""
        with self._database.read() as connection:
            return occurrences.skips_of(connection, account, campaign, limit)

    def last_approval(self, account: str, campaign: str) -> Approval | None:
        """The newest approval of a campaign; it holds for the plan with its digest only, and for one run of it."""
        with self._database.read() as connection:
            return approvals.last_approval(connection, account, campaign)

    def approval_for(self, key: int) -> Approval | None:
        """The approval that a run was begun with; None where nobody was asked."""
        with self._database.read() as connection:
            return approvals.approval_for(connection, key)

    def notices(
        self,
        account: str,
        limit: int = 100,
        *,
        open_only: bool = False,
        kinds: Collection[NoticeKind] = (),
        prefix: str = "",
    ) -> list[Notice]:
        """What people were told of, newest first.

        Args:
            open_only: what has not been settled.
            kinds: of these kinds; of any when empty.
            prefix: how the name begins.
        """
        with self._database.read() as connection:
            return notices.last_notices(connection, account, limit, open_only=open_only, kinds=kinds, prefix=prefix)

    def next_post_at(self, channel: str = "") -> datetime | None:
        """When the next notice is to go out, by one channel, or by any when empty; None when none is."""
        with self._database.read() as connection:
            return notices.next_post_at(connection, channel)

    def posts_given_up(self, since: datetime) -> list[tuple[str, str]]:
        """Channel and last error of notices made since an instant that will not go out any more, newest first."""
        with self._database.read() as connection:
            return notices.posts_given_up(connection, since)

    def identity(self) -> str:
        """Which ledger this is, 32 hex digits that every copy of it shares; empty where none has been made yet."""
        with self._database.read() as connection:
            return identity_of(connection)

    def last_event(self, key: int) -> int:
        """The number of the newest step in a run's history; it only ever grows."""
        with self._database.read() as connection:
            return last_event(connection, key)

    def newest_step(self) -> int:
        """The number of the newest step in the history of anything; 0 when there is none."""
        with self._database.read() as connection:
            return steps.newest(connection)

    def steps_after(self, number: int, limit: int) -> list[Step]:
        """The next steps of messages of any run after that one, oldest first, ``limit`` at most."""
        with self._database.read() as connection:
            return steps.after(connection, number, limit)

    def run_counts(self, account: str) -> dict[RunState, int]:
        """Runs of an account by state, without tests, zeros included."""
        with self._database.read() as connection:
            return runs.count_runs(connection, account)

    def audit(self, key: int, figures: Figures) -> Iterator[Violation]:
        """Everything that is wrong with a run's books, as of one moment; ``figures`` count what was gone through."""
        with self._database.read_beside() as connection:
            yield from audit(connection, key, figures)

    def holder(self) -> Holder | None:
        """Who holds the right to write now; None when nobody does."""
        return holder_of(self.path)
