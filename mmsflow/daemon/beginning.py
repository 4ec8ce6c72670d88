"""Beginning a run: the campaign read and planned as it is now, approved where it must be, and frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mmsflow.campaign.recurrence import last_due
from mmsflow.clock import Clock
from mmsflow.daemon.catalogue import Version
from mmsflow.daemon.due import INVALID, MISSED, REFUSED, Hindrance
from mmsflow.daemon.planning import Planner
from mmsflow.daemon.stillness import Stillness
from mmsflow.daemon.telling import Teller
from mmsflow.errors import GatewayRefused, InvalidInput, MmsflowError, PlanRefused, UsageError
from mmsflow.ledger.model import RunInfo, RunState
from mmsflow.ledger.operation import Approval, NoticeKind
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.plan.explain import minute_as_text
from mmsflow.plan.model import Plan
from mmsflow.settings import Settings
from mmsflow.workflow.approving import approval_of, is_approved
from mmsflow.workflow.blockers import blockers_of, blockers_of_plan
from mmsflow.workflow.occasion import occasion_of
from mmsflow.workflow.other_account import client_of
from mmsflow.workflow.pending import approval_notice
from mmsflow.workflow.prepare import Prepared
from mmsflow.workflow.run import freeze
from mmsflow.workflow.standing import standing_of

_MOST_NOTICES = 1000
_ENDED = {
    RunState.DONE: "finished",
    RunState.DONE_WITH_UNKNOWN: "finished",
    RunState.CANCELLED: "cancelled",
    RunState.EXPIRED: "past its deadline",
}
SEND_AGAIN = "`mmsflow run FILE --top-up` sends to recipients who had nothing yet, `--again` to everybody once more"
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
                self._refuse_another(version)
                self._refuse(version, plan, prepared)
                if not self._approved(version, plan):
                    self._ask(version, due, plan)
                    return Awaited(due, plan.digest, approval_of(self._ledger, plan.account, version.name))
                return await self._freeze(version, prepared, plan, due)
        except MmsflowError as error:
            if isinstance(error, GatewayRefused):
                self._teller.refused(error)  # before its grace is over, and not only then
            code = INVALID if isinstance(error, InvalidInput) else MISSED
            code = REFUSED if isinstance(error, PlanRefused | UsageError) else code
            # What is wrong with files is mended by changing them, and then it is tried at once.
            again = RETRY if code == MISSED else RETRY_FILES
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
                raise PlanRefused("another time has come", "look at the plan again")
            if plan.digest != digest:
                raise PlanRefused("the plan is another one by now", "look at it again")
            self._refuse(version, plan, prepared)
            if not self._approved(version, plan):
                raise PlanRefused("this plan is not approved", "approve it first")
            return await self._freeze(version, prepared, plan, due)

    def _by_hand(self, version: Version) -> ByHand:
        found = by_hand(self._ledger, self._settings.account, version, self._clock.now())
        if found.why_not:
            raise PlanRefused(found.why_not)
        return found

    def _refuse_another(self, version: Version) -> None:
        # Planning takes a while, or waits for other plans: a person may have begun the only run meanwhile.
        runs = self._ledger.runs(account=self._settings.account, campaign=version.name, tests=False, limit=1)
        if runs and version.campaign.schedule.every is None:
            raise PlanRefused(sent_before(runs[0]), SEND_AGAIN)

    def _refuse(self, version: Version, plan: Plan, prepared: Prepared) -> None:
        blockers = blockers_of(self._ledger, self._settings, version.name, version.loaded.path)
        blockers += blockers_of_plan(self._ledger, self._settings, prepared)
        if blockers:
            error = blockers[0].as_error()
            kind, name = NoticeKind.NEEDS_PERSON, f"ledger/{version.name}"
            self._teller.people(name, kind, error.message, error.advice, campaign=version.name)
            raise error
        if not plan.messages:
            raise PlanRefused("nobody is left to send to", "look at the lists, and at who had a message before")

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


def sent_before(run: RunInfo) -> str:
    """Why a campaign without recurrence begins no other run by itself, one sentence; ``run`` is its latest.

    Also after a run of which nothing went out, such as a cancelled one: ``mmsflow run`` asks a person then, too.
    """
    return f"it has had its one run: {run.run}, which is {_ENDED.get(run.state, 'not finished')}"


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a run that a person begins now is.

    Attributes:
        due: the scheduled time that it makes up for, aware, UTC; None where it is for none.
        why_not: why none may be begun, one sentence; empty where one may.
        skipped: the daemon has passed that time over, and does not begin it by itself any more.
    """

    due: datetime | None
    why_not: str = ""
    skipped: bool = False


def by_hand(ledger: LedgerReader, account: str, version: Version, now: datetime) -> ByHand:
    """Which run a person may begin now.

    A second run to the same people is never begun from here: that is asked for with ``mmsflow run --again``.
    """
    schedule = version.campaign.schedule
    standing = standing_of(ledger, account, version.name)
    latest = standing.run
    if latest is not None and standing.goes_on:
        return ByHand(None, f"{latest.run} is not finished")
    if schedule.every is None and (latest is not None or schedule.by_hand):
        return ByHand(None, standing.refusal.message if standing.refusal else "")
    itself = "by itself, if it is approved" if version.campaign.approval == "required" else "by itself"
    occasion = occasion_of(ledger, account, version.campaign, now)
    if occasion is None:
        due = last_due(schedule, now)
        return ByHand(due, "" if due else f"its time has not come yet; it begins {itself}", skipped=True)
    if occasion.due is None:
        ahead = f"; the next one begins {itself}" if occasion.upcoming else ""
        return ByHand(None, occasion.why_not + ahead)
    if latest is not None and latest.created_at >= occasion.due:
        return ByHand(None, f"its last scheduled time has its run, {latest.run}")
    return ByHand(occasion.due, skipped=bool(occasion.skipped))


def _sentence(error: MmsflowError) -> str:
    if isinstance(error, InvalidInput) and error.findings:
        first = error.findings[0]
        more = f" (and {len(error.findings) - 1} more)" if len(error.findings) > 1 else ""
        return f"{first.place}: {first.message}{more}"
    return error.message
