"""Which instant a local time means where the clocks are put forward or back."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def instants_of(local: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants at which the clocks of ``zone`` show ``local``, aware, UTC, in order: one, two, or none.

    Args:
        local: naive, whole seconds.
    """
    both = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    if both[0] > both[1]:
        return []  # skipped: read with the offset after the jump, it lies before it
    return both if both[0] < both[1] else both[:1]


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant that ``local`` means: of a time that comes twice the first, for a skipped one that of the jump."""
    found = instants_of(local, zone)
    return found[0] if found else _jump_over(local, zone)


def _jump_over(local: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks jump over ``local``; zoneinfo tells offsets, but no transitions."""
    late, early = (int(local.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    seconds = range(early, late + 1)
    offset = datetime.fromtimestamp(late, zone).utcoffset()
    first = bisect_left(seconds, True, key=lambda second: datetime.fromtimestamp(second, zone).utcoffset() == offset)
    return datetime.fromtimestamp(seconds[first], UTC)
