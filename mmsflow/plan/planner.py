"""Cut messages into waves, purely: quota periods, the campaign's rate, start and deadline."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

from mmsflow.errors import PlanRefused
from mmsflow.plan.model import QuotaForecast, Wave
from mmsflow.plan.quota import reset_after


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
            "lower `quota.reserve` or what is guaranteed to other campaigns, raise `quota.share`, or ask the operator "
            "for a larger quota",
        )
    waves: list[Wave] = []
    left = messages
    opens: datetime | None = start
    while left:
        ends, allowance = _period_at(opens, quota, zone, first=not waves and opens == start)
        room = min(left, allowance)
        if per_second and opens is not None and ends is not None:
            # A pace slower than a message a period still sends one where its turn has come.
            room = min(room, max(1, floor((ends - opens).total_seconds() * per_second)))
        paced = _after(opens, room / per_second) if per_second else opens
        if room > 0:
            closes = _after(opens, ceil(room / per_second)) if per_second else opens
            waves.append(Wave(len(waves) + 1, opens, closes, room))
            left -= room
        opens = max(ends, paced) if ends and paced else None
    return waves


def _period_at(
    instant: datetime | None, quota: QuotaForecast, zone: ZoneInfo, *, first: bool
) -> tuple[datetime | None, int]:
    """(end, allowance) of the period that holds ``instant``; the end is None where its date is not known."""
    reset = quota.resets_at
    if instant is None or (reset is None and not first):
        return None, quota.permitted_later
    if reset is None or instant < reset:
        return reset, quota.permitted_now
    return (reset_after(instant, reset, quota.period, zone) if quota.period else None), quota.permitted_later


def _after(instant: datetime | None, seconds: float) -> datetime | None:
    """``instant`` so many seconds later; None where that is not known, or beyond the calendar."""
    try:
        return None if instant is None else instant + timedelta(seconds=seconds)
    except OverflowError:
        return None


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
