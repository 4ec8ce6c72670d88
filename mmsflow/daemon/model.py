"""What the daemon shows of itself: a campaign's file and its next time, a plan that waits for a yes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mmsflow.errors import Finding
from mmsflow.ledger.operation import Approval
from mmsflow.plan.model import Plan
from mmsflow.workflow.other_account import AccountQuestion


class CardState(StrEnum):
    """How a campaign stands with the daemon."""

    FAULTY = "faulty"  # no version of its file was ever good
    BY_HAND = "by_hand"  # `start: now`: people begin its runs
    SCHEDULED = "scheduled"  # its next time is known
    PLANNING = "planning"  # its time has come, its lists are read
    AWAITS_APPROVAL = "awaits_approval"  # planned, and nobody has said yes to this plan
    HINDERED = "hindered"  # its time has come, and something is in the way; tried again until its grace is over
    RUNNING = "running"  # a run of it is carried out, or only its delivery reports are followed
    ENDED = "ended"  # no time is left


@dataclass(frozen=True, slots=True)
class CampaignCard:
    """One campaign file as the daemon has it.

    Attributes:
        file: path from the workspace's top.
        campaign: its identity; empty where no version was ever good.
        description: for people.
        state: see CardState.
        errors: what is wrong with the file as it is now; empty when it is good.
        version_at: when the version in force was read, aware; None without one. With ``errors`` it is an older one.
        sha256: of the version in force.
        recurring: it has a cron expression.
        approval_required: a person must approve each plan.
        zone: the campaign's, for what people read.
        next_due: the next scheduled time that will have a run, aware, UTC; None without one.
        due: the scheduled time that is being worked at, aware, UTC.
        digest: of the plan that awaits approval; empty otherwise.
        reason: why it does not go on, one sentence; empty while it does.
        runs: ids of its runs that are carried out right now.
    """

    file: str
    campaign: str
    description: str
    state: CardState
    errors: tuple[Finding, ...]
    version_at: datetime | None
    sha256: str
    recurring: bool
    approval_required: bool
    zone: str
    next_due: datetime | None
    due: datetime | None
    digest: str
    reason: str
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan that was made just now, for people to look at and to approve.

    Attributes:
        file: the campaign file.
        zone: the campaign's.
        plan: its waves, rows, warnings; ``plan.digest`` is what an approval binds to.
        approval_required: nothing is sent without a yes to this digest.
        approval: the campaign's last approval; it holds where its digest is this plan's and no run has used it up.
        changes: what is different from what that approval saw, one sentence each; empty where it holds.
        due: the scheduled time that it would be carried out for; None when it is begun at once.
        can_begin: a run may be begun by hand now.
        why_not: why it may not, one sentence; empty where it may.
        by_hand_for: the scheduled time that such a run makes up for; None where it is for none.
        by_hand_until: what is not sent of it by then is not sent at all; None without a deadline.
        asks: what a person must say about accounts first; None where nothing is asked.
    """

    file: str
    zone: str
    plan: Plan
    approval_required: bool
    approval: Approval | None
    changes: tuple[str, ...]
    due: datetime | None
    can_begin: bool
    why_not: str
    by_hand_for: datetime | None = None
    by_hand_until: datetime | None = None
    asks: AccountQuestion | None = None

    @property
    def approved(self) -> bool:
        """Whether somebody has said yes to exactly this plan."""
        return self.approval is not None and self.approval.holds_for(self.plan.digest)
