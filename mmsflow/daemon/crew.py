"""Runs that the daemon carries out, each as a task of its own; what one of them meets never ends the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from mmsflow.daemon.reporting import Reporting
from mmsflow.daemon.run_news import RunNews
from mmsflow.daemon.telling import Teller
from mmsflow.delivery.progress import Snapshot
from mmsflow.delivery.resting import rest
from mmsflow.engine.embedded import Engine
from mmsflow.errors import LedgerError, MmsflowError
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.mms.status import Bucket
from mmsflow.settings import Settings
from mmsflow.workflow.guard import leave_marker
from mmsflow.workflow.run import carry_on, report_run, what_was_written
from mmsflow.workflow.standing import goes_on, has_unsent, resends_left

_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 900.0


@dataclass(slots=True, eq=False)
class _Carried:
    """A run's task.

    Attributes:
        nudge: ends its pause before another try.
        again: it was asked for while it came to rest, such as while its report was written.
        sends: whether the gateway has answered any of its requests since it was tried last.
    """

    run: RunInfo
    task: asyncio.Task[None] | None = None
    nudge: asyncio.Event = field(default_factory=asyncio.Event)
    snapshot: Snapshot | None = None
    again: bool = False
    sends: bool = False


class Crew:
    """Carries runs out side by side.

    Args:
        engine: of this process; it heeds neither signals nor requests.
        settings: in force.
        teller, news, reporting: told of what becomes of each run.
        rested: called when something has changed that campaigns may wait for.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        teller: Teller,
        news: RunNews,
        reporting: Reporting,
        rested: Callable[[], None],
    ) -> None:
        self._engine, self._settings, self._teller, self._news = engine, settings, teller, news
        self._reporting, self._rested = reporting, rested
        self._carried: dict[str, _Carried] = {}
        self._stopping = False

    def runs(self) -> tuple[RunInfo, ...]:
        """The runs that have a task now."""
        return tuple(each.run for each in list(self._carried.values()))

    def snapshot(self, run: str) -> Snapshot | None:
        """Where a run is; None for one that has no task."""
        carried = self._carried.get(run)
        return carried.snapshot if carried else None

    @property
    def is_stopping(self) -> bool:
        """Whether no run is taken up any more."""
        return self._stopping

    def carry(self, run: RunInfo) -> None:
        """Carry a run out from now on; one that waits for another try, or comes to rest, is tried at once."""
        if (carried := self._carried.get(run.run)) is not None:
            carried.again = True
            carried.nudge.set()
            return
        if self._stopping:
            return
        carried = self._carried[run.run] = _Carried(run)
        carried.task = asyncio.ensure_future(self._carry(carried))

    def hold(self) -> None:
        """From now on no run begins a request; what is on the wire is still settled."""
        self._stopping = True
        for live in self._engine.live:
            live.stop()
        for carried in self._carried.values():
            carried.nudge.set()

    async def stop(self, seconds: float) -> None:
        """Begin nothing more, settle what is on the wire; what has not ended after so many seconds is cut off."""
        self.hold()
        ended = asyncio.ensure_future(self._all_ended())
        late = asyncio.ensure_future(self._engine.clock.sleep(seconds))
        try:
            await asyncio.wait({ended, late}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
            self.cut_off()
            await ended

    def cut_off(self) -> None:
        """End every task now; what is on the wire becomes "maybe sent"."""
        self._stopping = True
        for carried in self._carried.values():
            if carried.task is not None:
                carried.task.cancel()

    async def _all_ended(self) -> None:
        tasks = [carried.task for carried in self._carried.values() if carried.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, carried: _Carried) -> None:
        run, pause = carried.run, _FIRST_PAUSE
        try:
            if self._is_held(run):
                return  # paused between the word that it goes on and this moment
            while True:
                carried.again = False
                error = await self._once(carried)
                if carried.again and self._may_try_again(run):
                    carried.nudge.clear()
                    pause = _FIRST_PAUSE
                    continue
                self._came_to_rest(run, error)
                if not self._tries_again(run, error):
                    return
                # A gateway that refuses, a list or a ledger that cannot be read: each may mend without a person.
                await rest(self._engine.clock, carried.nudge, pause)
                pause = min(_LONGEST_PAUSE, 2 * pause)
                if not self._may_try_again(run):
                    return
        except MmsflowError as error:
            self._teller.error(f"carrying out {run.run}", error)
        except Exception as error:
            self._crashed(run, error)
        finally:
            self._carried.pop(run.run, None)
            self._rested()

    async def _once(self, carried: _Carried) -> MmsflowError | None:
        run, ledger, carried.sends = carried.run, self._engine.ledger, False
        campaign_file = self._settings.workspace / run.campaign_file

        def mark(taken: RunInfo) -> None:
            leave_marker(ledger, taken, campaign_file)

        self._teller.owe(run)
        self._teller.settle(f"unfinished/{run.run}")
        self._teller.event("run_started", run=run.run, campaign=run.campaign)
        error = await carry_on(
            self._engine,
            run,
            workspace=self._settings.workspace,
            no_wait=False,
            observer=partial(self._seen, carried),
            taken=mark,
            suppression=self._settings.suppression,
        )
        with suppress(LedgerError):  # what was there before still tells a lost ledger, only a little less sharply
            mark(run)
        if ledger.vanished is None:
            await self._reporting.write(run)
        else:
            with what_was_written(ledger, self._settings.workspace) as saved:
                report_run(saved, run, self._settings.workspace, now=self._engine.clock.now())
        return error

    def _seen(self, carried: _Carried, snapshot: Snapshot) -> None:
        before, carried.snapshot = carried.snapshot, snapshot
        if before is not None and _taken(snapshot) > _taken(before) and not carried.sends:
            # Not before: a run that is tried again and again in vain is one pause, told once.
            carried.sends = True
            self._teller.settle(f"paused/{carried.run.run}")
        sent = snapshot.unsent == 0 and snapshot.waiting_for_reports and before is not None and before.unsent
        if sent:
            self._reporting.begin(carried.run)
            self._teller.event("run_sent", run=carried.run.run)
            self._rested()
        if (sent or before is None) and snapshot.buckets.get(Bucket.MAYBE_SENT):
            with suppress(LedgerError):  # told at its end at the latest
                self._news.doubts(carried.run)
        self._teller.changes.note()

    def _tries_again(self, run: RunInfo, error: MmsflowError | None) -> bool:
        if self._stopping or self._engine.ledger.vanished is not None:
            return False
        current = self._engine.ledger.find_run(run.run) or run
        if current.state is RunState.PAUSED:
            return not current.paused_by.needs_person
        return isinstance(error, LedgerError)

    def _may_try_again(self, run: RunInfo) -> bool:
        current = self._engine.ledger.find_run(run.run) or run
        person = current.state is RunState.PAUSED and current.paused_by is PausedBy.USER
        return not self._stopping and not person and goes_on(self._engine.ledger, current)

    def _is_held(self, run: RunInfo) -> bool:
        """Whether a person's pause keeps something of it from being sent."""
        ledger = self._engine.ledger
        current = ledger.find_run(run.run) or run
        person = current.state is RunState.PAUSED and current.paused_by is PausedBy.USER
        return person and (has_unsent(ledger, current) or resends_left(ledger, current) > 0)

    def _came_to_rest(self, run: RunInfo, error: MmsflowError | None) -> None:
        current = self._engine.ledger.find_run(run.run) or run
        if self._stopping and goes_on(self._engine.ledger, current):
            return  # the next start goes on with it, or says why it does not
        self._news.at_rest(current, error, by_itself=self._tries_again(run, error))

    def _crashed(self, run: RunInfo, error: Exception) -> None:
        """An unforeseen error: the run rests until a person looks, the daemon goes on."""
        reason = f"an unforeseen error stopped it ({type(error).__name__})"
        self._teller.error(f"carrying out {run.run}", error)
        with suppress(LedgerError):
            if has_unsent(self._engine.ledger, run):
                # As of a breaker: neither this process nor the next one tries it again by itself.
                self._engine.ledger.pause(run.key, PausedBy.BREAKER, reason)
            self._news.crashed(self._engine.ledger.find_run(run.run) or run, reason)


def _taken(snapshot: Snapshot) -> int:
    """Messages whose request the gateway has answered, for good or ill."""
    return sum(n for bucket, n in snapshot.buckets.items() if bucket is Bucket.ACCEPTED or bucket.is_decided)
