"""What is known of a campaign's scheduled times, gathered for the rules of ``occurrences``, and what follows from it.

The daemon remembers a little more than the ledger holds, a ``Watch``; a command takes the watch of a daemon that would
look now. So the calendar shows what the daemon decides, by the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from mmsflow.campaign.amounts import duration_text
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.recurrence import due_times, last_due
from mmsflow.campaign.schedule import Schedule
from mmsflow.delivery.rules import RunRules
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import Approval, Notice
from mmsflow.ledger.store import LedgerReader
from mmsflow.plan.explain import minute_as_text
from mmsflow.workflow.approving import approval_of
from mmsflow.workflow.occurrences import (
    STAYS_CLOSED,
    Facts,
    Hindrance,
    LatestTime,
    NotDue,
    Waits,
    decide,
    decide_for_person,
)
from mmsflow.workflow.openings import Openings
from mmsflow.workflow.run import occurrence_of
from mmsflow.workflow.standing import has_unsent, sent_before

MOST_TIMES = 500  # at once; the loop must not stand still for a year of missed minutes
MOMENT = timedelta(microseconds=1)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_NOTICES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CameDue:
    """The scheduled times since everything was accounted for.

    Attributes:
        times: in order, at most MOST_TIMES; aware, UTC.
        more: further times came due.
        next_due: the first time that has not come yet; None where there is none.
    """

    times: Sequence[datetime]
    more: bool
    next_due: datetime | None


def came_due(schedule: Schedule, accounted: datetime, now: datetime) -> CameDue:
    """List the scheduled times later than ``accounted`` that have come."""
    times: list[datetime] = []
    for due in islice(due_times(schedule, accounted), MOST_TIMES + 1):
        if due > now:
            return CameDue(times=times, more=False, next_due=due)
        times.append(due)
    return CameDue(times=times[:MOST_TIMES], more=len(times) > MOST_TIMES, next_due=None)


def accounted_from(ledger: LedgerReader, account: str, campaign: Campaign, now: datetime) -> datetime:
    """Give the instant up to which a daemon that looks now takes a campaign's times for accounted for.

    A campaign that none ever followed is accounted for from now on. Its one start may lie in the past all the same:
    begun within its grace, else skipped with its reason.
    """
    accounted = ledger.accounted_until(account, campaign.campaign)
    if accounted is not None:
        return accounted
    schedule = campaign.schedule
    if schedule.every is None and schedule.start_instant is not None:
        return min(now, schedule.start_instant - MOMENT)
    return now


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a daemon knows of a campaign beside the ledger.

    Attributes:
        watched_since: somebody was there to begin from this instant on.
        asked_for: the time whose plan a person was asked to approve; None for none.
        asked_at: when an earlier process asked them; None where this one did.
        approval: the campaign's newest when they were asked.
        unanswered: nothing of what they were asked about has changed, as far as is known.
        hindrance: what was in the way when a time was tried last.
    """

    watched_since: datetime
    asked_for: datetime | None = None
    asked_at: datetime | None = None
    approval: Approval | None = None
    unanswered: bool = False
    hindrance: Hindrance | None = None

    def answered_at(self, ledger: LedgerReader, account: str, campaign: str) -> datetime | None:
        """Tell when somebody said yes since a person was asked, whichever plan they saw; None while nobody has."""
        if self.asked_for is None:
            return None
        newest = approval_of(ledger, account, campaign)
        if newest is None or newest.run or newest == self.approval:
            return None
        return newest.at if self.asked_at is None or newest.at >= self.asked_at else None


def facts_of(
    ledger: LedgerReader, account: str, campaign: Campaign, came: CameDue, watch: Watch, now: datetime
) -> Facts:
    """Gather what ``occurrences.decide`` needs; ``came`` holds at least one time."""
    schedule, times, openings = campaign.schedule, came.times, Openings(campaign)

    def mine(*, due_from: datetime | None = None, unfinished: bool = False) -> list[RunInfo]:
        name = campaign.campaign
        return ledger.runs(account=account, campaign=name, tests=False, due_from=due_from, unfinished=unfinished)

    # A campaign may have a run for each quarter of an hour of some years; only these are looked at.
    runs = mine() if schedule.every is None else mine(due_from=times[0])
    sending = [run for run in mine(unfinished=True) if not run.state.is_ended and has_unsent(ledger, run)]
    answered_at = watch.answered_at(ledger, account, campaign.campaign)
    return Facts(
        now=now,
        times=times,
        more=came.more,
        next_due=came.next_due,
        have_runs=frozenset(due for run in runs if (due := _due_of(run, schedule)) is not None),
        watched_since=watch.watched_since,
        run_once=schedule.missed == "run_once",
        grace=schedule.grace,
        not_after=schedule.deadline(times[-1]),
        unfinished=sending[0].run if sending else "",
        asked_for=watch.asked_for,
        unanswered=watch.unanswered and answered_at is None,
        answered_at=answered_at,
        hindrance=watch.hindrance,
        sent_before=sent_before(runs[0]) if runs and schedule.every is None else "",
        closed=frozenset(due for due in times if openings.stays_closed(due)),
        shut=openings.stays_closed(times[-1], now),
        shuts=openings.closes(times[-1], now),
    )


def _due_of(run: RunInfo, schedule: Schedule) -> datetime | None:
    """The scheduled time that a run was for; one begun by a person is for the campaign's only one, if it has that."""
    if run.due_at is not None or schedule.every is not None:
        return run.due_at
    start = RunRules.from_config(run.config).start
    return start if start == schedule.start_instant else None


