"""The ledger: one writer at a time, everything it does durable before it returns."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from mmsflow.audience.model import SetAside
from mmsflow.clock import Clock, SystemClock
from mmsflow.errors import LedgerUnavailable, RunUnfinished
from mmsflow.ledger import freeze, messages, polls, purge, runs, withheld
from mmsflow.ledger.backup import Copied, OnPages, move_out
from mmsflow.ledger.codec import to_micros
from mmsflow.ledger.database import Database, ledger_path, make_folder
from mmsflow.ledger.evidence import EvidenceJournal, Witnessed
from mmsflow.ledger.fingerprint import ensure_key
from mmsflow.ledger.history import LedgerReader
from mmsflow.ledger.identity import ensure_identity
from mmsflow.ledger.layouts import Layouts
from mmsflow.ledger.lock import WriteLock
from mmsflow.ledger.maybe_sent import Decision, decide
from mmsflow.ledger.migrate import migrate
from mmsflow.ledger.model import (
    DuePoll,
    NewRun,
    Outcome,
    PausedBy,
    PollResult,
    ReadyMessage,
    Refusal,
    RunInfo,
    RunState,
)
from mmsflow.ledger.presence import LedgerVanished
from mmsflow.ledger.sending_guard import SendingGuard
from mmsflow.ledger.takeover import cancel_carried, cancel_run, take_run
from mmsflow.ledger.writing_operation import OperationWriting
from mmsflow.message.model import PlannedMessage
from mmsflow.mms.status import MessageState

__all__ = ["Ledger", "LedgerReader"]


class Ledger(OperationWriting, LedgerReader):
    """The ledger, open for writing. Every method that writes is one short transaction: all of it or nothing."""

    def __init__(
        self, path: Path, database: Database, lock: WriteLock, clock: Clock, witnesses: Path | None = None
    ) -> None:
        super().__init__(path, database, witnesses)
        self._lock = lock
        self._clock = clock
        self._layouts = Layouts()
        self._begun, self._begun_in_all = Counter[int](), 0
        self._shared = Counter[int]()
        self.evidence = EvidenceJournal(path)
        database.presence.lock, database.presence.lock_key = lock.path, lock.key
        self.guard = SendingGuard(database, witnesses)
        self._rescued: Path | None = None

    @classmethod
    def open(cls, url: str, *, command: str = "", clock: Clock | None = None, witnesses: Path | None = None) -> Self:
        """Take the right to write, make the file if there is none, and bring it to this version's schema.

        Args:
            url: ``sqlite:///PATH``.
            command: what this process was asked to do, shown to others that want to write.
            clock: for the instants that the ledger notes by itself; the system's when not given.
            witnesses: the folder of the witnesses; None keeps none, so that copies are not told apart.

        Raises:
            UsageError: another kind of database.
            RunHeld: another process writes.
            LedgerError: it cannot be written, or a newer version wrote it.
        """
        path, clock = ledger_path(url), clock or SystemClock()
        make_folder(path)
        lock = WriteLock.take(path, command=command, now=clock.now())
        try:
            return cls(path, _migrated(path), lock, clock, witnesses)
        except BaseException:
            lock.release()
            raise

    def move_out(self, target: Path, now: datetime, *, replace: bool, on_pages: OnPages) -> Copied:
        """Copy this ledger to ``target`` and close it here: it is never sent with again, the copy goes on.

        Raises:
            UsageError: the target exists, and is not to be replaced.
            LedgerError: it cannot be written; the ledger is as it was.
        """
        self.guard.release()
        return move_out(self._database, target, now, replace=replace, on_pages=on_pages)

    @property
    def vanished(self) -> LedgerVanished | None:
        """Why the file is not the one that was opened any more; None as long as it is."""
        with suppress(LedgerVanished):
            self._database.presence.look()
        return self._database.presence.error

    def rescue(self, elsewhere: Path) -> Path:
        """Save what this process has written to a ledger that vanished into a file of its own; again is harmless.

        Args:
            elsewhere: a folder to save it in where the ledger's own is gone.

        Raises:
            LedgerError: it cannot be saved.
        """
        if self._rescued is None:
            folder = self.path.parent if self.path.parent.is_dir() else elsewhere
            stamp = self._clock.now().strftime("%Y%m%d-%H%M%S")
            target = folder / f"{self.path.name}.rescued-{stamp}-{os.getpid()}"
            self._database.copy_to(target)
            self._rescued = target
        return self._rescued

    def close(self) -> None:
        """Close and give the right to write up; again is harmless."""
        self.guard.release()
        try:
            super().close()
        finally:
            self._lock.release()

    def freeze_run(
        self, new: NewRun, messages: Iterable[tuple[PlannedMessage, int]], set_aside: Iterable[SetAside]
    ) -> RunInfo:
        """Store a run with all rows of its lists; an exception on the way, also out of the iterables, leaves none.

        Args:
            new: the run; ``new.rows`` is what both iterables have together.
            messages: in sending order, each with the number of its wave; consumed to its end first.
            set_aside: rows that get no message. Neither may call this ledger while it is consumed, except for
                iterating ``report_rows`` or ``sent_numbers``.

        Raises:
            LedgerError: a row is missing or there twice, a number has two messages, the run exists; or the witness
                cannot be written.
            PlanRefused: a person has to decide about the ledger first.
        """
        # Before there is anything unfinished: a ledger without it goes on wherever it was copied to.
        self.guard.before_claim(self._clock.now())
        names = self.names_of(new.account)
        with self._database.write() as connection:
            key = freeze.freeze(connection, new, messages, set_aside, names)
            run = runs.run_by_key(connection, key)
        self._database.checkpoint()  # whoever copies the main file alone has the run, and what of it is unsent
        return run

    def take_run(self, key: int) -> RunInfo:
        """Begin to carry a run out: fence + 1, state running (an ended run keeps its state).

        In the same transaction the evidence journal is written back, and what an earlier process left in
        ``sending`` otherwise becomes ``unknown``. A breaker that had tripped is overridden.

        Raises:
            LedgerError: it, the journal or the witness cannot be written; nothing may be sent then.
            PlanRefused: something is unsent, and a person has to decide about the ledger first.
        """
        if self._has_unsent(key):
            # Before anybody is told that it was taken up: a copy that was taken from now on knows this epoch.
            self.guard.before_claim(self._clock.now())
        self._database.presence.look()
        with self._taking_over() as (connection, witnessed):
            return take_run(connection, key, self._clock.now(), witnessed)

    def _has_unsent(self, key: int) -> bool:
        counts = self.state_counts(key)
        return bool(counts[MessageState.READY] + counts[MessageState.SENDING])

    def cancel_run(self, key: int) -> int:
        """End a run that nobody carries out, what is left of it unsent for good; how many messages that are.

        What an earlier process left behind is settled in the same transaction, as ``take_run`` does it.

        Raises:
            LedgerError: it, or the journal, cannot be written; the run is as it was.
        """
        with self._taking_over() as (connection, witnessed):
            return cancel_run(connection, key, self._clock.now(), witnessed)

    def cancel_carried(self, key: int) -> int:
        """The same for a run that this process carries out; its sender sets it cancelled when nothing is on the wire.

        Whoever takes the run, should this process die before, finds that it is cancelled.
        """
        with self._database.write() as connection:
            return cancel_carried(connection, runs.run_by_key(connection, key), self._clock.now())

    @contextmanager
    def _taking_over(self) -> Iterator[tuple[Connection, list[Witnessed]]]:
        """One transaction in which the evidence journal is written back; it is empty afterwards."""
        identity = self.identity()
        with self._explained_journal():
            witnessed = self.evidence.prepare(identity)
        with self._database.write() as connection:
            yield connection, witnessed
        with self._explained_journal():
            self.evidence.clear()  # nothing old may stand in it under the new fence

    @contextmanager
    def _explained_journal(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LedgerUnavailable(
                f"the evidence journal {self.evidence.path} cannot be written: {error.strerror or error}",
                "Make room on its disk, and make it and its folder writable for you; without it nothing is sent.",
                cause="journal_not_written",
            ) from error

    def set_state(
        self,
        key: int,
        state: RunState,
        *,
        paused_by: PausedBy = PausedBy.NOBODY,
        reason: str = "",
        resumes_at: datetime | None = None,
        cause: str = "",
    ) -> None:
        """Set where a run is; see RunInfo for the arguments."""
        with self._database.write() as connection:
            run = runs.run_by_key(connection, key)
            runs.set_state(
                connection,
                run,
                state,
                now=self._clock.now(),
                paused_by=paused_by,
                reason=reason,
                resumes_at=resumes_at,
                cause=cause,
            )

    def pause(
        self, key: int, by: PausedBy, reason: str, resumes_at: datetime | None = None, *, cause: str = ""
    ) -> None:
        """Pause a run for what sending has met. What a person decided, a pause or the end, stands.

        See RunInfo for the arguments.
        """
        with self._database.write() as connection:
            run = runs.run_by_key(connection, key)
            now = self._clock.now()
            runs.pause(connection, run, by, now=now, reason=reason, resumes_at=resumes_at, cause=cause)

    def note(self, key: int, text: str, detail: Mapping[str, object] | None = None) -> None:
        """Add a step that moves nothing to a run's own history, such as who asked for what; ``detail`` is JSON-able."""
        with self._database.write() as connection:
            runs.note(connection, runs.run_by_key(connection, key), text, detail or {}, self._clock.now())

    def begun_by_hand(self, key: int, who: str) -> None:
        """Keep who began a run, as ``LedgerReader.begun_by`` tells it."""
        self.note(key, f"begun by {who}", {"begun_by": who})

    def ready(self, key: int, *, now: datetime, after: int, limit: int) -> list[ReadyMessage]:
        """Messages that may be sent at ``now``, with ids above ``after``, in sending order, ``limit`` at most."""
        with self._database.read() as connection:
            return messages.ready_messages(connection, self._layouts, key, now=now, after=after, limit=limit)

    def commit(
        self,
        key: int,
        fence: int,
        *,
        outcomes: Sequence[Outcome],
        intents: Sequence[int],
        now: datetime,
        period: str,
    ) -> list[int]:
        """Settle what has come in, then note what is about to be sent; durable when it returns.

        Args:
            key, fence: of the run as ``take_run`` returned it.
            outcomes: each applies to ``sending`` of the same attempt and fence, or to ``unknown`` of the same attempt
                when a reply came after all (accepted, accepted_noid, rejected); any other changes nothing, but is
                kept in the message's history.
            intents: ids of ready messages, which become ``sending`` with attempt + 1.
            now: the intents' instant.
            period: the quota period that the intents count in.

        Returns:
            The ids whose intent took, in the order given; only these may be sent.

        Raises:
            LedgerError: the fence is not the run's any more (nothing was changed), or the disk is full; with intents
                also where the file vanished, or the witness cannot be written.
            PlanRefused: intents of a ledger that a person has to decide about first.
            IllegalTransition: an outcome names a state that sending cannot lead to.
        """
        if intents:
            self.guard.before_claim(self._clock.now())
        # Before it is known whether they took: a commit that fails may have become durable.
        self._begun[key] += len(intents)
        self._begun_in_all += len(intents)
        shared: Counter[int] = Counter()
        with self._database.write() as connection:
            begun = messages.commit(
                connection, key, fence, outcomes=outcomes, intents=intents, now=now, period=period, shared=shared
            )
            progress = self.guard.progress(connection, key, begun)
        self.guard.claimed(key, progress)
        self._shared += shared
        return begun

    def take_shared_ids(self, key: int) -> int:
        """How many messages of a run were found to share their id with others since this was called last."""
        return self._shared.pop(key, 0)

    def begun_elsewhere(self, key: int) -> int:
        """How many intents were to be noted for other runs since the ledger was opened; it only grows."""
        return self._begun_in_all - self._begun[key]

    def due_polls(self, key: int, *, now: datetime, limit: int) -> list[DuePoll]:
        """Accepted messages whose next question is due, the longest due first, ``limit`` at most."""
        with self._database.read() as connection:
            return polls.due_polls(connection, key, now=now, limit=limit)

    def sample_polls(self, key: int, *, now: datetime | None = None, after: int = 0, limit: int) -> list[DuePoll]:
        """Some accepted messages that wait for their report, drawn from all of them; with ``now`` only what is due."""
        with self._database.read() as connection:
            return polls.sample_polls(connection, key, now=now, after=after, limit=limit)

    def mark_unasked(self, key: int, reason: str) -> int:
        """Each accepted message that was never asked about gets this reason; how many."""
        with self._database.write() as connection:
            return polls.mark_unasked(connection, key, reason)

    def polls_by_id(self, key: int, *, after: int, limit: int) -> list[DuePoll]:
        """Accepted messages that wait for their report, due or not, with ids above ``after``, ``limit`` at most."""
        with self._database.read() as connection:
            return polls.polls_by_id(connection, key, after=after, limit=limit)

    def record_polls(self, key: int, results: Sequence[PollResult]) -> None:
        """Write answers to status questions down; a final state never changes.

        Raises:
            LedgerVanished: nobody would ever read them.
        """
        self._database.presence.look()
        with self._database.write() as connection:
            polls.record_polls(connection, key, results)

    def end_unsent(self, key: int, reason: str, code: str) -> int:
        """Every ready message of a run becomes ``not_sent`` (cancelled, or its time has passed); how many."""
        with self._database.write() as connection:
            return messages.end_unsent(connection, key, reason, code, to_micros(self._clock.now()))

    def suppress(self, key: int, refusals: Sequence[Refusal]) -> list[int]:
        """Ready messages whose recipient refuses by now become ``suppressed``; the ids of those that did."""
        with self._database.write() as connection:
            return withheld.suppress(connection, key, refusals, to_micros(self._clock.now()))

    def resend_uncertain(self, key: int, before: datetime) -> list[MessageState]:
        """Messages of unknown fate become ready, each once, if their attempt began at or before ``before``.

        For campaigns that say ``unknown: resend``.

        Returns:
            The state that each of them was in.
        """
        with self._database.write() as connection:
            return withheld.resend_uncertain(connection, key, to_micros(before), to_micros(self._clock.now()))

    def decide(self, key: int, decisions: Sequence[Decision]) -> list[tuple[MessageState, MessageState]]:
        """What a person says about messages that were maybe sent; the run's state follows.

        Returns:
            The move of each message that was changed, ``(old, new)``; what is no longer maybe sent is left alone.

        Raises:
            LedgerError: one of them is not of this run; nothing was changed.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return decide(connection, key, decisions, at=to_micros(now), now=now)

    def purge(self, key: int, now: datetime, *, even_maybe_sent: bool = False) -> None:
        """Remove the personal data of a run that has ended; its counts and its history stay. Again is harmless.

        What was removed is overwritten, but copies of it may stand in free pages and in the log until ``scrub``.

        Args:
            even_maybe_sent: also where messages were maybe sent, which nobody can settle any more then.

        Raises:
            RunUnfinished: something of it is still to be done, or a person has to decide; nothing was changed.
            LedgerError: it cannot be written.
        """
        for _ in self.purge_in_steps(key, now, even_maybe_sent=even_maybe_sent):
            pass

    def purge_in_steps(self, key: int, now: datetime, *, even_maybe_sent: bool = False) -> Iterator[int]:
        """The same a thousand rows a step, so that others can write in between; nothing is done before the first.

        From the first step on the run counts as purged. What is cut off between two steps is finished by ``scrub``.

        Yields:
            The rows done so far, after each step, which is one short transaction.

        Raises:
            RunUnfinished, LedgerError: as ``purge``; the former at the first step.
        """
        with self._database.erase() as connection:
            run = runs.run_by_key(connection, key)
            if run.purged_at is None:
                if why := purge.hindrance(connection, run, even_maybe_sent=even_maybe_sent):
                    raise RunUnfinished(
                        f"the personal data of {run.run} stay: {why.reason}", why.advice, cause="purge_hindered"
                    )
                purge.begin(connection, run, now)
            stretches = purge.stretches(connection, key)
        done = 0
        yield done
        for stretch in stretches:
            with self._database.erase() as connection:
                done += purge.erase(connection, key, stretch)
            yield done

    def half_purged(self) -> list[RunInfo]:
        """The runs of which a purge was cut off between two steps."""
        if not self.scrub_owed:
            return []
        with self._database.read() as connection:
            return [runs.run_by_key(connection, key) for key in purge.half_done(connection)]

    @property
    def scrub_owed(self) -> bool:
        """Whether something was purged since the last ``scrub`` that came to its end."""
        return self._database.scrub_owed

    def scrub(self) -> bool:
        """Leave no byte of what was purged in the ledger's files; does nothing where nothing is left to be done.

        It rewrites the whole file, so nothing may be on the wire meanwhile. A purge that was cut off is finished first.

        Returns:
            False where another process that reads, or evidence that is still needed, kept something back; call again.

        Raises:
            LedgerError: there is no room for it.
        """
        if not self.scrub_owed:
            return True
        for run in self.half_purged():
            self.purge(run.key, self._clock.now())
        identity = self.identity()
        with self._explained_journal():
            forgotten = self.evidence.clear_unless(identity, self._is_needed)
        return self._database.scrub() and forgotten

    def _is_needed(self, entry: Witnessed) -> bool:
        with self._database.read() as connection:
            run = runs.find_by_key(connection, entry.run_key)
            return run is not None and not run.state.is_ended


def _migrated(path: Path) -> Database:
    database = Database.for_writing(path)
    try:
        with database.write() as connection:
            migrate(connection, path)
            ensure_identity(connection)
            ensure_key(connection)
    except BaseException:
        database.close()
        raise
    return database
