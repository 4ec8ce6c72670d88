"""The quota, purely: what a reading permits, and when the counter resets. Time arrives as an argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from mmsflow.plan.model import Period, QuotaForecast

_DAY = timedelta(days=1)
_YEARS = range(1971, 9000)  # dates outside are no dates of resets, and calculating with them would overflow
_LONGEST_LEARNED = 31 * _DAY  # a longer gap between two readings is a pause of ours, not the quota's period


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """What a campaign may take of the quota.

    Attributes:
        reserve: requests always left to others.
        share: fraction of used + available that the campaign may take in a period, above 0, at most 1.
    """

    reserve: int = 0
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class ResetRules:
    """How the date of a reading becomes an instant.

    Attributes:
        at: local time of the reset.
        zone: where that time is local.
        period: length of a period as set by the user, else None.
    """

    at: time
    zone: ZoneInfo
    period: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Guaranteed:
    """Requests of a period that are guaranteed to campaigns and not begun yet.

    Attributes:
        own: to the campaign that asks.
        others: to all others together.
    """

    own: int = 0
    others: int = 0

    def left_to_others(self, available: int) -> int:
        """How many of the ``available`` requests the campaign leaves to the others.

        Where less is there than is guaranteed altogether, each campaign keeps its proportional part.
        """
        together = self.own + self.others
        if available >= together or not together:
            return self.others
        part = min(self.own, -(-max(0, available) * self.own // together))
        return max(0, available - part)


NOTHING_GUARANTEED = Guaranteed()


def unused(guaranteed: Mapping[str, int], begun: Mapping[str, int], campaign: str) -> Guaranteed:
    """What of the campaigns' guarantees is not begun yet, as ``campaign`` sees it.

    Args:
        guaranteed: requests of each period by campaign.
        begun: requests of this period by campaign.
    """
    left = {name: max(0, count - begun.get(name, 0)) for name, count in guaranteed.items()}
    own = left.pop(campaign, 0)
    return Guaranteed(own, sum(left.values()))


def permitted(
    available: int, used: int, rules: QuotaRules, posts_ours: int, guaranteed: Guaranteed = NOTHING_GUARANTEED
) -> int:
    """Requests that the campaign may begin now, never below 0.

    Args:
        available, used: the gateway's counter.
        rules: the campaign's reserve and share.
        posts_ours: requests that the campaign has begun in this period; no more of them count than ``used``, since
            the counter may have been reset within one date, and requests that never arrived use nothing up.
        guaranteed: what is left of guarantees in this period; that of others is left alone beside the reserve.
    """
    fair = int((used + available) * rules.share) - min(posts_ours, used)
    return max(0, min(available - rules.reserve - guaranteed.left_to_others(available), fair))


def next_reset(reset_on: date | None, now: datetime, rules: ResetRules, period: Period | None) -> datetime | None:
    """The next instant at which the counter resets, UTC.

    A date in the past is taken as the last reset; the next one follows by the period, or is not known.
    """
    if reset_on is None or reset_on.year not in _YEARS:
        return None
    instant = datetime.combine(reset_on, rules.at, rules.zone)
    step = 0
    while instant.astimezone(UTC) <= now:
        if period is None:
            return None
        # A reset long past with a short period is reached by division, not by a million steps.
        if period.length:
            step += max(1, (now - instant.astimezone(UTC)) // period.length)
        else:
            step += 1
        instant = _later(reset_on, rules, period, step)
    return instant.astimezone(UTC)


def reset_after(instant: datetime, first: datetime, period: Period, zone: ZoneInfo) -> datetime | None:
    """The first reset after ``instant``, at the local time of ``first``, UTC; None beyond the calendar.

    Args:
        instant: aware, at ``first`` or later.
        first: a reset, aware.
        period: from one reset to the next.
        zone: where the reset's time is local.
    """
    local, there = first.astimezone(zone), instant.astimezone(zone)
    rules = ResetRules(local.timetz().replace(tzinfo=None), zone)
    if period.months:
        step = ((there.year - local.year) * 12 + there.month - local.month) // period.months
    else:
        step = (instant - first) // period.length
    # A DST change moves resets by an hour, so the division may be one step too far.
    step = max(0, step - 1)
    try:
        while (reset := _later(local.date(), rules, period, step).astimezone(UTC)) <= instant:
            step += 1
    except (OverflowError, ValueError):
        return None
    return reset if reset.year in _YEARS else None


def _later(start: date, rules: ResetRules, period: Period, steps: int) -> datetime:
    if period.months:
        months = start.year * 12 + start.month - 1 + period.months * steps
        year, month = divmod(months, 12)
        first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
        day = min(start.day, (first_of_next - _DAY).day)
        return datetime.combine(date(year, month + 1, day), rules.at, rules.zone)
    whole_days, rest = divmod(period.length * steps, _DAY)
    local = datetime.combine(start + _DAY * whole_days, rules.at, rules.zone)
    # Days are counted on the calendar (midnight stays midnight over a DST change), the rest as elapsed time.
    return (local.astimezone(UTC) + rest).astimezone(rules.zone) if rest else local


def learn_period(reset_dates: Iterable[date]) -> Period | None:
    """The period's length from reset dates read earlier; None where no two are near enough."""
    dates = sorted({day for day in reset_dates if day.year in _YEARS})
    pairs = [(start, end) for start, end in pairwise(dates) if end - start <= _LONGEST_LEARNED]
    if not pairs:
        return None
    start, end = min(pairs, key=lambda pair: pair[1] - pair[0])
    gap = end - start
    both_last = (start + _DAY).day == (end + _DAY).day == 1
    if gap.days >= 28 and (start.day == end.day or both_last):
        return Period(months=1)
    return Period(length=gap)


