"""What a reading of the quota permits, and when the counter resets."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from mmsflow.plan.model import Period
from mmsflow.plan.quota import (
    Guaranteed,
    QuotaRules,
    ResetRules,
    forecast,
    guess_period,
    learn_period,
    next_reset,
    permitted,
    reset_after,
    unused,
)

WARSAW = ZoneInfo("Europe/Warsaw")
MIDNIGHT = ResetRules(time(0), WARSAW)
DAY, WEEK, MONTH = Period(timedelta(days=1)), Period(timedelta(days=7)), Period(months=1)
NOON = datetime(2026, 12, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("available", "used", "rules", "ours", "expected"),
    [
        (99, 1, QuotaRules(), 0, 99),
        (99, 1, QuotaRules(reserve=10), 0, 89),
        (5, 95, QuotaRules(reserve=10), 0, 0),
        (100, 0, QuotaRules(share=0.5), 0, 50),
        (60, 40, QuotaRules(share=0.5), 40, 10),
        (30, 70, QuotaRules(share=0.5), 0, 30),
        (50, 50, QuotaRules(share=0.5), 50, 0),
        (100, 0, QuotaRules(share=0.5), 50, 50),  # reset within one date: the counter knows of none of ours
        (0, 0, QuotaRules(), 0, 0),
    ],
)
def test_a_campaign_may_take_what_reserve_and_share_leave(
    available: int, used: int, rules: QuotaRules, ours: int, expected: int
) -> None:
    assert permitted(available, used, rules, ours) == expected


def test_a_date_ahead_is_the_next_reset_at_local_midnight() -> None:
    assert next_reset(date(2026, 12, 2), NOON, MIDNIGHT, None) == datetime(2026, 12, 1, 23, tzinfo=UTC)
    assert next_reset(date(2026, 7, 2), NOON.replace(month=6), MIDNIGHT, None) == datetime(2026, 7, 1, 22, tzinfo=UTC)


def test_the_time_of_the_reset_is_a_setting() -> None:
    rules = ResetRules(time(6, 30), WARSAW)
    assert next_reset(date(2026, 12, 2), NOON, rules, None) == datetime(2026, 12, 2, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize("day", [date(2026, 12, 1), date(2026, 11, 20)])
def test_a_date_of_today_or_the_past_is_the_last_reset_and_the_next_needs_the_period(day: date) -> None:
    assert next_reset(day, NOON, MIDNIGHT, None) is None
    assert next_reset(day, NOON, MIDNIGHT, DAY) == datetime(2026, 12, 1, 23, tzinfo=UTC)


def test_a_reset_long_past_is_counted_on_by_months_and_weeks() -> None:
    assert next_reset(date(2020, 1, 31), NOON, MIDNIGHT, MONTH) == datetime(2026, 12, 30, 23, tzinfo=UTC)
    assert next_reset(date(1990, 1, 1), NOON, MIDNIGHT, WEEK) == datetime(2026, 12, 6, 23, tzinfo=UTC)


def test_a_date_that_is_unknown_or_absurd_gives_no_reset() -> None:
    for day in (None, date.min, date.max):
        assert next_reset(day, NOON, MIDNIGHT, DAY) is None


def test_a_tiny_period_and_an_old_date_are_no_endless_loop() -> None:
    second = Period(timedelta(seconds=1))
    reset = next_reset(date(1971, 1, 1), NOON, MIDNIGHT, second)
    assert reset is not None
    assert NOON < reset <= NOON + timedelta(seconds=1)


@pytest.mark.parametrize("changes_on", [date(2026, 3, 29), date(2026, 10, 25)])
def test_midnight_stays_midnight_over_a_change_of_the_clocks(changes_on: date) -> None:
    reset = datetime.combine(changes_on - timedelta(days=1), time(0), WARSAW).astimezone(UTC)
    for days in range(1, 4):
        following = reset_after(reset, reset, DAY, WARSAW)
        assert following is not None
        assert following.astimezone(WARSAW).time() == time(0)
        assert following.astimezone(WARSAW).date() == changes_on + timedelta(days=days - 1)
        reset = following


def test_the_end_of_a_month_stays_in_its_month() -> None:
    first = datetime(2027, 1, 31, tzinfo=WARSAW)
    instant, ends = first, []
    for _ in range(3):
        found = reset_after(instant, first, MONTH, WARSAW)
        assert found is not None
        instant = found
        ends.append(found.astimezone(WARSAW).date())
    assert ends == [date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]


def test_beyond_the_calendar_there_is_no_reset() -> None:
    first = datetime(2026, 12, 1, tzinfo=UTC)
    assert reset_after(datetime.max.replace(tzinfo=UTC) - timedelta(days=9), first, MONTH, WARSAW) is None


@pytest.mark.parametrize(
    ("dates", "period"),
    [
        ([], None),
        ([date(2026, 1, 22)] * 3, None),
        ([date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 9)], DAY),
        ([date(2026, 1, 22), date(2026, 2, 22)], MONTH),
        ([date(2026, 1, 31), date(2026, 2, 28)], MONTH),
        ([date(2026, 1, 22), date(2026, 6, 22)], None),
    ],
)
def test_the_period_is_learned_from_neighbouring_reset_dates(dates: list[date], period: Period | None) -> None:
    assert learn_period(dates) == period


@pytest.mark.parametrize(
    ("ahead", "period"), [(1, DAY), (2, WEEK), (7, WEEK), (8, MONTH), (31, MONTH), (60, Period(months=3))]
)
def test_a_period_is_guessed_to_be_the_shortest_usual_one(ahead: int, period: Period) -> None:
    assert guess_period(date(2026, 12, 1) + timedelta(days=ahead), date(2026, 12, 1)) == period


@pytest.mark.parametrize(
    ("reset_on", "earlier", "set_to", "word"),
    [
        (date(2026, 12, 2), [], timedelta(days=1), "(setting)"),
        (date(2026, 12, 2), [date(2026, 12, 1)], None, "learned"),
        (date(2026, 12, 2), [], None, "guessed"),
        (date(2026, 11, 2), [], None, "not known"),
        (None, [], None, "not known"),
    ],
)
def test_a_forecast_names_what_it_rests_on(
    reset_on: date | None, earlier: list[date], set_to: timedelta | None, word: str
) -> None:
    resets = ResetRules(time(0), WARSAW, set_to)
    seen = forecast(40, 60, reset_on, now=NOON, rules=QuotaRules(), resets=resets, earlier_resets=earlier)
    assert word in seen.assumption
    assert (seen.permitted_now, seen.permitted_later) == (60, 100)
    assert (seen.period is None) == (word == "not known")


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (MONTH, "1 month"),
        (Period(months=3), "3 months"),
        (DAY, "1 day"),
        (WEEK, "7 days"),
        (Period(timedelta(seconds=90)), "90 s"),
    ],
)
def test_a_period_says_its_length(period: Period, text: str) -> None:
    assert period.text == text


@pytest.mark.parametrize(
    ("available", "own", "others", "left"),
    [
        (100, 0, 30, 30),
        (100, 70, 30, 30),
        (20, 0, 30, 20),
        (30, 40, 20, 10),  # less than is guaranteed altogether: each keeps its part
        (30, 20, 40, 20),
        (1, 5, 5, 0),  # nobody is stuck with the last one
        (0, 5, 5, 0),
        (-3, 0, 5, 0),
    ],
)
def test_guarantees_of_others_are_left_to_them(available: int, own: int, others: int, left: int) -> None:
    assert Guaranteed(own, others).left_to_others(available) == left


def test_what_a_campaign_has_begun_is_used_up_of_its_guarantee_only() -> None:
    guaranteed, begun = {"alerts": 30, "news": 10, "sale": 5}, {"alerts": 12, "news": 25}
    assert unused(guaranteed, begun, "sale") == Guaranteed(own=5, others=18)


def test_guarantees_come_off_beside_the_reserve_and_not_off_the_share() -> None:
    assert permitted(100, 0, QuotaRules(reserve=20), 0, Guaranteed(others=30)) == 50
    assert permitted(100, 0, QuotaRules(share=0.5), 0, Guaranteed(others=30)) == 50
