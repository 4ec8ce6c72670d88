"""How a run stands, in keys of words that both languages have: its state, how grave that is, and what may be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmsflow.delivery.progress import Snapshot
from mmsflow.engine.control import PAUSED
from mmsflow.ledger.model import RunInfo, RunState
from mmsflow.mms.status import Bucket

SHOWN_ORDER: tuple[Bucket, ...] = (
    Bucket.DELIVERED,
    Bucket.ACCEPTED,
    Bucket.PENDING,
    Bucket.MAYBE_SENT,
    Bucket.UNDETERMINED,
    Bucket.EXPIRED,
    Bucket.FAILED,
    Bucket.NOT_SENT,
)
"""Buckets of messages, in the order of the bar."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of a run by bucket.

    Attributes:
        messages: rows that got a message, or will.
        begun: of them, those that have left us, or may have.
        unsent: of them, those that may still leave us.
    """

    buckets: Mapping[Bucket, int]

    @property
    def of_messages(self) -> Mapping[Bucket, int]:
        return {bucket: self.buckets[bucket] for bucket in SHOWN_ORDER}

    @property
    def messages(self) -> int:
        return sum(self.of_messages.values())

    @property
    def begun(self) -> int:
        return self.messages - self.buckets[Bucket.PENDING] - self.buckets[Bucket.NOT_SENT]

    @property
    def unsent(self) -> int:
        return self.buckets[Bucket.PENDING]


def counts_of(buckets: Mapping[Bucket, int]) -> Counts:
    """The counts, every bucket there."""
    return Counts({bucket: buckets.get(bucket, 0) for bucket in Bucket})


def state_key(run: RunInfo, counts: Counts, *, live: bool) -> str:
    """The key of the words for a run's state."""
    if run.state is RunState.PAUSED:
        return f"paused.{run.paused_by.value or 'nobody'}"
    if run.state.is_under_way and not live:
        return "run_state.interrupted"
    if run.state is RunState.DONE and run.delivery_report and counts.buckets[Bucket.ACCEPTED]:
        return "run_state.awaiting"
    return f"run_state.{run.state.value}"


def level_of(run: RunInfo, counts: Counts, *, live: bool) -> str:
    """How grave it is, as the style sheet names it."""
    if run.state is RunState.PAUSED:
        return "alarm" if run.paused_by.is_fault else "look" if run.paused_by.is_by_person else "wait"
    if run.state.is_under_way:
        return "wait" if live else "look"
    if run.state is RunState.DONE_WITH_UNKNOWN or counts.buckets[Bucket.MAYBE_SENT]:
        return "look"
    if run.state.is_closed:
        return "note"
    return "wait" if run.delivery_report and counts.buckets[Bucket.ACCEPTED] else "good"


def why(run: RunInfo, snapshot: Snapshot | None) -> str:
    """Why it stands so, as the ledger or the sender says it; empty where there is nothing to say."""
    if run.reason == PAUSED:
        return ""  # the state says as much
    if run.reason:
        return run.reason
    return snapshot.notice if snapshot else ""
