"""Two runs held against each other: shares with the interval of their difference, and what is only in one. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmsflow.ledger.model import RunInfo
from mmsflow.mms.status import Bucket
from mmsflow.report.experiment import Interval, count_arm, wilson_interval
from mmsflow.report.model import Summary
from mmsflow.report.parts import Part


@dataclass(frozen=True, slots=True)
class Delivered:
    """Delivered messages among those with a final outcome.

    Attributes:
        share, interval: None without any final outcome.
    """

    final: int
    delivered: int
    outstanding: int
    share: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How a share moved from the first run to the second: 0.02 is two percentage points more.

    Attributes:
        by, low, high: the difference and its 95 % interval; None where one of the shares is not known.
    """

    first: Delivered
    second: Delivered
    by: float | None
    low: float | None
    high: float | None

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval leaves no room for no difference at all."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True)
class Pair:
    """A count in both runs by one label; None where a run does not tell it apart."""

    label: str
    first: int | None
    second: int | None


@dataclass(frozen=True, slots=True)
class SegmentPair:
    """One value of a column in both runs; None where a run has it among its other values, or not at all."""

    name: str
    first: Part | None
    second: Part | None
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs."""

    run: RunInfo
    summary: Summary


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that `compare` tells.

    Attributes:
        failures: messages refused, by short reason, the most frequent first.
        segments: by column that both runs count by, the values in the order of their size.
        numbers: how many numbers, by their bucket in the first run and in the second; None where not in that run.
    """

    first: Side
    second: Side
    delivered: Difference
    failures: tuple[Pair, ...]
    segments: Mapping[str, tuple[SegmentPair, ...]]
    numbers: Mapping[tuple[Bucket | None, Bucket | None], int]

    @property
    def forgotten(self) -> bool:
        """Whether the numbers of one of the runs are not known any more, so that ``numbers`` is empty."""
        return any(side.run.purged_at is not None for side in (self.first, self.second))

    @property
    def in_both(self) -> int:
        """Numbers that both runs have."""
        return sum(count for (first, second), count in self.numbers.items() if first and second)

    @property
    def only_first(self) -> int:
        """Numbers that only the first run has."""
        return sum(count for (_, second), count in self.numbers.items() if second is None)

    @property
    def only_second(self) -> int:
        """Numbers that only the second run has."""
        return sum(count for (first, _), count in self.numbers.items() if first is None)


def compare_sides(first: Side, second: Side, numbers: Mapping[tuple[Bucket | None, Bucket | None], int]) -> Comparison:
    """Hold two summaries against each other."""
    return Comparison(
        first,
        second,
        difference(first.summary.buckets, second.summary.buckets),
        _failures(first.summary, second.summary),
        _segments(first.summary, second.summary),
        numbers,
    )


def difference(first: Mapping[Bucket, int], second: Mapping[Bucket, int]) -> Difference:
    """From one share of delivered messages to the other, with the interval of the difference.

    The interval is made from the two shares' own Wilson intervals (R. G. Newcombe, Statistics in Medicine 17, 1998,
    method 10), so that it holds near 100 %, where delivery lies.
    """
    one, other = _delivered(first), _delivered(second)
    if one.share is None or other.share is None or one.interval is None or other.interval is None:
        return Difference(one, other, None, None, None)
    by = other.share - one.share
    low = by - math.hypot(other.share - other.interval.low, one.interval.high - one.share)
    high = by + math.hypot(other.interval.high - other.share, one.share - one.interval.low)
    return Difference(one, other, by, max(-1.0, low), min(1.0, high))


def _delivered(buckets: Mapping[Bucket, int]) -> Delivered:
    counts = count_arm("", buckets)
    if not counts.final:
        return Delivered(0, 0, counts.outstanding, None, None)
    interval = wilson_interval(counts.delivered, counts.final)
    share = counts.delivered / counts.final
    return Delivered(counts.final, counts.delivered, counts.outstanding, share, interval)


def _failures(first: Summary, second: Summary) -> tuple[Pair, ...]:
    mine = {item.label: item.count for item in first.failures}
    theirs = {item.label: item.count for item in second.failures}
    labels = sorted({*mine, *theirs}, key=lambda label: (-mine.get(label, 0) - theirs.get(label, 0), label))
    return tuple(Pair(label, mine.get(label, 0), theirs.get(label, 0)) for label in labels)


def _segments(first: Summary, second: Summary) -> dict[str, tuple[SegmentPair, ...]]:
    theirs = {segment.column: segment.parts for segment in second.segments}
    return {
        segment.column: tuple(_pairs(segment.parts, theirs[segment.column]))
        for segment in first.segments
        if segment.column in theirs
    }


def _pairs(first: Sequence[Part], second: Sequence[Part]) -> Iterable[SegmentPair]:
    mine, theirs = {part.name: part for part in first}, {part.name: part for part in second}
    for name in dict.fromkeys((*mine, *theirs)):
        one, other = mine.get(name), theirs.get(name)
        yield SegmentPair(name, one, other, difference(one.buckets, other.buckets) if one and other else None)
