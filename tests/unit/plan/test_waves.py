"""Cutting messages into waves over the quota's periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.errors import PlanRefused
from mmsflow.plan.model import Period, QuotaForecast, Wave
from mmsflow.plan.planner import cut_waves, sent_in_time

WARSAW = ZoneInfo("Europe/Warsaw")
START = datetime(2026, 12, 1, 8, tzinfo=UTC)
MIDNIGHT = datetime(2026, 12, 1, 23, tzinfo=UTC)
DAY = Period(timedelta(days=1))


def quota(
    now: int = 100, later: int = 100, resets_at: datetime | None = MIDNIGHT, period: Period | None = DAY
) -> QuotaForecast:
    return QuotaForecast(0, now, now, later, resets_at, period, "")


def cut(messages: int, seen: QuotaForecast, *, start: datetime = START, rate: float | None = None) -> list[Wave]:
    return cut_waves(messages, quota=seen, start=start, per_second=rate, zone=WARSAW)


def shape(waves: list[Wave]) -> list[tuple[int, datetime | None]]:
    return [(wave.size, wave.starts_at) for wave in waves]


def test_a_quota_of_100_and_250_messages_are_three_waves_with_dates() -> None:
    assert shape(cut(250, quota())) == [(100, START), (100, MIDNIGHT), (50, MIDNIGHT + timedelta(days=1))]


def test_nothing_to_send_is_no_wave() -> None:
    assert cut(0, quota(0, 0)) == []


def test_a_quota_that_never_permits_anything_refuses_the_plan() -> None:
    with pytest.raises(PlanRefused, match=r"leaves nothing"):
        cut(1, quota(0, 0))


def test_with_nothing_left_today_the_first_wave_is_after_the_reset() -> None:
    assert shape(cut(150, quota(now=0))) == [(100, MIDNIGHT), (50, MIDNIGHT + timedelta(days=1))]


def test_a_start_in_a_later_period_uses_that_periods_quota() -> None:
    start = START + timedelta(days=2)
    assert shape(cut(150, quota(now=7), start=start)) == [(100, start), (50, MIDNIGHT + timedelta(days=2))]


def test_without_a_reset_date_later_waves_have_no_date() -> None:
    assert shape(cut(250, quota(resets_at=None))) == [(100, START), (100, None), (50, None)]


def test_without_a_period_only_the_next_reset_has_a_date() -> None:
    assert shape(cut(350, quota(period=None))) == [(100, START), (100, MIDNIGHT), (100, None), (50, None)]


def test_a_pace_too_slow_for_the_quota_bounds_the_waves() -> None:
    waves = cut(30, quota(), rate=1 / 3600)
    assert [wave.size for wave in waves] == [15, 15]
    assert waves[0].ends_at == START + timedelta(hours=15)


def test_a_pace_slower_than_a_message_a_period_is_kept_over_the_periods() -> None:
    minute = quota(period=Period(timedelta(minutes=1)), resets_at=START + timedelta(minutes=1))
    waves = cut(4, minute, rate=1 / 3600)
    assert shape(waves) == [(1, START + timedelta(hours=n)) for n in range(4)]


def test_a_far_start_with_a_tiny_period_is_found_at_once() -> None:
    tiny = quota(period=Period(timedelta(seconds=1)), resets_at=START)
    start = START + timedelta(days=3650)
    assert shape(cut(10, tiny, start=start)) == [(10, start)]


def test_a_plan_that_leaves_the_calendar_goes_on_without_dates() -> None:
    waves = cut(9_000, quota(1, 1, period=Period(months=12)))
    assert sum(wave.size for wave in waves) == 9_000
    assert waves[-1].starts_at is None


def test_an_absurdly_slow_pace_goes_on_without_dates() -> None:
    waves = cut(3, quota(), rate=1e-12)
    assert sum(wave.size for wave in waves) == 3


@given(
    messages=st.integers(0, 400),
    now=st.integers(0, 200),
    later=st.integers(1, 200),
    reset_hours=st.none() | st.integers(-48, 48),
    period=st.none()
    | st.sampled_from([DAY, Period(months=1), Period(timedelta(hours=5)), Period(timedelta(seconds=7))]),
    rate=st.none() | st.floats(1e-5, 100),
)
@settings(max_examples=200, deadline=None)
def test_waves_always_add_up_in_order_and_within_each_periods_quota(
    messages: int, now: int, later: int, reset_hours: int | None, period: Period | None, rate: float | None
) -> None:
    resets_at = None if reset_hours is None else START + timedelta(hours=reset_hours)
    waves = cut(messages, quota(now, later, resets_at, period), rate=rate)
    assert sum(wave.size for wave in waves) == messages
    assert [wave.number for wave in waves] == list(range(1, len(waves) + 1))
    assert all(0 < wave.size <= max(now, later) for wave in waves)
    dated = [wave.starts_at for wave in waves if wave.starts_at]
    assert dated == sorted(set(dated))
    assert all(moment >= START for moment in dated)
    assert all(wave.starts_at is None for wave in waves[len(dated) :])


def test_what_is_sent_by_a_deadline_follows_the_pace() -> None:
    waves = cut(250, quota(), rate=1)
    assert sent_in_time(waves, START + timedelta(seconds=30), 1) == 30
    assert sent_in_time(waves, MIDNIGHT, 1) == 100
    assert sent_in_time(waves, MIDNIGHT + timedelta(days=9), 1) == 250
    assert sent_in_time(cut(250, quota(resets_at=None)), MIDNIGHT, None) == 100
