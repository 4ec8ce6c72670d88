"""The nouns of a breakdown: one part of a run's rows, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mmsflow.mms.status import Bucket


@dataclass(frozen=True, slots=True)
class Part:
    """The rows that have something in common: a list, a variant, a value in a segment's column.

    Attributes:
        name: what they have in common, as it stands in the data; may be empty.
        buckets: rows by bucket; only buckets that occur.
    """

    name: str
    buckets: Mapping[Bucket, int]

    @property
    def rows(self) -> int:
        """All rows, those without a message included."""
        return sum(self.buckets.values())

    @property
    def sent(self) -> int:
        """Messages whose request left us, whatever became of them."""
        return sum(count for bucket, count in self.buckets.items() if not bucket.is_unsent)

    @property
    def delivered(self) -> int:
        """Messages that a handset has."""
        return self.buckets.get(Bucket.DELIVERED, 0)

    @property
    def failed(self) -> int:
        """Messages that the gateway or the network refused."""
        return self.buckets.get(Bucket.FAILED, 0)

    @property
    def other(self) -> int:
        """Messages sent that are neither delivered nor failed: on their way, expired, or of unknown fate."""
        return self.sent - self.delivered - self.failed

    @property
    def awaited(self) -> int:
        """Messages whose end is still to be known: not sent yet, accepted, or maybe sent."""
        return sum(count for bucket, count in self.buckets.items() if bucket.is_awaited)


@dataclass(frozen=True, slots=True)
class SegmentCounts:
    """A run's rows by the values of one column.

    Attributes:
        column: the column's name in the lists.
        parts: the largest, by rows, then by name; an empty name is an empty cell.
        rest: the rows of all other values; None where every value is listed.
        values: distinct values that were told apart.
        more: further rows had values that were not told apart any more, for memory's sake.
    """

    column: str
    parts: tuple[Part, ...]
    rest: Part | None
    values: int
    more: bool


@dataclass(frozen=True, slots=True)
class HourCount:
    """The messages that were sent in one hour, and what has become of them since.

    Attributes:
        at: start of the hour, aware, UTC; None where hours of the day are summed over many days.
        hour: local hour of the day, 0 to 23.
        part: the messages; its name is empty.
    """

    at: datetime | None
    hour: int
    part: Part


@dataclass(frozen=True, slots=True)
class LatencyBin:
    """How many delivery reports came after more than ``above`` and within ``up_to``; None has no upper bound."""

    above: timedelta
    up_to: timedelta | None
    count: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Times from sending to the delivery report, each within 1 %.

    Attributes:
        quantiles: time by share of the reports (0.1, 0.5, 0.9, 0.95, 0.99) that came within it.
        bins: side by side, from the first to the last that holds anything.
    """

    quantiles: Mapping[float, timedelta]
    bins: tuple[LatencyBin, ...]

    @property
    def reports(self) -> int:
        """Delivery reports whose time is known."""
        return sum(item.count for item in self.bins)
