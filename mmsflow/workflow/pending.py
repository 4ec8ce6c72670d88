"""The scheduled time of a campaign that has come and is neither begun nor skipped, as the ledger knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mmsflow.campaign.model import Campaign
from mmsflow.campaign.recurrence import last_due
from mmsflow.ledger.operation import Notice
from mmsflow.ledger.store import LedgerReader
from mmsflow.workflow.openings import Openings
from mmsflow.workflow.run import occurrence_of

_MOST_NOTICES = 1000


@dataclass(frozen=True, slots=True)
class Pending:
    """A time that has come.

    Attributes:
        due: aware, UTC.
        until: how long the daemon still begins it, as soon as nothing is in its way; None where a person must approve
            its plan first.
    """

    due: datetime
    until: datetime | None


def approval_notice(campaign: str, due: datetime) -> str:
    """The name of the notice that asks for approval of one scheduled time."""
    return f"approval/{campaign}/{occurrence_of(due)}"


def pending_of(ledger: LedgerReader, account: str, campaign: Campaign, now: datetime) -> Pending | None:
    """The time that a daemon still means to begin; None without one, and where no daemon follows the campaign."""
    accounted, due = ledger.accounted_until(account, campaign.campaign), last_due(campaign.schedule, now)
    if accounted is None or due is None or due <= accounted or _is_over(ledger, account, campaign, due, now):
        return None
    asked = _asked(ledger, account, campaign.campaign, due)
    answered_at = _answered_at(ledger, account, campaign.campaign, asked)
    if campaign.approval == "required" and answered_at is None:
        in_time = asked is not None or now - due <= campaign.schedule.grace
        return Pending(due, None) if in_time else None
    counted_from = max(due, answered_at) if asked and answered_at else due
    until = counted_from + campaign.schedule.grace
    return Pending(due, until) if now <= until else None


def asked_about(ledger: LedgerReader, account: str) -> list[tuple[str, datetime]]:
    """Every (campaign, scheduled time) that a person was asked to approve and is still waited for, the newest first."""
    notices = ledger.notices(account, _MOST_NOTICES, open_only=True, prefix="approval/")
    dues = [(each.said.campaign, each.said.detail.get("due")) for each in notices]
    return [(campaign, datetime.fromisoformat(str(due))) for campaign, due in dues if due]


def _is_over(ledger: LedgerReader, account: str, campaign: Campaign, due: datetime, now: datetime) -> bool:
    recurs, deadline = campaign.schedule.every is not None, campaign.schedule.deadline(due)
    mine = ledger.runs(
        account=account, campaign=campaign.campaign, tests=False, due_from=due if recurs else None, limit=1
    )
    return bool(mine) or (deadline is not None and deadline <= now) or Openings(campaign).stays_closed(due, now)


def _asked(ledger: LedgerReader, account: str, campaign: str, due: datetime) -> Notice | None:
    """The open question for a yes to this time's plan."""
    name = approval_notice(campaign, due)
    return next(iter(ledger.notices(account, 1, open_only=True, prefix=name)), None)


def _answered_at(ledger: LedgerReader, account: str, campaign: str, asked: Notice | None) -> datetime | None:
    newest = ledger.last_approval(account, campaign)
    if newest is None or newest.run or (asked is not None and newest.at < asked.at):
        return None
    return newest.at
