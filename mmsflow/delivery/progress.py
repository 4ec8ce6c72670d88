"""What a person sees while a run goes on; the core never prints, it tells an observer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mmsflow.mms.status import BUCKET_OF_STATE, Bucket, MessageState


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a run is right now.

    Attributes:
        messages: all messages of the run.
        unsent: still ready or on the wire.
        buckets: messages by bucket.
        waiting_for_reports: accepted ones whose delivery status is still asked for.
        notice: why nothing is sent right now, for people; empty while it is.
    """

    messages: int
    unsent: int
    buckets: Mapping[Bucket, int]
    waiting_for_reports: int
    notice: str = ""


Observer = Callable[[Snapshot], None]


def ignore(_: Snapshot) -> None:
    """The observer of those who do not watch."""


@dataclass(slots=True)
class Tally:
    """Counts by state, kept in step with the ledger without asking it again.

    Attributes:
        counts: messages by state.
        observer: told by ``tell``.
        polled: whether delivery reports are asked for.
        notice: why nothing is sent right now; empty while it is.
        on_accepted: called for each message that the gateway has taken.
    """

    counts: dict[MessageState, int]
    observer: Observer
    polled: bool
    notice: str = ""
    on_accepted: Callable[[], None] = lambda: None
    messages: int = field(init=False)

    def __post_init__(self) -> None:
        self.messages = sum(self.counts.values())

    def move(self, old: MessageState, new: MessageState) -> None:
        """One message went from ``old`` to ``new``."""
        self.counts[old] = self.counts.get(old, 0) - 1
        self.counts[new] = self.counts.get(new, 0) + 1
        if new is MessageState.ACCEPTED:
            self.on_accepted()

    @property
    def unsent(self) -> int:
        return self.counts.get(MessageState.READY, 0) + self.counts.get(MessageState.SENDING, 0)

    def tell(self, notice: str | None = None) -> None:
        """Give the observer a snapshot; ``notice`` replaces the last one when given."""
        if notice is not None:
            self.notice = notice
        buckets: dict[Bucket, int] = {}
        for state, number in self.counts.items():
            bucket = BUCKET_OF_STATE[state]
            buckets[bucket] = buckets.get(bucket, 0) + number
        waiting = self.counts.get(MessageState.ACCEPTED, 0) if self.polled else 0
        self.observer(Snapshot(self.messages, self.unsent, buckets, waiting, self.notice))
