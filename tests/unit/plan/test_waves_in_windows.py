"""Cutting messages into waves over the campaign's windows and the quota's periods together."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.errors import PlanRefused
from mmsflow.plan.calendar import SendingCalendar, WindowRule
from mmsflow.plan.hours import windows_in_words
from mmsflow.plan.model import Period, QuotaForecast, Wave
from mmsflow.plan.planner import cut_waves, sent_in_time

WARSAW = ZoneInfo("Europe/Warsaw")
TUESDAY = datetime(2026, 12, 1, 8, tzinfo=UTC)  # 09:00 in Warsaw
WORKDAYS = WindowRule(frozenset(range(5)), ((9 * 60, 17 * 60),))
NOON = WindowRule(frozenset(range(7)), ((12 * 60, 13 * 60),))
DAY = Period(timedelta(days=1))


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """December 2026 in Warsaw."""
    return datetime(2026, 12, day, hour, minute, tzinfo=WARSAW).astimezone(UTC)


def quota(
    now: int = 100, later: int = 100, resets_at: datetime | None = None, period: Period | None = DAY
) -> QuotaForecast:
    return QuotaForecast(0, now, now, later, resets_at, period, "")


def cut(
    messages: int, seen: QuotaForecast, *windows: WindowRule, start: datetime = TUESDAY, rate: float | None = None
) -> list[Wave]:
    calendar = SendingCalendar(windows, WARSAW, lambda day: day == date(2026, 12, 25))
    return cut_waves(messages, quota=seen, start=start, per_second=rate, zone=WARSAW, calendar=calendar)


def shape(waves: list[Wave]) -> list[tuple[int, datetime | None]]:
    return [(wave.size, wave.starts_at) for wave in waves]


def test_a_run_that_begins_before_the_window_waits_for_it() -> None:
    assert shape(cut(10, quota(resets_at=local(2, 0)), NOON)) == [(10, local(1, 12))]


def test_a_pace_fills_one_window_and_goes_on_in_the_next() -> None:
    waves = cut(150, quota(now=1000, later=1000, resets_at=local(2, 0)), NOON, rate=1 / 60)
    assert shape(waves) == [(60, local(1, 12)), (60, local(2, 12)), (30, local(3, 12))]
    assert waves[-1].ends_at == local(3, 12, 30)


def test_a_quota_used_up_in_the_window_goes_on_when_the_reset_and_the_window_are_both_there() -> None:
    assert shape(cut(250, quota(resets_at=local(2, 0)), NOON)) == [
        (100, local(1, 12)),
        (100, local(2, 12)),
        (50, local(3, 12)),
    ]


def test_what_two_windows_of_one_period_send_counts_against_one_quota() -> None:
    twice = WindowRule(frozenset(range(7)), ((12 * 60, 13 * 60), (15 * 60, 16 * 60)))
    waves = cut(150, quota(resets_at=local(2, 0)), twice, rate=1 / 60)
    assert shape(waves) == [(60, local(1, 12)), (40, local(1, 15)), (50, local(2, 12))]


def test_a_weekend_is_skipped_and_a_holiday_where_the_window_says_so() -> None:
    friday = local(4, 16, 30)
    assert shape(cut(60, quota(1000, 1000, local(5, 0)), WORKDAYS, start=friday, rate=1 / 60)) == [
        (30, friday),
        (30, local(7, 9)),
    ]
    christmas = WindowRule(frozenset(range(7)), ((9 * 60, 17 * 60),), skips_holidays=True, closed=frozenset({"12-26"}))
    assert shape(cut(1, quota(resets_at=local(25, 0)), christmas, start=local(24, 18))) == [(1, local(27, 9))]


def test_without_a_reset_date_windows_are_kept_as_long_as_this_period_s_quota_lasts() -> None:
    waves = cut(150, quota(period=None), NOON, rate=1 / 60)
    assert shape(waves) == [(60, local(1, 12)), (40, local(2, 12)), (50, None)]


def test_windows_that_never_open_refuse_the_plan() -> None:
    never = WindowRule(
        frozenset({0}), ((540, 600),), closed=frozenset({f"{m:02}-{d:02}" for m in range(1, 13) for d in range(1, 32)})
    )
    with pytest.raises(PlanRefused, match="never open"):
        cut(1, quota(), never)


def test_an_absurdly_slow_pace_goes_on_without_dates_in_windows_too() -> None:
    waves = cut(30, quota(now=1000, later=1000, resets_at=local(2, 0)), NOON, rate=1e-10)
    assert sum(wave.size for wave in waves) == 30
    assert waves[-1].starts_at is None


def test_what_goes_out_before_a_deadline_knows_the_windows() -> None:
    waves = cut(150, quota(now=1000, later=1000, resets_at=local(2, 0)), NOON, rate=1 / 60)
    assert sent_in_time(waves, local(2, 12, 10), 1 / 60) == 70


@given(
    messages=st.integers(0, 400),
    now=st.integers(0, 90),
    later=st.integers(1, 90),
    rate=st.sampled_from([None, 1 / 600, 1 / 60, 1.0]),
    begins=st.integers(0, 7 * 24 * 60),
    hours=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 4)), min_size=1, max_size=2),
    days=st.frozensets(st.integers(0, 6), min_size=1),
)
@settings(max_examples=60, deadline=None)
def test_waves_add_up_in_order_inside_the_windows_and_within_each_periods_quota(
    messages: int,
    now: int,
    later: int,
    rate: float | None,
    begins: int,
    hours: list[tuple[int, int]],
    days: frozenset[int],
) -> None:
    start = TUESDAY + timedelta(minutes=begins)
    midnight = datetime.combine((start + timedelta(days=1)).astimezone(WARSAW).date(), datetime.min.time(), WARSAW)
    window = WindowRule(days, tuple((60 * first, 60 * (first + long)) for first, long in hours))
    waves = cut(messages, quota(now, later, midnight.astimezone(UTC)), window, start=start, rate=rate)
    assert sum(wave.size for wave in waves) == messages
    calendar = SendingCalendar((window,), WARSAW)
    of_day: dict[date, int] = {}
    for before, wave in zip([None, *waves], waves, strict=False):
        assert wave.starts_at is not None
        assert wave.starts_at >= (before.ends_at if before and before.ends_at else start) or rate is not None
        assert calendar.next_open(wave.starts_at) == wave.starts_at
        day = wave.starts_at.astimezone(WARSAW).date()
        of_day[day] = of_day.get(day, 0) + wave.size
    for day, sent in of_day.items():
        assert sent <= (now if day < midnight.date() else later)


def test_windows_are_told_in_words() -> None:
    assert windows_in_words((WORKDAYS,)) == "mon-fri 09:00-17:00"
    odd = WindowRule(frozenset({0, 2, 3, 6}), ((0, 60), (1380, 1440)), skips_holidays=True, closed=frozenset({"12-24"}))
    assert windows_in_words((odd, NOON)) == (
        "mon,wed-thu,sun 00:00-01:00 and 23:00-24:00, not on holidays, closed 12-24; mon-sun 12:00-13:00"
    )
