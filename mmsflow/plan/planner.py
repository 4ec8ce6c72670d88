"""Cut messages into waves, purely: quota periods, the campaign's rate, start and deadline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

from mmsflow.errors import PlanRefused
from mmsflow.plan.model import QuotaForecast, Wave
from mmsflow.plan.quota import later_reset


def cut_waves(
    messages: int, *, quota: QuotaForecast, start: datetime, per_second: float | None, zone: ZoneInfo
) -> list[Wave]:
    """Cut one wave for each quota period until every message has its place.

    Args:
        messages: how many are to be sent, at least 0.
        quota: what each period permits.
        start: first instant at which one may be sent, aware, UTC.
        per_second: submissions a second, above 0; None for as fast as the gateway takes them.
        zone: where the reset's time is local.

    Returns:
        Waves in time order; the sum of their sizes is ``messages``. A wave whose period's date is not known has no
        times.

    Raises:
        PlanRefused: no period ever permits a message.
    """
    if messages and not quota.permitted_later:
        raise PlanRefused(
            f"the quota ({quota.used} used, {quota.available} available) leaves nothing for this campaign",
            "lower `quota.reserve`, raise `quota.share`, or ask the operator for a larger quota",
        )
    waves: list[Wave] = []
    left = messages
    for begins, ends, allowance in _periods(quota, start, zone):
        if not left:
            break
        opens = None if begins is None else max(begins, start)
        room = min(left, allowance)
        if per_second and opens is not None and ends is not None:
            # A pace slower than a message a period still sends one in each.
            room = min(room, max(1, floor((ends - opens).total_seconds() * per_second)))
        if room <= 0:
            continue
        closes = None
        if opens is not None:
            closes = opens + timedelta(seconds=ceil(room / per_second)) if per_second else opens
        waves.append(Wave(len(waves) + 1, opens, closes, room))
        left -= room
    return waves


def _periods(
    quota: QuotaForecast, start: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime | None, datetime | None, int]]:
    """(begins, ends, allowance) of each period that ends after ``start``; without dates once they are not known."""
    first = quota.resets_at
    if first is None or start < first:
        yield start, first, quota.permitted_now
    if first is None or quota.period is None:
        if first is not None:
            yield first, None, quota.permitted_later
        while True:
            yield None, None, quota.permitted_later
    step = 0
    while True:
        begins = later_reset(first, quota.period, step, zone)
        ends = later_reset(first, quota.period, step + 1, zone)
        step += 1
        if ends > start:
            yield begins, ends, quota.permitted_later


def sent_in_time(waves: list[Wave], deadline: datetime, per_second: float | None) -> int:
    """How many messages of ``waves`` are submitted before ``deadline``; waves without a date count as late."""
    total = 0
    for wave in waves:
        if wave.starts_at is None or wave.starts_at >= deadline:
            continue
        room = wave.size
        if per_second:
            room = min(room, floor((deadline - wave.starts_at).total_seconds() * per_second))
        total += room
    return total
