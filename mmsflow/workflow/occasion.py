"""Which scheduled time of a recurring campaign ``run`` and ``plan`` are about now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from mmsflow.campaign.model import Campaign
from mmsflow.campaign.recurrence import due_times, last_due
from mmsflow.errors import MmsflowError, PlanRefused, RunUnfinished
from mmsflow.ledger.store import LedgerReader
from mmsflow.plan.explain import minute_as_text
from mmsflow.workflow.run import occurrence_of
from mmsflow.workflow.standing import Standing


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where a recurring campaign stands in its calendar.

    Attributes:
        due: the latest scheduled time, when it may still be carried out: it has no run, and its deadline has not
            passed; aware, UTC. Earlier ones are not caught up with.
        why_not: why there is no ``due``, one sentence; empty where there is.
        upcoming: the next scheduled time; None after the last one.
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
    return PlanRefused(f"nothing of {campaign.campaign} is due: {occasion.why_not}; {ahead}", advice)


def occasion_of(ledger: LedgerReader, account: str, campaign: Campaign, now: datetime) -> Occasion | None:
    """The occasion of a campaign with ``every``; None for any other."""
    schedule = campaign.schedule
    if schedule.every is None:
        return None
    upcoming = next(due_times(schedule, now), None)
    due = last_due(schedule, now)
    if due is None:
        return Occasion(None, "its first time has not come yet", upcoming)
    shown = minute_as_text(due, ZoneInfo(schedule.timezone))
    taken = next(iter(ledger.runs(account=account, campaign=campaign.campaign, occurrence=occurrence_of(due))), None)
    if taken is not None:
        return Occasion(None, f"{shown} has its run, {taken.run}", upcoming)
    deadline = schedule.deadline(due)
    if deadline is not None and deadline <= now:
        return Occasion(None, f"`schedule.not_after` of {shown} has passed", upcoming)
    passed_over = (skip.reason for skip in ledger.skips(account, campaign.campaign) if skip.due_at == due)
    return Occasion(due, "", upcoming, next(passed_over, ""))