@dataclass(frozen=True, slots=True)
class Pending:
    """A time that has come and has no run yet.

    Attributes:
        due: aware, UTC.
        until: how long the daemon still begins it, as soon as nothing blocks it; None where a person must approve its
            plan first, or it is skipped.
        skipped: why the daemon does not begin it any more; empty where it does.
    """

    due: datetime
    until: datetime | None
    skipped: str = ""


def pending_of(
    ledger: LedgerReader, account: str, campaign: Campaign, now: datetime, *, watched_since: datetime
) -> Pending | None:
    """Tell what the daemon does about the latest time that has come; None where there is nothing to do.

    Args:
        watched_since: when the daemon began that runs now; ``now`` where none runs, as for one that would begin now.
    """
    schedule, due = campaign.schedule, last_due(campaign.schedule, now)
    if due is None or due <= accounted_from(ledger, account, campaign, now):
        return None
    asked = _asked(ledger, account, campaign.campaign, due)
    watch = Watch(
        watched_since=watched_since,
        asked_for=due if asked else None,
        asked_at=asked.at if asked else None,
        unanswered=asked is not None,
    )
    came = CameDue(times=(due,), more=False, next_due=next(due_times(schedule, now), None))
    facts = facts_of(ledger, account, campaign, came, watch, now)
    if facts.have_runs or facts.sent_before:
        return None
    verdict = decide(facts)
    if verdict.skips:
        return Pending(due, None, verdict.skips[-1].reason)
    newest = approval_of(ledger, account, campaign.campaign)
    approved = facts.answered_at is not None if asked else newest is not None and not newest.run
    if verdict.waits is Waits.APPROVAL or (campaign.approval == "required" and not approved):
        return Pending(due, None)
    return Pending(due, max(due, facts.answered_at or due) + schedule.grace)


def approval_notice(campaign: str, due: datetime) -> str:
    """Name the notice that asks for approval of one scheduled time."""
    return f"approval/{campaign}/{occurrence_of(due)}"


def asked_about(ledger: LedgerReader, account: str) -> list[tuple[str, datetime]]:
    """List every (campaign, scheduled time) that a person was asked to approve and is waited for, the newest first."""
    notices = ledger.notices(account, _MOST_NOTICES, open_only=True, prefix="approval/")
    dues = [(each.said.campaign, each.said.detail.get("due")) for each in notices]
    return [(campaign, datetime.fromisoformat(str(due))) for campaign, due in dues if due]


def _asked(ledger: LedgerReader, account: str, campaign: str, due: datetime) -> Notice | None:
    """The open question for a yes to this time's plan."""
    name = approval_notice(campaign, due)
    return next(iter(ledger.notices(account, 1, open_only=True, prefix=name)), None)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Which scheduled time of a recurring campaign a person's run is for.

    Attributes:
        due: the latest scheduled time, when a run now makes up for it; aware, UTC. Earlier ones are not caught up with.
        why_not: why there is no ``due``, one sentence; empty where there is.
        upcoming: the next scheduled time that can send something; None after the last one.
        skipped: why ``due`` was passed over before; empty where it was not.
    """

    due: datetime | None
    why_not: str
    upcoming: datetime | None
    skipped: str = ""


def occasion_of(ledger: LedgerReader, account: str, campaign: Campaign, now: datetime) -> Occasion | None:
    """Find the occasion of a campaign with ``every``; None for any other."""
    if campaign.schedule.every is None:
        return None
    upcoming = next(Openings(campaign).times(now), None)
    latest = _latest_time(ledger, account, campaign, now)
    not_due = decide_for_person(latest)
    if not_due is not None:
        return Occasion(None, _not_due_as_text(not_due, latest, campaign), upcoming)
    return Occasion(latest.due, "", upcoming, latest.skip_reason)


def _latest_time(ledger: LedgerReader, account: str, campaign: Campaign, now: datetime) -> LatestTime:
    name, schedule = campaign.campaign, campaign.schedule
    due = last_due(schedule, now)
    if due is None:
        return LatestTime(now=now, due=None, grace=schedule.grace)
    runs = ledger.runs(account=account, campaign=name, tests=False, due_from=due)
    skips = (skip.reason for skip in ledger.skips(account, name) if skip.due_at == due)
    return LatestTime(
        now=now,
        due=due,
        run=next((run.run for run in runs if run.due_at == due), ""),
        later_run=runs[0].run if runs else "",
        skip_reason=next(skips, ""),
        accounted=ledger.accounted_until(account, name),
        ever_begun=bool(ledger.runs(account=account, campaign=name, tests=False, due_from=_EVER, limit=1)),
        grace=schedule.grace,
        not_after=schedule.deadline(due),
        shut=Openings(campaign).stays_closed(due, now),
    )


def _not_due_as_text(why: NotDue, latest: LatestTime, campaign: Campaign) -> str:
    if latest.due is None:
        return "its first time has not come yet"
    shown = minute_as_text(latest.due, ZoneInfo(campaign.schedule.timezone))
    grace = duration_text(latest.grace)
    return {
        NotDue.NOT_COME: "its first time has not come yet",
        NotDue.HAS_RUN: f"{shown} has its run, {latest.run}",
        NotDue.BEFORE_LATER_RUN: f"{shown} comes before that of its latest run, {latest.later_run}",
        NotDue.BEFORE_WATCHED: f"{shown} came before the daemon knew of it",
        NotDue.NEVER_EXPECTED: f"{shown} is more than its grace ({grace}) ago, and it has had no run yet",
        NotDue.PAST_DEADLINE: f"`schedule.not_after` of {shown} has passed",
        NotDue.STAYS_CLOSED: f"{shown} cannot be sent any more: {STAYS_CLOSED}",
    }[why]
