"""Cut messages into waves, purely: quota periods, the campaign's rate, start and deadline."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

from mmsflow.errors import PlanRefused
from mmsflow.plan.calendar import ALWAYS, LAST_YEAR, SendingCalendar
from mmsflow.plan.model import QuotaForecast, Wave
from mmsflow.plan.quota import reset_after


def cut_waves(
    messages: int,
    *,
    quota: QuotaForecast,
    start: datetime,
    per_second: float | None,
    zone: ZoneInfo,
    calendar: SendingCalendar = ALWAYS,
) -> list[Wave]:
    """Cut one wave for each span of the windows in each quota period, until every message has its place.

    Args:
        messages: how many are to be sent, at least 0.
        quota: what each period permits.
        start: first instant at which one may be sent, aware, UTC.
        per_second: submissions a second, above 0; None for as fast as the gateway takes them.
        zone: where the reset's time is local.
        calendar: when messages may go out.

    Returns:
        Waves in time order; the sum of their sizes is ``messages``. A wave whose period's date is not known has no
        times.

    Raises:
        PlanRefused: no period ever permits a message, or the windows never open.
    """
    if messages:
        _refuse_without_quota(quota)
    waves: list[Wave] = []
    left, sent = messages, 0  # ``sent`` of the period that ends at ``period``
    at: datetime | None = start
    period: datetime | None = None
    while left:
        opens = None if at is None else _opening(at, calendar)
        ends, allowance = _period_at(opens, quota, zone)
        if opens is None or ends != period:
            period, sent = ends, 0
        until = _earlier(ends, None if opens is None else calendar.closes(opens))
        room = min(left, max(0, allowance - sent))
        if per_second and opens is not None and until is not None:
            # A pace slower than a message a span still sends one where its turn has come.
            room = min(room, max(1, floor((until - opens).total_seconds() * per_second)))
        if room:
            closes = _after(opens, ceil(room / per_second)) if per_second else opens
            waves.append(Wave(len(waves) + 1, opens, closes, room))
        left, sent = left - room, sent + room
        paced = _after(opens, room / per_second) if per_second else opens
        onwards = ends if sent >= allowance else until
        at = max(onwards, paced) if onwards and paced else None
    return waves


def _refuse_without_quota(quota: QuotaForecast) -> None:
    if not quota.permitted_later:
        raise PlanRefused(
            f"the quota ({quota.used} used, {quota.available} available) leaves nothing for this campaign",
            "lower `quota.reserve` or what is guaranteed to other campaigns, raise `quota.share`, or ask the operator "
            "for a larger quota",
            cause="quota_spent",
        )


def _opening(instant: datetime, calendar: SendingCalendar) -> datetime | None:
    """When one may be sent from ``instant`` on; None where that is beyond the calendar."""
    if calendar.windows and instant.year >= LAST_YEAR - 2:
        return None
    opens = calendar.next_open(instant)
    if opens is None:
        raise PlanRefused(
            "the sending windows never open",
            "look at `schedule.window`: days, hours, holidays and closed days",
            cause="window_never_opens",
        )
    return opens


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def _period_at(instant: datetime | None, quota: QuotaForecast, zone: ZoneInfo) -> tuple[datetime | None, int]:
    """(end, allowance) of the period that holds ``instant``; the end is None where its date is not known."""
    reset = quota.resets_at
    if instant is None:
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
