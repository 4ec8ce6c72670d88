"""The campaign's own brakes: a canary that goes first, and a share of failures that stops the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mmsflow.delivery.halt import Halt, tripped
from mmsflow.ledger.model import CANARY_FAILED, FirstMessages, Lift
from mmsflow.mms.status import MessageState, failed_of, outcomes_of


@dataclass(frozen=True, slots=True)
class Canary:
    """The first messages go alone; the rest only when enough of them were delivered.

    Attributes:
        first: how many, above 0.
        wait: how long their delivery reports are awaited after the last of them was sent.
        min_delivered: the share of them that must be delivered, above 0, at most 1.
    """

    first: int
    wait: timedelta
    min_delivered: float


@dataclass(frozen=True, slots=True)
class StopIf:
    """A share of failures that pauses the run.

    Attributes:
        failed: share of the messages with an outcome, above 0, at most 1.
        after: how many must have one before it is looked at.
    """

    failed: float
    after: int


@dataclass(frozen=True, slots=True)
class CanaryVerdict:
    """What the canary says now.

    Attributes:
        passed: the rest may go.
        halt: it may not, and why; None while the canary is awaited.
        until: when it is decided at the latest; None where its messages have not all been sent.
    """

    passed: bool = False
    halt: Halt | None = None
    until: datetime | None = None


def judge_canary(canary: Canary, stands: FirstMessages, now: datetime) -> CanaryVerdict:
    """Judge the first messages by their delivery reports. Pure.

    Args:
        stands: how the first ``canary.first`` messages stand.
        now: aware.
    """
    total = sum(number for state, number in stands.states.items() if not state.never_left)
    delivered = stands.states.get(MessageState.DELIVERED, 0)
    if delivered >= total * canary.min_delivered:
        return CanaryVerdict(passed=True)
    unsent = stands.states.get(MessageState.READY, 0) + stands.states.get(MessageState.SENDING, 0)
    if unsent:
        return CanaryVerdict()
    open_ = sum(number for state, number in stands.states.items() if not state.is_final)
    until = (stands.last_sent_at or now) + canary.wait
    if open_ and now < until:
        return CanaryVerdict(until=until)
    wanted = f"{canary.min_delivered:.0%} must be"
    text = f"{CANARY_FAILED}: {delivered} of the first {total} messages were delivered, {wanted}"
    return CanaryVerdict(
        halt=tripped(text, "look at the report; going on sends the rest all the same", cause="canary_failed")
    )


def judge_failures(rule: StopIf, counts: Mapping[MessageState, int], lift: Lift | None) -> Halt | None:
    """Judge the share of failed and rejected messages among those with an outcome. Pure.

    Args:
        counts: all messages of the run by state.
        lift: the last override; what had an outcome by then counts no more.
    """
    total, failed = outcomes_of(counts), failed_of(counts)
    if lift is not None:
        total, failed = total - lift.left, failed - lift.failed
    if total < rule.after or failed <= total * rule.failed:
        return None
    # Delivery reports of messages from before an override may come now: no more than all can have failed.
    text = f"{min(failed, total)} of {total} messages failed, more than `stop_if.failed` ({rule.failed:.0%}) allows"
    return tripped(text, "look at the report; going on sends the rest all the same", cause="too_many_failed")
