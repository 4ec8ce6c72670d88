"""Distributions that fit in memory whatever the run's length: events over time, and spans of time."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

_SLOTS = 4096

# Widths of a bin in seconds that people can read off an axis.
_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
MAX_BINS = 60


class Timeline:
    """Counts of events by second, getting coarser (2 s, 4 s …) when a run is so long that they would fill memory."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._shift = 0

    def add(self, epoch: float, count: int = 1) -> None:
        """Count events at ``epoch`` seconds since 1970."""
        self._counts[int(epoch) >> self._shift] += count
        if len(self._counts) > _SLOTS:
            self._coarsen()

    def _coarsen(self) -> None:
        coarser: Counter[int] = Counter()
        for slot, count in self._counts.items():
            coarser[slot >> 1] += count
        self._counts = coarser
        self._shift += 1

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last second with an event, None without any."""
        if not self._counts:
            return None
        return min(self._counts) << self._shift, max(self._counts) << self._shift

    def cumulative(self, edges: range) -> Iterator[int]:
        """For each edge (seconds since 1970, rising), the events before it."""
        slots = sorted(self._counts.items(), reverse=True)
        total = 0
        for edge in edges:
            while slots and slots[-1][0] << self._shift < edge:
                total += slots.pop()[1]
            yield total


def bin_edges(first: int, last: int) -> range:
    """Edges, in seconds since 1970, of at most 60 equal bins of a readable width that cover both seconds."""
    width = next((width for width in _WIDTHS if _bins(first, last, width) <= MAX_BINS), _WIDTHS[-1])
    while _bins(first, last, width) > MAX_BINS:
        width *= 2
    return range(first // width * width, last // width * width + width + 1, width)


def _bins(first: int, last: int, width: int) -> int:
    return last // width - first // width + 1


class Spans:
    """Spans of time in a histogram whose bins are narrower than 1 %, from a tenth of a second up."""

    def __init__(self) -> None:
        self._tenths: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one span; a negative one, from clocks that disagree, counts as none at all."""
        tenths = max(0, int(seconds * 10 + 0.5))
        step = max(0, tenths.bit_length() - 8)
        self._tenths[tenths >> step << step] += 1

    def quantile(self, share: float) -> timedelta | None:
        """The shortest span that ``share`` of all spans do not exceed; None without any."""
        needed = share * self._tenths.total()
        seen = 0
        for tenths, count in sorted(self._tenths.items()):
            seen += count
            if seen >= needed:
                return timedelta(seconds=tenths / 10)
        return None

    def counts(self, edges: Sequence[int]) -> list[int]:
        """How many spans there are up to each edge (seconds, rising) and above the one before; last, above them all.

        A span just above an edge, within 1 %, may count as one up to it.
        """
        found = [0] * (len(edges) + 1)
        for tenths, count in self._tenths.items():
            found[bisect_left(edges, tenths / 10)] += count
        return found
