"""The days ahead: campaigns against one quota, each as it would be beside the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.plan.agenda import Agenda, Appointment, Foreseen, SharedQuota
from mmsflow.plan.calendar import SendingCalendar, WindowRule
from mmsflow.plan.flow import fill, foresee
from mmsflow.plan.model import Period
from mmsflow.plan.quota import QuotaRules

WARSAW = ZoneInfo("Europe/Warsaw")
NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)  # Tuesday, 09:00 in Warsaw
MIDNIGHT = datetime(2026, 12, 1, 23, 0, tzinfo=UTC)
ALWAYS = SendingCalendar((), WARSAW)
OFFICE_HOURS = SendingCalendar((WindowRule(frozenset(range(7)), ((9 * 60, 17 * 60),)),), WARSAW)


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def sale(name: str, messages: int, begins: float = 1, **changes: Any) -> Appointment:
    values: dict[str, Any] = {"campaign": name, "begins": at(begins), "messages": messages, "calendar": ALWAYS}
    return Appointment(**values | changes)


def quota(available: int, used: int = 0, **changes: Any) -> SharedQuota:
    values: dict[str, Any] = {"resets_at": MIDNIGHT, "period": Period(timedelta(days=1)), "zone": WARSAW}
    return SharedQuota(used=used, available=available, **values | changes)


def of(agenda: Agenda, name: str) -> Foreseen:
    return next(each for each in agenda.foreseen if each.appointment.campaign == name)


def waves(foreseen: Foreseen) -> list[tuple[float, int]]:
    return [((wave.starts_at - NOW) / timedelta(hours=1), wave.size) for wave in foreseen.waves]


def test_a_campaign_alone_is_sent_as_its_own_plan_says() -> None:
    agenda = foresee([sale("one", 250)], quota(100), NOW)
    assert waves(of(agenda, "one")) == [(1, 100), (15, 100), (39, 50)]
    assert of(agenda, "one").left_after == 50


def test_campaigns_of_one_day_draw_on_one_quota_in_time_order() -> None:
    agenda = foresee([sale("later", 80, begins=2), sale("first", 70)], quota(100), NOW)
    assert waves(of(agenda, "first")) == [(1, 70)]
    assert waves(of(agenda, "later")) == [(2, 30), (15, 50)]
    assert any("later" in each and "beside first" in each and "alone" in each for each in agenda.warnings)
    assert any("the quota until 2026-12-02 00:00 does not reach: 50 messages" in each for each in agenda.warnings)


def test_a_higher_priority_goes_first_and_equals_share_by_weight() -> None:
    same = [sale("high", 60, priority=9), sale("heavy", 90, weight=3), sale("light", 90)]
    agenda = foresee(same, quota(100), NOW)
    assert [of(agenda, name).waves[0].size for name in ("high", "heavy", "light")] == [60, 30, 10]


def test_what_is_guaranteed_is_left_to_a_campaign_that_comes_later() -> None:
    both = [sale("greedy", 200, priority=9), sale("alerts", 30, begins=5)]
    agenda = foresee(both, quota(100, guaranteed={"alerts": 30}), NOW)
    assert waves(of(agenda, "greedy"))[0] == (1, 70)
    assert waves(of(agenda, "alerts")) == [(5, 30)]


def test_reserve_and_share_hold_beside_others() -> None:
    both = [sale("careful", 100, rules=QuotaRules(reserve=40)), sale("modest", 100, rules=QuotaRules(share=0.2))]
    agenda = foresee(both, quota(100), NOW)
    assert (of(agenda, "careful").waves[0].size, of(agenda, "modest").waves[0].size) == (40, 20)


def test_the_accounts_pace_is_shared_and_a_slow_campaign_lends_what_it_does_not_use() -> None:
    both = [sale("slow", 360, per_second=0.1, weight=5), sale("fast", 3240)]
    agenda = foresee(both, quota(100_000, per_second=1.0), NOW)
    ends = [of(agenda, name).finishes_at for name in ("slow", "fast")]
    assert all(end is not None and abs(end - at(2)) < timedelta(seconds=2) for end in ends)


def test_a_closed_window_is_waited_for_while_others_go_on() -> None:
    both = [
        sale("by-day", 7200 * 9, per_second=2.0, calendar=OFFICE_HOURS, begins=0, priority=9),
        sale("at-night", 3600, per_second=2.0, begins=0),
    ]
    agenda = foresee(both, quota(10**6, per_second=2.0), NOW)
    assert waves(of(agenda, "by-day")) == [(0, 7200 * 8), (24, 7200)]
    assert waves(of(agenda, "at-night")) == [(8, 3600)]


def test_what_misses_its_deadline_because_of_others_is_said_with_what_it_would_be_alone() -> None:
    both = [sale("big", 100, priority=9), sale("urgent", 50, not_after=at(6))]
    agenda = foresee(both, quota(120), NOW)
    assert of(agenda, "urgent").late == 30
    assert of(agenda, "urgent").finishes_at is None
    [warning] = [each for each in agenda.warnings if each.startswith("urgent")]
    assert (
        "30 messages would not go out by 2026-12-01 15:00 beside big of 2026-12-01 10:00; alone it would miss 0"
        in warning
    )


def test_a_time_of_a_campaign_waits_for_the_one_before_and_is_skipped_after_its_grace() -> None:
    hour = timedelta(hours=1)
    times = [sale("daily", 150, begins=begins, grace=hour) for begins in (1, 2, 15.5)]
    agenda = foresee(times, quota(100), NOW)
    assert [each.is_skipped for each in agenda.foreseen] == [False, True, False]
    assert waves(agenda.foreseen[2]) == [(15.5, 50), (39, 100)]
    assert any("does not begin" in each for each in agenda.warnings)


def test_after_a_time_that_was_skipped_the_unsent_one_before_it_is_still_waited_for() -> None:
    hour = timedelta(hours=1)
    daily = [sale("daily", 349, begins=24 * day, grace=hour) for day in range(5)]
    foreseen = foresee(daily, quota(100, resets_at=at(23)), NOW).foreseen
    assert [each.is_skipped for each in foreseen] == [False, True, True, False, True]
    assert waves(foreseen[0]) == [(0, 100), (23, 100), (47, 100), (71, 49)]
    assert waves(foreseen[3])[0] == (72, 51)


def test_a_closed_time_keeps_the_next_one_neither_back_nor_from_waiting_for_the_last_that_sends() -> None:
    hour = timedelta(hours=1)
    times = [sale("daily", 250, begins=0), sale("daily", 250, begins=24, closed=True, grace=hour)]
    later = [sale("daily", 9, begins=30, grace=hour), sale("daily", 9, begins=60, grace=hour)]
    foreseen = foresee([*times, *later], quota(100, resets_at=at(23)), NOW).foreseen
    assert [each.is_skipped for each in foreseen] == [False, True, True, False]


def test_without_a_known_reset_what_is_left_has_no_date() -> None:
    agenda = foresee([sale("one", 150)], quota(100, resets_at=None, period=None), NOW)
    found = of(agenda, "one")
    assert (found.finishes_at, found.undated, waves(found)) == (None, 50, [(1, 100)])


def test_what_of_a_run_was_begun_in_this_period_counts_against_its_share() -> None:
    going_on = sale("one", 50, begins=0, run="one-1", ours=30, rules=QuotaRules(share=0.5))
    assert waves(of(foresee([going_on], quota(60, used=40), NOW), "one"))[0] == (0, 20)


def test_campaigns_that_do_not_touch_each_other_bring_no_warning() -> None:
    agenda = foresee([sale("one", 40), sale("other", 40, begins=30)], quota(100), NOW)
    assert agenda.warnings == ()


@pytest.mark.parametrize(("others", "named"), [(3, "sale-0, sale-1, sale-2"), (9, "sale-0, sale-1, sale-2 and 6 more")])
def test_a_warning_names_three_others_and_counts_the_rest(others: int, named: str) -> None:
    many = [sale(f"sale-{number}", 30, begins=0, run=f"sale-{number}") for number in range(others)]
    agenda = foresee([*many, sale("last", 30)], quota(30), NOW)
    [delay] = [each for each in agenda.warnings if each.startswith("last of ")]
    assert f" beside {named}; alone it would" in delay
    short = [each for each in agenda.warnings if each.startswith("the quota until 2026-12-02")]
    assert [f"messages of {named} " in each or f" and {others + 1 - 3} more wait" in each for each in short] == [True]


def test_the_example_of_the_page_about_sharing() -> None:
    shared = quota(1000, per_second=10.0, guaranteed={"alerts": 200})
    news, other = sale("news", 600, weight=3), sale("sale", 600)
    at_once = foresee([news, other, sale("alerts", 200, priority=9, per_second=2.0)], shared, NOW)
    ends = [of(at_once, name).finishes_at for name in ("news", "alerts")]
    assert all(end is not None and abs(end - at(1) - timedelta(seconds=100)) < timedelta(seconds=1) for end in ends)
    assert [wave.size for wave in of(at_once, "sale").waves] == [200, 400]
    later = foresee([news, other, sale("alerts", 200, 7, priority=9, per_second=2.0)], shared, NOW)
    end = of(later, "news").finishes_at
    assert end is not None
    assert abs(end - at(1) - timedelta(seconds=80)) < timedelta(seconds=1)
    assert [wave.size for wave in of(later, "sale").waves] == [200, 400]
    assert [wave.size for wave in of(later, "alerts").waves] == [200]


@pytest.mark.parametrize(
    ("total", "parts", "expected"),
    [
        (12, [(100, 1), (100, 3)], [3, 9]),
        (12, [(2, 1), (100, 1), (100, 1)], [2, 5, 5]),
        (12, [(0, 1), (3, 1)], [0, 3]),
        (float("inf"), [(4, 1), (float("inf"), 1)], [4, float("inf")]),
    ],
)
def test_what_one_cannot_use_goes_to_the_others(
    total: float, parts: list[tuple[float, int]], expected: list[float]
) -> None:
    assert fill(total, parts) == expected


_SALE = st.builds(
    sale,
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 300),
    st.sampled_from([0.0, 0.5, 1.0, 20.0]),
    priority=st.sampled_from([1, 5, 9]),
    weight=st.integers(1, 4),
    per_second=st.sampled_from([None, 0.01, 1.0]),
    not_after=st.sampled_from([None, at(3), at(40)]),
    calendar=st.sampled_from([ALWAYS, OFFICE_HOURS]),
    rules=st.builds(QuotaRules, st.sampled_from([0, 10]), st.sampled_from([0.3, 1.0])),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(_SALE, min_size=1, max_size=5),
    st.integers(15, 200),
    st.sampled_from([None, 0.05, 2.0]),
    st.dictionaries(st.sampled_from(["a", "b", "x"]), st.integers(0, 60), max_size=2),
)
def test_every_message_is_accounted_for_and_no_period_is_overdrawn(
    sales: list[Appointment], available: int, pace: float | None, guaranteed: dict[str, int]
) -> None:
    agenda = foresee(sales, quota(available, per_second=pace, guaranteed=guaranteed), NOW)
    used: dict[datetime, int] = {}
    for each in agenda.foreseen:
        assert sum(wave.size for wave in each.waves) + each.late + each.undated == each.appointment.messages
        for wave in each.waves:
            assert wave.starts_at >= each.appointment.begins
            day = MIDNIGHT + timedelta(days=(wave.starts_at - MIDNIGHT) // timedelta(days=1))
            used[day] = used.get(day, 0) + wave.size
            deadline = each.appointment.not_after
            assert deadline is None or wave.ends_at <= deadline + timedelta(seconds=1)
    # Waves are rounded to whole messages, each by less than one.
    assert all(count <= available + len(sales) for count in used.values())
