"""Counts of a run's rows by variant, list, segment and hour, in memory that does not grow with them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain, repeat

from mmsflow.mms.status import Bucket
from mmsflow.report.parts import HourCount, Latency, LatencyBin, Part, SegmentCounts
from mmsflow.report.timeline import Spans

KEPT_VALUES = 200
LISTED_VALUES = 20
_VALUE_LENGTH = 200

# More rows than this are not read as a list of hours but as a day's profile.
LISTED_HOURS = 48
_KEPT_HOURS = 2_000
_HOUR = 3_600

QUANTILES = (0.1, 0.5, 0.9, 0.95, 0.99)

# Upper edges of the bins of latency, in seconds; people read them off without a calculator.
_EDGES = (5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800)


class PartCounts:
    """Rows by name and bucket."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Bucket]] = {}

    def add(self, name: str, bucket: Bucket, count: int) -> None:
        """Count rows of one name that are in one bucket."""
        found = self._counts.get(name)
        if found is None:
            found = self._counts[name] = Counter()
        found[bucket] += count

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, name: str) -> bool:
        return name in self._counts

    def parts(self) -> tuple[Part, ...]:
        """In the order in which the names came."""
        return tuple(Part(name, dict(counts)) for name, counts in self._counts.items())


class SegmentCounter:
    """Rows by the values of the columns that the campaign counts by.

    Of each column the first 200 distinct values are told apart; rows with others are counted together, because a
    column in which every row differs is no segment and must not fill memory.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._parts = [PartCounts() for _ in self._columns]
        self._rest: list[Counter[Bucket]] = [Counter() for _ in self._columns]

    def add(self, values: Sequence[str], bucket: Bucket, count: int) -> None:
        """Count rows with the values of one row; values that are missing at its end are empty."""
        for value, parts, rest in zip(chain(values, repeat("")), self._parts, self._rest, strict=False):
            name = value[:_VALUE_LENGTH]
            if name in parts or len(parts) < KEPT_VALUES:
                parts.add(name, bucket, count)
            else:
                rest[bucket] += count

    def segments(self) -> tuple[SegmentCounts, ...]:
        """In the order of the columns."""
        found = zip(self._columns, self._parts, self._rest, strict=True)
        return tuple(_segment(column, parts.parts(), rest) for column, parts, rest in found)


def _segment(column: str, parts: Sequence[Part], uncounted: Mapping[Bucket, int]) -> SegmentCounts:
    by_size = sorted(parts, key=lambda part: (-part.rows, part.name))
    rest = Counter(uncounted)
    for part in by_size[LISTED_VALUES:]:
        rest.update(part.buckets)
    listed = tuple(by_size[:LISTED_VALUES])
    return SegmentCounts(column, listed, Part("", dict(rest)) if rest else None, len(parts), bool(uncounted))


class HourCounter:
    """Messages by the hour in which they were sent.

    Hours are counted in UTC and named in the run's zone, so that the hour that comes twice in autumn stays two.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._hours: dict[int, Counter[Bucket]] = {}
        self._days: dict[int, Counter[Bucket]] = {}

    def add(self, epoch: float, bucket: Bucket, count: int) -> None:
        """Count messages sent at ``epoch`` seconds since 1970."""
        hour = int(epoch) // _HOUR
        found = self._hours.get(hour)
        if found is None:
            if len(self._hours) >= _KEPT_HOURS:
                self._days = self._of_day()
                self._hours = {}
            found = self._hours[hour] = Counter()
        found[bucket] += count

    def hours(self) -> tuple[HourCount, ...]:
        """Each hour in which something was sent; when they are more than 48, the hours of the day over all days."""
        if self._days or len(self._hours) > LISTED_HOURS:
            return tuple(HourCount(None, hour, Part("", dict(n))) for hour, n in sorted(self._of_day().items()))
        return tuple(
            HourCount(_instant(hour), _instant(hour).astimezone(self._zone).hour, Part("", dict(counts)))
            for hour, counts in sorted(self._hours.items())
        )

    def _of_day(self) -> dict[int, Counter[Bucket]]:
        found = {hour: Counter(counts) for hour, counts in self._days.items()}
        for hour, counts in self._hours.items():
            found.setdefault(_instant(hour).astimezone(self._zone).hour, Counter()).update(counts)
        return found


def _instant(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * _HOUR, UTC)


def latency_of(spans: Spans) -> Latency | None:
    """Quantiles and a histogram of times until the delivery report; None without any."""
    quantiles = {share: spans.quantile(share) for share in QUANTILES}
    known = {share: span for share, span in quantiles.items() if span is not None}
    bins = tuple(_trimmed(list(_bins(spans))))
    return Latency(known, bins) if bins else None


def _bins(spans: Spans) -> Iterator[LatencyBin]:
    counts = spans.counts(_EDGES)
    starts = (0, *_EDGES)
    ends = (*(timedelta(seconds=edge) for edge in _EDGES), None)
    for start, end, count in zip(starts, ends, counts, strict=True):
        yield LatencyBin(timedelta(seconds=start), end, count)


def _trimmed(bins: Sequence[LatencyBin]) -> Iterable[LatencyBin]:
    held = [index for index, item in enumerate(bins) if item.count]
    return bins[held[0] : held[-1] + 1] if held else ()
