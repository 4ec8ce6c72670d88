"""Beginning a run: the campaign read and planned as it is now, approved where it must be, and frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mmsflow.campaign.recurrence import last_due
from mmsflow.clock import Clock
from mmsflow.daemon.catalogue import Version
from mmsflow.daemon.planning import Planner
from mmsflow.daemon.stillness import Stillness
from mmsflow.daemon.telling import Teller
from mmsflow.errors import GatewayRefused, InvalidInput, MmsflowError, PlanRefused, UsageError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import Approval, NoticeKind
from mmsflow.ledger.stop_file import ALL_STOPPED
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.plan.explain import minute_as_text
from mmsflow.plan.model import Plan
from mmsflow.settings import Settings
from mmsflow.workflow.approving import approval_of, is_approved
from mmsflow.workflow.blockers import blockers_of_plan
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.occurrence_facts import approval_notice
from mmsflow.workflow.occurrences import INVALID, MISSED, REFUSED, Hindrance
from mmsflow.workflow.other_account import client_of
from mmsflow.workflow.prepare import Prepared
from mmsflow.workflow.run import freeze
from mmsflow.workflow.situation import situation_of
from mmsflow.workflow.start import Continue, Refuse, ReportOnly, Situation, Start, Wish, decide_start

_MOST_NOTICES = 1000
RETRY, RETRY_FILES = timedelta(minutes=1), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Awaited:
    """The plan with that digest is not approved; ``approval`` was the campaign's newest when it was made."""

    due: datetime
    digest: str
    approval: Approval | None


class Beginner:
    """Begins runs, for scheduled times and by hand.

    Args:
        settings, ledger, clock: in force; the ledger is open for writing.
        planner: plans.
        teller: told of what a person must do.
        still: for freezing large runs.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        clock: Clock,
        planner: Planner,
        teller: Teller,
        still: Stillness,
    ) -> None:
        self._settings, self._ledger, self._clock = settings, ledger, clock
        self._planner, self._teller, self._still = planner, teller, still

    async def begin(self, version: Version, due: datetime) -> RunInfo | Awaited | Hindrance:
        """Freeze the run of a scheduled time, or say why there is none yet."""
        try:
            async with self._planner.planned(version, due) as (prepared, plan):
                self._teller.event("plan_made", campaign=version.name, messages=plan.messages, digest=plan.digest)
                self._refuse(version, prepared, plan, due)
                if not self._approved(version, plan):
                    self._ask(version, due, plan)
                    return Awaited(due, plan.digest, approval_of(self._ledger, plan.account, version.name))
                return await self._freeze(version, prepared, plan, due)
        except MmsflowError as error:
            if isinstance(error, GatewayRefused):
                self._teller.refused(error)  # before its grace is over, and not only then
            code = INVALID if isinstance(error, InvalidInput) else MISSED
            code = REFUSED if isinstance(error, PlanRefused | UsageError) else code
            if error.cause == "disk_space":
                self._tell_blocked(version.name, Blocker("disk_space", error.message, error.advice))
            # What is wrong with files is mended by changing them, and then it is tried at once; room comes by itself.
            again = RETRY if code == MISSED or error.cause == "disk_space" else RETRY_FILES
            return Hindrance(due, code, _sentence(error), self._clock.now() + again)

    async def begin_by_hand(self, version: Version, digest: str, seen_for: datetime | None) -> RunInfo:
        """Freeze a run of exactly the plan with that digest.

        Args:
            seen_for: the scheduled time for which the plan was shown; None without one.

        Raises:
            PlanRefused: the plan is another one by now, is not approved, or has no message.
            InvalidInput, GatewayRefused, GatewayUnavailable, LedgerError: it cannot be planned or frozen.
        """
        # A scheduled time that is made up for by hand has its run then, and must not begin by itself as well.
        due = self._by_hand(version).due
        async with self._planner.planned(version, due, seen_for=seen_for) as (prepared, plan):
            if self._by_hand(version).due != due:
                raise PlanRefused("another time has come", "look at the plan again", cause="plan_changed")
            if plan.digest != digest:
                raise PlanRefused("the plan is another one by now", "look at it again", cause="plan_changed")
            self._refuse_same_content(version, prepared)
            _refuse_empty(plan)
            if not self._approved(version, plan):
                raise PlanRefused("this plan is not approved", "approve it first", cause="not_approved")
            return await self._freeze(version, prepared, plan, due)

    def _by_hand(self, version: Version) -> ByHand:
        found = by_hand(self._ledger, self._settings, version, self._clock.now())
        if found.why_not:
            raise PlanRefused(found.why_not, cause=found.cause)
        return found

    def _refuse(self, version: Version, prepared: Prepared, plan: Plan, due: datetime) -> None:
        """Refuse what must not begin by itself; a person is told of what blocks it.

        Planning takes a while, or waits for other plans: a person may have begun the only run meanwhile.
        """
        now = self._clock.now()
        situation = situation_of(
            self._ledger, self._settings, version.campaign, version.loaded.path, now, wish=Wish.BY_ITSELF
        )
        decision = decide_start(situation)
        if isinstance(decision, Refuse):
            refusal = decision.refusal
            # Of a stop of all sending people are told once, and not for each campaign.
            blocked = bool(situation.blockers) and refusal.cause == situation.blockers[0].cause
            if blocked and refusal.cause != ALL_STOPPED:
                self._tell_blocked(version.name, situation.blockers[0])
            raise refusal
        self._refuse_same_content(version, prepared, due)
        _refuse_empty(plan)

    def _refuse_same_content(self, version: Version, prepared: Prepared, due: datetime | None = None) -> None:
        if blockers := blockers_of_plan(self._ledger, self._settings, prepared, due=due):
            self._tell_blocked(version.name, blockers[0])
            raise blockers[0].as_error()

    def _tell_blocked(self, campaign: str, blocker: Blocker) -> None:
        self._teller.people(
            f"ledger/{campaign}",
            NoticeKind.NEEDS_PERSON,
            blocker.message,
            blocker.fix,
            campaign=campaign,
            cause=blocker.cause,
        )

    def _approved(self, version: Version, plan: Plan) -> bool:
        if version.campaign.approval != "required":
            return True
        return is_approved(self._ledger, self._settings.account, version.name, plan.digest)

    def _ask(self, version: Version, due: datetime, plan: Plan) -> None:
        noun = "message" if plan.messages == 1 else "messages"
        name, zone = approval_notice(version.name, due), ZoneInfo(version.campaign.schedule.timezone)
        for told in self._ledger.notices(plan.account, _MOST_NOTICES, open_only=True, prefix=name):
            if told.said.detail.get("digest") != plan.digest:
                self._teller.settle(name)  # it asked about another plan
        self._teller.people(
            name,
            NoticeKind.NEEDS_PERSON,
            f"{version.name} waits for approval: {plan.messages} {noun}, due {minute_as_text(due, zone)}",
            f"look at its plan and approve it, on the web page or with `mmsflow approve {version.loaded.shown_path}`",
            campaign=version.name,
            detail={"digest": plan.digest, "due": due.isoformat()},
        )

    async def _freeze(self, version: Version, prepared: Prepared, plan: Plan, due: datetime | None) -> RunInfo:
        async with self._still.for_rows(prepared.draft.rows):
            workspace, now = self._settings.workspace, self._clock.now()
            client = client_of(self._ledger, self._settings)
            run = freeze(prepared, plan, self._ledger, workspace=workspace, now=now, due=due, client=client)
        self._teller.event(
            "run_frozen", run=run.run, campaign=run.campaign, messages=plan.messages, due=due.isoformat() if due else ""
        )
        self._teller.settle(f"ledger/{version.name}")
        return run


def _refuse_empty(plan: Plan) -> None:
    if not plan.messages:
        fix = "look at the lists, and at who had a message before"
        raise PlanRefused("nobody is left to send to", fix, cause="nobody_left")


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a run that a person begins now is.

    Attributes:
        due: the scheduled time that it makes up for, aware, UTC; None where it is for none.
        why_not: why none may be begun, one sentence; empty where one may.
        cause: the same as a stable word.
        skipped: the daemon has passed that time over, and does not begin it by itself any more.
    """

    due: datetime | None
    why_not: str = ""
    skipped: bool = False
    cause: str = ""


