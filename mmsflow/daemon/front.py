"""What front ends see of the daemon and may do; see ``board``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.daemon.answering import Answering
from mmsflow.daemon.beginning import Beginner, ByHand, by_hand
from mmsflow.daemon.catalogue import Catalogue, Entry, Version
from mmsflow.daemon.crew import Crew
from mmsflow.daemon.keeper import Keeper
from mmsflow.daemon.model import CampaignCard, CardState, PlanView
from mmsflow.daemon.planning import Planner
from mmsflow.daemon.stop_watch import StopWatch
from mmsflow.daemon.telling import Changes, Teller
from mmsflow.daemon.timetable import Timetable, waits_for
from mmsflow.daemon.trying import Tester, refusal
from mmsflow.delivery.progress import Snapshot
from mmsflow.errors import InvalidInput, LedgerError, MmsflowError, UsageError
from mmsflow.ledger.requests import Answer, Request, Trial
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.settings import Settings
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.approving import approve
from mmsflow.workflow.occurrences import Waits
from mmsflow.workflow.other_account import AccountQuestion, account_question, answer_question

_UNWELL_AFTER = timedelta(minutes=2)


class Front:
    """The daemon's board; the director fills it in.

    Attributes:
        settings, clock, started_at: as the board promises.
        beat: when the daemon's loop last turned, in the clock's monotonic seconds.
    """

    settings: Settings
    clock: Clock
    started_at: datetime
    beat: float
    _turned_at: datetime
    _ledger_works: bool
    _turn: asyncio.Event
    _ledger: Ledger
    _changes: Changes
    _teller: Teller
    _catalogue: Catalogue
    _planner: Planner
    _beginner: Beginner
    _crew: Crew
    _keeper: Keeper
    _answering: Answering
    _tester: Tester
    _stop_watch: StopWatch

    def reading(self) -> AbstractContextManager[LedgerReader]:
        return reading_ledger(self.settings)

    def cards(self) -> tuple[CampaignCard, ...]:
        running: dict[str, list[str]] = {}
        for run in self._crew.runs():
            running.setdefault(run.campaign, []).append(run.run)
        return tuple(self._card(entry, running) for _, entry in sorted(self._catalogue.entries.items()))

    def snapshot(self, run: str) -> Snapshot | None:
        return self._crew.snapshot(run)

    @property
    def refusals(self) -> Mapping[str, int]:
        return dict(self._teller.refusals)

    @property
    def healthy(self) -> bool:
        return self._ledger_works and abs(self.clock.now() - self._turned_at) < _UNWELL_AFTER

    @property
    def version(self) -> int:
        return self._changes.version

    async def changed(self, since: int, seconds: float) -> int:
        return await self._changes.after(since, seconds)

    async def ask(self, request: Request) -> Answer:
        return self._answering.answer(request)

    async def seen(self, notice: str) -> Answer:
        if not notice.startswith("skipped/"):
            return Answer.refusal(
                "this notice is settled by what it asks for", "do what it says", cause="notice_not_settled_by_hand"
            )
        self._teller.settle(notice)
        self._teller.event("notice_seen", notice=notice)
        return Answer("the notice is put away")

    async def plan(self, file: str) -> PlanView:
        version = self._version_of(file)
        due = self._due_of(version)
        made = await self._planner.make(version, due)
        needs_yes = version.campaign.approval == "required"
        approved = not needs_yes or (made.approval is not None and made.approval.holds_for(made.plan.digest))
        hand = self._by_hand(version, due, approved=approved)
        why_not = hand.why_not or next((blocker.message for blocker in made.blockers), "")
        return PlanView(
            file=file,
            zone=version.campaign.schedule.timezone,
            plan=made.plan,
            approval_required=needs_yes,
            approval=made.approval,
            changes=made.changes,
            due=due,
            can_begin=not why_not,
            why_not=why_not,
            by_hand_for=hand.due,
            by_hand_until=version.campaign.schedule.deadline(hand.due) if hand.due else None,
            asks=self._asks(version),
        )

    async def answer_account(self, file: str, said: str, asked: str, who: str) -> Answer:
        try:
            version = self._version_of(file)
            question = account_question(self._ledger, self.settings, version.name, version.loaded.path)
            await asyncio.to_thread(answer_question, question, self.settings, said, asked=asked, who=who)
        except MmsflowError as error:
            return refusal(error)
        self._teller.event("account_answered", campaign=version.name, answer=said, who=who)
        self._turn.set()
        return Answer(f"the answer is kept: {said}")

    def _asks(self, version: Version) -> AccountQuestion | None:
        question = account_question(self._ledger, self.settings, version.name, version.loaded.path)
        return question if question.blockers() else None

    async def approve(self, file: str, digest: str, who: str) -> Answer:
        try:
            version = self._version_of(file)
            async with self._planner.planned(version, self._due_of(version)) as (prepared, plan):
                if plan.digest != digest:
                    return Answer.refusal(
                        "the plan is another one by now", "look at it again, then approve it", cause="plan_changed"
                    )
                account, now = self.settings.account, self.clock.now()
                approval = approve(self._ledger, account, prepared, plan, who=who, now=now)
        except MmsflowError as error:
            return refusal(error)
        self._planner.forget(version.name)
        self._teller.event("plan_approved", campaign=version.name, digest=digest, who=approval.who)
        self._turn.set()
        return Answer(f"the plan of {version.name} is approved")

    async def begin(self, file: str, digest: str, who: str) -> Answer:
        try:
            version = self._version_of(file)
            run = await self._beginner.begin_by_hand(version, digest, self._due_of(version))
        except MmsflowError as error:
            return refusal(error)
        with suppress(LedgerError):  # it has begun, and must not be said to have failed
            self._ledger.begun_by_hand(run.key, who)
        self._crew.carry(run)
        self._teller.event("run_begun_by_hand", run=run.run, campaign=run.campaign, who=who)
        self._turn.set()
        return Answer(f"{run.run} has begun", run=run.run)

    async def send_test(self, trial: Trial) -> Answer:
        return await self._tester.send(self._version_of, trial)

    async def stop_all(self, who: str, why: str) -> Answer:
        said = await self._answering.stop_all(who, why)
        self._stop_watch.look()
        return said

    async def start_all(self, who: str) -> Answer:
        said = self._answering.start_all(who)
        self._stop_watch.look()
        return said

    async def preview(self, file: str) -> str:
        return await self._planner.page(self._version_of(file))

    def _version_of(self, file: str) -> Version:
        entry = self._catalogue.entries.get(file)
        if entry is None:
            raise UsageError(
                f"the daemon knows no campaign file {file}", "name a file of campaigns/", cause="unknown_campaign"
            )
        if entry.version is None:
            raise InvalidInput(entry.errors)
        return entry.version

    def _due_of(self, version: Version) -> datetime | None:
        """The time that waits, else the next one; None for a campaign without any to come."""
        timetable = self._keeper.timetables.get(version.name)
        return (timetable.pending or timetable.upcoming) if timetable else None

    def _by_hand(self, version: Version, due: datetime | None, *, approved: bool) -> ByHand:
        """What the page offers to begin; never a time that the daemon begins by itself."""
        found = by_hand(self._ledger, self.settings, version, self.clock.now())
        mine = found.due is not None and not found.skipped
        if mine or (due is not None and due <= self.clock.now()):
            how = "by itself" if approved else "once it is approved"
            return ByHand(None, f"its time has come; it begins {how}")
        return found

    def _card(self, entry: Entry, running: dict[str, list[str]]) -> CampaignCard:
        version = entry.version
        if version is None:
            return _faulty_card(entry)
        campaign = version.campaign
        timetable = self._keeper.timetables.get(version.name)
        runs = tuple(running.get(version.name, ()))
        return CampaignCard(
            file=entry.file,
            campaign=version.name,
            description=campaign.description,
            state=_state(version, timetable, runs),
            errors=entry.errors,
            version_at=version.read_at,
            sha256=version.loaded.sha256,
            recurring=campaign.schedule.every is not None,
            approval_required=campaign.approval == "required",
            zone=campaign.schedule.timezone,
            next_due=timetable.upcoming if timetable else None,
            due=timetable.pending if timetable else None,
            digest=timetable.digest if timetable and timetable.unanswered else "",
            reason=waits_for(timetable) if timetable else "",
            runs=runs,
        )


def _state(version: Version, timetable: Timetable | None, runs: tuple[str, ...]) -> CardState:
    if timetable is not None and timetable.beginning is not None:
        return CardState.PLANNING
    if timetable is not None and timetable.verdict.waits is not Waits.NOTHING:
        approval = timetable.verdict.waits is Waits.APPROVAL
        return CardState.AWAITS_APPROVAL if approval else CardState.HINDERED
    if runs:
        return CardState.RUNNING
    schedule = version.campaign.schedule
    if schedule.every is None and schedule.start_instant is None:
        return CardState.BY_HAND
    return CardState.SCHEDULED if timetable is not None and timetable.upcoming else CardState.ENDED


def _faulty_card(entry: Entry) -> CampaignCard:
    return CampaignCard(
        file=entry.file,
        campaign="",
        description="",
        state=CardState.FAULTY,
        errors=entry.errors,
        version_at=None,
        sha256="",
        recurring=False,
        approval_required=False,
        zone="",
        next_due=None,
        due=None,
        digest="",
        reason="",
        runs=(),
    )
