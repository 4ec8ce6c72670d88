"""Which scheduled time of a recurring campaign ``run`` and ``plan`` are about now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from mmsflow.campaign.amounts import duration_text
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.recurrence import last_due
from mmsflow.errors import MmsflowError, PlanRefused, RunUnfinished
from mmsflow.ledger.store import LedgerReader
from mmsflow.plan.explain import minute_as_text
from mmsflow.workflow.openings import STAYS_CLOSED, Openings
from mmsflow.workflow.standing import Standing

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where a recurring campaign stands in its calendar.

    Attributes:
        due: the latest scheduled time, when it may still be carried out: somebody waits for it, it has no run, its
            deadline has not passed, and its window opens before the next one; aware, UTC. Earlier ones are not caught
            up with.
        why_not: why there is no ``due``, one sentence; empty where there is.
        upcoming: the next scheduled time that can send something; None after the last one.
        skipped: why ``due`` was passed over before; empty where it was not.
    """

    due: datetime | None
    why_not: str
    upcoming: datetime | None
    skipped: str = ""


def refusal_now(standing: Standing, occasion: Occasion | None, campaign: Campaign) -> MmsflowError | None:
    """Why no run may be begun now; of a recurring campaign whose time has its run it names the next one.

    What a person has to look at first, a pause or messages that were maybe sent, is told before that. Once the next
    time has come, only the pause is in its way.
    """
    if occasion is None or isinstance(standing.refusal, RunUnfinished):
        due = occasion is not None and occasion.due is not None and not standing.paused
        return None if due else standing.refusal
    return None if occasion.due else _nothing_due(occasion, campaign)


def _nothing_due(occasion: Occasion, campaign: Campaign) -> PlanRefused:
    if occasion.upcoming is None:
        ahead = "no time comes after it"
    else:
        ahead = f"the next time is {minute_as_text(occasion.upcoming, ZoneInfo(campaign.schedule.timezone))}"
    advice = "`--top-up` sends to recipients who had nothing yet, `--again` sends to everybody once more"
    return PlanRefused(
        f"nothing of {campaign.campaign} is due: {occasion.why_not}; {ahead}", advice, cause="nothing_due"
    )


def occasion_of(ledger: LedgerReader, account: str, campaign: Campaign, now: datetime) -> Occasion | None:
    """The occasion of a campaign with ``every``; None for any other."""
    schedule = campaign.schedule
    if schedule.every is None:
        return None
    openings = Openings(campaign)
    upcoming = next(openings.times(now), None)
    due = last_due(schedule, now)
    if due is None:
        return Occasion(None, "its first time has not come yet", upcoming)
    shown = minute_as_text(due, ZoneInfo(schedule.timezone))
    skips = ledger.skips(account, campaign.campaign)
    skip = next((skip for skip in skips if skip.due_at == due), None)
    if why := _taken(ledger, account, campaign.campaign, due):
        return Occasion(None, f"{shown} {why}", upcoming)
    if skip is None and (why := _never_expected(ledger, account, campaign, due, now)):
        return Occasion(None, f"{shown} {why}", upcoming)
    deadline = schedule.deadline(due)
    if deadline is not None and deadline <= now:
        return Occasion(None, f"`schedule.not_after` of {shown} has passed", upcoming)
    if openings.stays_closed(due, now):
        return Occasion(None, f"{shown} cannot be sent any more: {STAYS_CLOSED}", upcoming)
    return Occasion(due, "", upcoming, skip.reason if skip else "")


def _taken(ledger: LedgerReader, account: str, campaign: str, due: datetime) -> str:
    """The run that a time has, or a later one that it would come after; empty without either."""
    runs = ledger.runs(account=account, campaign=campaign, tests=False, due_from=due)
    for run in runs:
        if run.due_at == due:
            return f"has its run, {run.run}"
    return f"comes before that of its latest run, {runs[0].run}" if runs else ""


def _never_expected(ledger: LedgerReader, account: str, campaign: Campaign, due: datetime, now: datetime) -> str:
    """Why nobody waits for a time that was neither sent nor skipped; empty where somebody does.

    A file that is new, or has a new schedule, names times long before it was written. Nobody meant these.
    """
    accounted = ledger.accounted_until(account, campaign.campaign)
    if accounted is not None:
        return "came before the daemon knew of it" if due <= accounted else ""
    scheduled = ledger.runs(account=account, campaign=campaign.campaign, tests=False, due_from=_EVER, limit=1)
    grace = campaign.schedule.grace
    if scheduled or now - due <= grace:
        return ""
    return f"is more than its grace ({duration_text(grace)}) ago, and it has had no run yet"