def by_hand(ledger: LedgerReader, settings: Settings, version: Version, now: datetime) -> ByHand:
    """Decide which run a person may begin now from the page, by the same rule as ``mmsflow run FILE``.

    A second run to the same people is never begun from here: that is asked for with ``mmsflow run --again``.
    """
    campaign, schedule = version.campaign, version.campaign.schedule
    situation = situation_of(ledger, settings, campaign, version.loaded.path, now)
    match decide_start(situation):
        case Continue(run):
            return ByHand(None, f"{run.run} is not finished", cause="earlier_run_unfinished")
        case ReportOnly(_, refusal) | Refuse(refusal):
            return ByHand(None, _with_next_time(refusal.message, situation), cause=refusal.cause)
        case Start(due, skipped) if schedule.every is not None or schedule.by_hand:
            return ByHand(due, skipped=bool(skipped))
        case Start():
            due = last_due(schedule, now)
            itself = "by itself, if it is approved" if campaign.approval == "required" else "by itself"
            why_not = "" if due else f"its time has not come yet; it begins {itself}"
            return ByHand(due, why_not, skipped=True, cause="" if due else "not_due")


def _with_next_time(why_not: str, situation: Situation) -> str:
    occasion = situation.occasion
    if occasion is None or occasion.due is not None or occasion.why_not not in why_not:
        return why_not
    return occasion.why_not + ("; the next one begins by itself" if occasion.upcoming else "")


def _sentence(error: MmsflowError) -> str:
    if isinstance(error, InvalidInput) and error.findings:
        first = error.findings[0]
        more = f" (and {len(error.findings) - 1} more)" if len(error.findings) > 1 else ""
        return f"{first.place}: {first.message}{more}"
    return error.message
