"""Keeping the campaigns' times: their files followed, each scheduled time begun or skipped, and how each stands."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mmsflow.campaign.recurrence import times_as_text
from mmsflow.clock import Clock
from mmsflow.daemon.beginning import RETRY, Awaited, Beginner
from mmsflow.daemon.catalogue import Catalogue, Entry
from mmsflow.daemon.changeover import Settled
from mmsflow.daemon.crew import Crew
from mmsflow.daemon.telling import Teller
from mmsflow.daemon.timetable import Timetable
from mmsflow.errors import LedgerError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import NoticeKind, Skipped
from mmsflow.ledger.store import Ledger
from mmsflow.plan.explain import minute_as_text
from mmsflow.settings import Settings
from mmsflow.workflow.guard import LONG_PAST
from mmsflow.workflow.occurrence_facts import approval_notice
from mmsflow.workflow.occurrences import CLOSED, REFUSED, SENT_BEFORE, Hindrance
from mmsflow.workflow.openings import Openings
from mmsflow.workflow.run import occurrence_of
from mmsflow.workflow.start import SEND_AGAIN

_LONG_AGO = timedelta(days=LONG_PAST.days)
_MOST_NOTICES = 1000
_BY_HAND = "begin it from its plan on the web page, if it should still go out"


class Keeper:
    """The campaigns that are watched, and their times.

    Args:
        settings, ledger, clock: in force; the ledger is open for writing.
        catalogue: the campaign files.
        beginner, crew: begin runs, and carry them out.
        teller: told of what happens.
        turn: asks for another look, soon.

    Attributes:
        timetables: by the campaign's name.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        clock: Clock,
        *,
        catalogue: Catalogue,
        beginner: Beginner,
        crew: Crew,
        teller: Teller,
        turn: Callable[[], None],
    ) -> None:
        self._account, self._ledger, self._clock = settings.account, ledger, clock
        self._catalogue, self._beginner, self._crew = catalogue, beginner, crew
        self._teller, self._turn = teller, turn
        self.timetables: dict[str, Timetable] = {}
        self._faulty: dict[str, str] = {}

    async def read_files(self) -> bool:
        """Look at the campaign files again, and watch those that are there now.

        Returns:
            False where that failed with one of them: it stays as it was, and is to be looked at once more.
        """
        before = dict(self._catalogue.entries)
        await self._catalogue.read()
        entries = self._catalogue.entries
        now = self._clock.now()
        named = {entry.version.name: entry for entry in entries.values() if entry.version}
        gone = [timetable for name, timetable in self.timetables.items() if name not in named]
        done = [await self._guarded(each.name, self._unwatch(each, now)) for each in gone]
        done += [await self._guarded(name, self._watch(name, entry, now)) for name, entry in named.items()]
        for file, entry in entries.items():
            self._tell_of_file(entry, before.get(file))
        self._settle_mended()
        self._turn()
        return all(done)

    async def _guarded(self, name: str, work: Awaitable[None]) -> bool:
        """One campaign must not keep the others from being watched; whether it went well."""
        try:
            await work
        except Exception as error:
            self._teller.error(f"watching {name}", error)
            return False
        return True

    def look(self) -> datetime | None:
        """Do what is due now; the instant of the next look, None where nothing is to come."""
        now = self._clock.now()
        looks: list[datetime] = []
        for timetable in self.timetables.values():
            if timetable.beginning is not None or timetable.changing:
                continue
            try:
                looks += self._look_at(timetable, now)
            except LedgerError:
                raise
            except Exception as error:  # one campaign must not keep the others from their times
                self._teller.error(f"looking at {timetable.name}", error)
        return min(looks, default=None)

    def _look_at(self, timetable: Timetable, now: datetime) -> list[datetime]:
        verdict = timetable.look(self._ledger, now)
        if verdict.accounted is not None:
            asked_for = timetable.asked_for
            self._write_down(timetable, verdict.accounted, verdict.skips)
            timetable.settled(verdict)
            if asked_for is not None and timetable.asked_for is None:
                self._teller.settle(approval_notice(timetable.name, asked_for))
        if verdict.begin is not None:
            timetable.beginning = asyncio.ensure_future(self._begin(timetable, verdict.begin))
        elif verdict.accounted is not None and verdict.until is None:
            return [now]  # more times came due than one look goes through; or none is left, which the next one finds
        return [at for at in (verdict.until, timetable.next_due) if at is not None]

    async def close(self) -> None:
        """Begin nothing more."""
        for timetable in self.timetables.values():
            await _ended(timetable)

    async def _watch(self, name: str, entry: Entry, now: datetime) -> None:
        assert entry.version is not None
        timetable = self.timetables.get(name)
        if timetable is None:
            timetable = Timetable.watch(self._ledger, self._account, entry.version, now)
            self._remember_asking(timetable)
        else:
            timetable.look_anew(now)
        counted = times_as_text(entry.version.campaign.schedule)
        if counted != timetable.counted:
            timetable.changing = True
            await _ended(timetable)
        # First into the ledger: where that fails, the campaign is as it was, and the next look finds the change again.
        while (settled := timetable.changed(self._ledger, entry.version, now)) is not None:
            self._settle(timetable, settled, timetable.counted if settled.more else counted)
        timetable.version, timetable.changing = entry.version, False
        self.timetables[name] = timetable

    async def _unwatch(self, timetable: Timetable, now: datetime) -> None:
        timetable.changing = True
        await _ended(timetable)
        more = True
        while more:
            settled = timetable.closed(self._ledger, now, "its campaign file was removed before it could begin")
            self._settle(timetable, settled, timetable.counted)
            more = settled.more
        del self.timetables[timetable.name]
        self._teller.event("campaign_gone", campaign=timetable.name)

    def _settle(self, timetable: Timetable, settled: Settled, schedule: str) -> None:
        since = timetable.accounted
        self._write_down(timetable, settled.until, settled.skips, schedule)
        if settled.unknown:
            shown = minute_as_text(since, ZoneInfo(timetable.schedule.timezone))
            self._teller.people(
                f"skipped/{timetable.name}/{occurrence_of(settled.until)}",
                NoticeKind.NEEDS_PERSON,
                f"the schedule that {timetable.name} had cannot be read any more: which times passed since {shown}, "
                "nobody being there, is not known, and none of them is made up for",
                _BY_HAND,
                campaign=timetable.name,
            )
        timetable.adopt(settled, schedule)

    def _remember_asking(self, timetable: Timetable) -> None:
        """A time that an earlier process asked approval for is not missed: the person has not answered yet."""
        asked = f"approval/{timetable.name}/"
        for notice in self._ledger.notices(self._account, _MOST_NOTICES, open_only=True, prefix=asked):
            if due := notice.said.detail.get("due"):
                timetable.asked_before(datetime.fromisoformat(str(due)), notice.at)
                return

    def _write_down(self, timetable: Timetable, until: datetime, skips: Sequence[Skipped], schedule: str = "") -> None:
        self._ledger.account_for(self._account, timetable.name, until, skips, schedule=schedule)
        for skip in skips:
            facts = {"campaign": timetable.name, "due": skip.due_at.isoformat(), "code": skip.code}
            self._teller.event("occurrence_skipped", **facts, reason=skip.reason)
            self._teller.settle(approval_notice(timetable.name, skip.due_at))
        # Of times long ago nobody expects anything any more, such as of a campaign that is watched for the first time.
        # And that a holiday has passed without a run is what the campaign file says.
        told = [skip for skip in skips if skip.at - skip.due_at <= _LONG_AGO and skip.code != CLOSED]
        if told:
            self._tell_of_skips(timetable, told)

    def _tell_of_skips(self, timetable: Timetable, skips: Sequence[Skipped]) -> None:
        campaign, last = timetable.name, skips[-1]
        due = minute_as_text(last.due_at, ZoneInfo(timetable.schedule.timezone))
        text = f"{campaign} was not sent for {due}: {last.reason}"
        if len(skips) > 1:
            text = f"{campaign} was not sent for {len(skips)} scheduled times, the last {due}: {last.reason}"
        self._teller.people(
            f"skipped/{campaign}/{occurrence_of(last.due_at)}",
            NoticeKind.NEEDS_PERSON,
            text,
            self._advice(timetable, last),
            campaign=campaign,
            detail={"code": last.code, "due": last.due_at.isoformat(), "times": len(skips)},
        )

    def _advice(self, timetable: Timetable, skip: Skipped) -> str:
        """What a person can still do about a time that was skipped: what the page refuses is not offered."""
        campaign, now = timetable.version.campaign, self._clock.now()
        if skip.code == SENT_BEFORE:
            return SEND_AGAIN.replace("FILE", timetable.version.loaded.shown_path)
        deadline = campaign.schedule.deadline(skip.due_at)
        late = deadline is not None and deadline <= now
        if late or Openings(campaign).stays_closed(skip.due_at, now):
            ahead = "; later times begin by themselves" if campaign.schedule.every else ""
            return f"it cannot be sent any more{ahead}"
        return _BY_HAND

    async def _begin(self, timetable: Timetable, due: datetime) -> None:
        outcome: RunInfo | Awaited | Hindrance
        try:
            outcome = await self._beginner.begin(timetable.version, due)
        except asyncio.CancelledError:
            if timetable.beginning is asyncio.current_task():
                timetable.beginning = None
            raise
        except Exception as error:
            self._teller.error(f"beginning {timetable.name}", error)
            reason = f"an unforeseen error ({type(error).__name__})"
            outcome = Hindrance(due, REFUSED, reason, self._clock.now() + RETRY)
        if isinstance(outcome, Hindrance):
            facts = {"campaign": timetable.name, "due": due.isoformat(), "reason": outcome.reason}
            self._teller.event("occurrence_hindered", **facts)
        if isinstance(outcome, RunInfo):
            # Should we die before this is written, the run itself says that its time is accounted for.
            self._crew.carry(outcome)
            self._teller.settle(approval_notice(timetable.name, due))
            try:
                self._ledger.account_for(self._account, timetable.name, due)
            except Exception as error:
                self._teller.error(f"accounting for {timetable.name}", error)
        timetable.begun(outcome)
        self._turn()

    def _tell_of_file(self, entry: Entry, before: Entry | None) -> None:
        if before is not None and before.errors == entry.errors and before.version is entry.version:
            return
        if not entry.errors:
            sha256 = entry.version.loaded.sha256 if entry.version else ""
            self._teller.event("file_good", file=entry.file, sha256=sha256)
            return
        self._teller.event("file_faulty", file=entry.file, errors=[f"{e.place}: {e.message}" for e in entry.errors])
        in_force = "the last good version stays in force" if entry.version else "nothing of it is carried out"
        noun = "error" if len(entry.errors) == 1 else "errors"
        first = entry.errors[0]
        self._teller.people(
            f"faulty/{entry.file}/{_fault(entry)}",
            NoticeKind.NEEDS_PERSON,
            f"{entry.file} has {len(entry.errors)} {noun}, {in_force}: {first.place}: {first.message}",
            first.fix or "`mmsflow check` names everything that is wrong",
            campaign=entry.version.name if entry.version else "",
            detail={"errors": [error.as_json() for error in entry.errors[:20]]},
            cause="invalid_input",
        )

    def _settle_mended(self) -> None:
        """Notices about what a file had wrong that it has not any more."""
        entries = self._catalogue.entries.values()
        wrong = {f"faulty/{entry.file}/{_fault(entry)}" for entry in entries if entry.errors}
        told = self._ledger.notices(self._account, _MOST_NOTICES, open_only=True, prefix="faulty/")
        mended = [each.said.name for each in told]
        if mended := [name for name in mended if name not in wrong]:
            self._teller.settle(*mended)


def _fault(entry: Entry) -> str:
    """What a file has wrong, and whether an earlier version of it is in force, in a few letters."""
    said = [f"{error.place} {error.message}" for error in entry.errors]
    said += [] if entry.version else ["nothing is in force"]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]


async def _ended(timetable: Timetable) -> None:
    """The work at a time that has come is broken off; nothing of it stays."""
    task, timetable.beginning = timetable.beginning, None
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