def guess_period(reset_on: date, today: date) -> Period:
    """The shortest usual period (day, week, month, quarter, year) that explains a reset this far ahead."""
    ahead = (reset_on - today).days
    if ahead <= 7:
        return Period(length=_DAY if ahead <= 1 else 7 * _DAY)
    return Period(months=next((months for months, days in ((1, 31), (3, 92)) if ahead <= days), 12))


def forecast(
    used: int,
    available: int,
    reset_on: date | None,
    *,
    now: datetime,
    rules: QuotaRules,
    resets: ResetRules,
    earlier_resets: Iterable[date] = (),
    posts_ours: int = 0,
    guaranteed: Guaranteed = NOTHING_GUARANTEED,
    guaranteed_later: Guaranteed = NOTHING_GUARANTEED,
) -> QuotaForecast:
    """What the campaign may send in this period and in later ones, with the assumption named.

    Args:
        used, available, reset_on: the gateway's counter as read; its date without regard to the weekday.
        now: aware.
        rules, resets: the campaign's and the settings' rules.
        earlier_resets: reset dates of earlier readings, to learn the period from.
        posts_ours: requests that the campaign has begun in this period.
        guaranteed: what is left of guarantees in this period.
        guaranteed_later: the guarantees of each later period.
    """
    period: Period | None
    capacity = used + available
    held = f"each later period is taken to allow the same {capacity} requests, none of them used by others"
    if resets.period:
        period, assumption = (
            Period(length=resets.period),
            f"{held}; a period lasts {Period(length=resets.period).text} (setting)",
        )
    elif (period := learn_period([*earlier_resets, *([reset_on] if reset_on else [])])) is not None:
        assumption = f"{held}; a period lasts {period.text} (learned from earlier reset dates)"
    elif reset_on is not None and reset_on > now.astimezone(resets.zone).date():
        period = guess_period(reset_on, now.astimezone(resets.zone).date())
        assumption = f"{held}; a period is guessed to last {period.text}, set `quota_period` if you know better"
    else:
        period, assumption = None, f"{held}; when they begin is not known, set `quota_period` if you know it"
    return QuotaForecast(
        used=used,
        available=available,
        permitted_now=permitted(available, used, rules, posts_ours, guaranteed),
        permitted_later=permitted(capacity, 0, rules, 0, guaranteed_later),
        left_to_others=guaranteed.left_to_others(available),
        resets_at=next_reset(reset_on, now, resets, period),
        period=period,
        assumption=assumption,
    )
