"""The scheduled times of one campaign, from the moment it is watched: what each look finds, what was settled."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mmsflow.campaign.recurrence import times_as_text, times_from_text
from mmsflow.campaign.schedule import Schedule
from mmsflow.daemon.beginning import Awaited
from mmsflow.daemon.catalogue import Version
from mmsflow.daemon.changeover import Settled, changed_over, times_left
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import Approval, Skipped
from mmsflow.ledger.store import LedgerReader
from mmsflow.workflow.occurrence_facts import Watch, accounted_from, came_due, facts_of
from mmsflow.workflow.occurrences import MISSED, OVERTAKEN, Hindrance, Verdict, Waits, decide
from mmsflow.workflow.openings import Openings


@dataclass(slots=True, eq=False)
class Timetable:
    """One campaign's times.

    Attributes:
        account: whose runs count.
        version: of the campaign file in force.
        accounted: every scheduled time up to this instant has a run or was skipped.
        counted: the schedule that those times are of, as ``times_as_text`` has it; empty where that is not known.
        watched_since: somebody was there to begin from this instant on.
        changing: its file has changed or is gone, which is not written down yet: nothing is begun until then.
        beginning: the work at a time that has come; None while there is none.
        asked_for, digest, unanswered: the time and plan that a person was asked to approve.
        approval: the campaign's newest when they were asked.
        asked_at: when an earlier process asked them; None where this one did.
        hindrance: what was in the way when a time was tried last.
        verdict: of the last look.
        next_due: the first time that has not come yet; None where there is none.
        upcoming: the first of these that will have a run: its window does not stay closed until the one after it.
    """

    account: str
    version: Version
    accounted: datetime
    watched_since: datetime
    counted: str = ""
    changing: bool = False
    beginning: asyncio.Task[None] | None = None
    asked_for: datetime | None = None
    digest: str = ""
    unanswered: bool = False
    approval: Approval | None = None
    asked_at: datetime | None = None
    hindrance: Hindrance | None = None
    verdict: Verdict = field(default_factory=Verdict)
    next_due: datetime | None = None
    upcoming: datetime | None = None
    _looked_ahead: tuple[datetime | None, Version] | None = None

    @classmethod
    def watch(cls, ledger: LedgerReader, account: str, version: Version, now: datetime) -> Timetable:
        """Begin to watch a campaign; one that was never watched before accounts from now on.

        Its one start may lie in the past all the same: begun within its grace, else skipped with its reason. Where an
        earlier process accounted for the times of another schedule, ``changed`` says what becomes of them.
        """
        accounted = accounted_from(ledger, account, version.campaign, now)
        return cls(account, version, accounted, now, counted=ledger.accounted_schedule(account, version.name))

    @property
    def name(self) -> str:
        return self.version.name

    @property
    def schedule(self) -> Schedule:
        return self.version.campaign.schedule

    @property
    def pending(self) -> datetime | None:
        """The time that has come and is neither begun nor skipped."""
        return self.verdict.begin or self.verdict.waiting

    def look(self, ledger: LedgerReader, now: datetime) -> Verdict:
        """What is to be done at this instant; ``settle`` is told what was done of it."""
        came = came_due(self.schedule, self.accounted, now)
        self.next_due = came.next_due
        self._look_ahead(now)
        if not came.times:
            self.verdict = Verdict(until=self.next_due)
            return self.verdict
        facts = facts_of(ledger, self.account, self.version.campaign, came, self._watch, now)
        self.unanswered = facts.unanswered
        self.verdict = decide(facts)
        return self.verdict

    @property
    def _watch(self) -> Watch:
        return Watch(
            watched_since=self.watched_since,
            asked_for=self.asked_for,
            asked_at=self.asked_at,
            approval=self.approval,
            unanswered=self.unanswered,
            hindrance=self.hindrance,
        )

    def settled(self, verdict: Verdict) -> None:
        """What a verdict says was written down."""
        if verdict.accounted is not None:
            self._account(verdict.accounted)

    def _account(self, until: datetime) -> None:
        self.accounted = max(self.accounted, until)
        if self.asked_for is not None and self.asked_for <= self.accounted:
            self._asked(None)

    def begun(self, outcome: RunInfo | Awaited | Hindrance) -> None:
        """What became of the time that was to be begun."""
        self.beginning = None
        self.hindrance = outcome if isinstance(outcome, Hindrance) else None
        if isinstance(outcome, Awaited):
            self._asked(outcome)
        elif isinstance(outcome, RunInfo):
            self._asked(None)
            self.verdict = Verdict()
            if outcome.due_at is not None:
                self.accounted = max(self.accounted, outcome.due_at)

    def _asked(self, awaited: Awaited | None) -> None:
        self.asked_for, self.digest = (awaited.due, awaited.digest) if awaited else (None, "")
        self.unanswered, self.approval = awaited is not None, awaited.approval if awaited else None
        self.asked_at = None

    def asked_before(self, due: datetime, at: datetime) -> None:
        """An earlier process asked a person about this time, at that instant."""
        self.asked_for, self.asked_at = due, at

    def look_anew(self, now: datetime) -> None:
        """Files have changed: what was in the way may be gone, and what was asked about may be something else."""
        self.unanswered = False
        if self.hindrance is not None:
            self.hindrance = replace(self.hindrance, try_at=now)

    def changed(self, ledger: LedgerReader, version: Version, now: datetime) -> Settled | None:
        """What is to be written down before a version of the campaign is adopted.

        Returns:
            None where its times are the same. Else times of the new schedule count from now on, and the latest goes
            on waiting only where the new schedule has it, too.
        """
        after = version.campaign.schedule
        if self.counted == times_as_text(after):
            return None
        if not self.counted:  # never watched, or by an older version: taken to be these times
            return Settled(self.accounted)
        left = self.closed(ledger, now, "the campaign's schedule was changed before it could begin")
        if left.more:
            return left
        return changed_over(left, after, self.accounted, now, had_run=bool(self._mine(ledger, limit=1)))

    def closed(self, ledger: LedgerReader, now: datetime, why: str) -> Settled:
        """What is to be written down so that nothing before now is begun any more; times without a run as skipped."""
        try:
            schedule = times_from_text(self.counted)
        except ValueError:  # of a version that knew other ways to name times
            return Settled(max(now, self.accounted), unknown=True)
        runs = self._mine(ledger) if schedule.every is None else self._mine(ledger, due_from=self.accounted)
        have_runs = {run.due_at for run in runs if run.due_at is not None}
        if runs and schedule.start_instant is not None and schedule.every is None:
            have_runs.add(schedule.start_instant)

        def skip(due: datetime) -> Skipped:
            if due < self.watched_since and due != self.asked_for:
                return Skipped(due, now, MISSED, f"nobody was there to begin it, and {why}")
            return Skipped(due, now, OVERTAKEN, why)

        return times_left(schedule, self.accounted, now, have_runs=have_runs, skip=skip)

    def adopt(self, settled: Settled, schedule: str) -> None:
        """What ``changed`` or ``closed`` said was written down; the times of that schedule count from now on."""
        if self.pending is None or settled.until >= self.pending:
            self.verdict = Verdict()
        self.counted = schedule
        self._account(settled.until)

    def _mine(self, ledger: LedgerReader, **which: Any) -> list[RunInfo]:
        return ledger.runs(account=self.account, campaign=self.name, tests=False, **which)

    def _look_ahead(self, now: datetime) -> None:
        # Over a closed night of a campaign that has a time each minute this is no small work; once will do.
        seen = self._looked_ahead
        if seen is None or seen[0] != self.next_due or seen[1] is not self.version:
            self._looked_ahead = (self.next_due, self.version)
            self.upcoming = next(Openings(self.version.campaign).times(now), None) if self.next_due else None


def waits_for(timetable: Timetable) -> str:
    """Why the time that has come does not go on, one sentence; empty where nothing waits."""
    match timetable.verdict.waits:
        case Waits.EARLIER_RUN:
            return "an earlier run of it still has unsent messages"
        case Waits.APPROVAL:
            return "its plan waits for approval"
        case Waits.NEXT_TRY if timetable.hindrance is not None:
            return timetable.hindrance.reason
        case _:
            return ""
