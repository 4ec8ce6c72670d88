"""When messages may go out: tables made by hand over every change of the clocks, holidays, and rules that hold for all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.plan.calendar import SendingCalendar, WindowRule
from mmsflow.plan.holidays import is_polish_holiday

WARSAW = ZoneInfo("Europe/Warsaw")
EVERY_DAY, SUNDAYS, WORKDAYS = frozenset(range(7)), frozenset({6}), frozenset(range(5))

# All ten changes in Poland from 2026 to 2030, at 01:00 UTC, each on a Sunday; one window opens on Sundays only, but the
# last column is the night before it, from 22:00 to 06:00 as two windows of every day.
CHANGES = """
Sunday      02:00-03:00                        01:30-02:30                        09:00-17:00                        00:00-24:00                        22:00-06:00
2026-03-29  ---------------------------------  2026-03-29T00:30/2026-03-29T01:00  2026-03-29T07:00/2026-03-29T15:00  2026-03-28T23:00/2026-03-29T22:00  2026-03-28T21:00/2026-03-29T04:00
2026-10-25  2026-10-25T00:00/2026-10-25T02:00  2026-10-24T23:30/2026-10-25T00:30  2026-10-25T08:00/2026-10-25T16:00  2026-10-24T22:00/2026-10-25T23:00  2026-10-24T20:00/2026-10-25T05:00
2027-03-28  ---------------------------------  2027-03-28T00:30/2027-03-28T01:00  2027-03-28T07:00/2027-03-28T15:00  2027-03-27T23:00/2027-03-28T22:00  2027-03-27T21:00/2027-03-28T04:00
2027-10-31  2027-10-31T00:00/2027-10-31T02:00  2027-10-30T23:30/2027-10-31T00:30  2027-10-31T08:00/2027-10-31T16:00  2027-10-30T22:00/2027-10-31T23:00  2027-10-30T20:00/2027-10-31T05:00
2028-03-26  ---------------------------------  2028-03-26T00:30/2028-03-26T01:00  2028-03-26T07:00/2028-03-26T15:00  2028-03-25T23:00/2028-03-26T22:00  2028-03-25T21:00/2028-03-26T04:00
2028-10-29  2028-10-29T00:00/2028-10-29T02:00  2028-10-28T23:30/2028-10-29T00:30  2028-10-29T08:00/2028-10-29T16:00  2028-10-28T22:00/2028-10-29T23:00  2028-10-28T20:00/2028-10-29T05:00
2029-03-25  ---------------------------------  2029-03-25T00:30/2029-03-25T01:00  2029-03-25T07:00/2029-03-25T15:00  2029-03-24T23:00/2029-03-25T22:00  2029-03-24T21:00/2029-03-25T04:00
2029-10-28  2029-10-28T00:00/2029-10-28T02:00  2029-10-27T23:30/2029-10-28T00:30  2029-10-28T08:00/2029-10-28T16:00  2029-10-27T22:00/2029-10-28T23:00  2029-10-27T20:00/2029-10-28T05:00
2030-03-31  ---------------------------------  2030-03-31T00:30/2030-03-31T01:00  2030-03-31T07:00/2030-03-31T15:00  2030-03-30T23:00/2030-03-31T22:00  2030-03-30T21:00/2030-03-31T04:00
2030-10-27  2030-10-27T00:00/2030-10-27T02:00  2030-10-26T23:30/2030-10-27T00:30  2030-10-27T08:00/2030-10-27T16:00  2030-10-26T22:00/2030-10-27T23:00  2030-10-26T20:00/2030-10-27T05:00
"""
COLUMNS = (((120, 180),), ((90, 150),), ((540, 1020),), ((0, 1440),), ((1320, 1440), (0, 360)))
Span = tuple[datetime, datetime]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(text: str) -> Span:
    start, end = map(utc, text.split("/"))
    return start, end


def daily(*hours: tuple[int, int], days: frozenset[int] = EVERY_DAY) -> SendingCalendar:
    return SendingCalendar((WindowRule(days, hours),), WARSAW)


def spans(calendar: SendingCalendar, after: str, count: int) -> list[Span]:
    return list(islice(calendar.spans(utc(after)), count))


@pytest.mark.parametrize("column", range(5))
@pytest.mark.parametrize("line", CHANGES.strip().splitlines()[1:])
def test_a_window_opens_and_closes_by_the_local_clock_around_every_change(line: str, column: int) -> None:
    sunday, *cells = line.split()
    friday_noon = utc(sunday) - timedelta(days=1, hours=12)
    calendar = daily(*COLUMNS[column], days=EVERY_DAY if column == 4 else SUNDAYS)
    found = list(islice(calendar.spans(friday_noon), 2))
    if cells[column].startswith("--"):
        assert found[0][0] > utc(sunday) + timedelta(days=6), "a window that the clocks skip does not open"
        return
    expected = span(cells[column])
    assert expected == found[1 if column == 4 else 0]
    start, end = expected
    second = timedelta(seconds=1)
    assert calendar.next_open(start - second) == start
    assert calendar.closes(start - second) is None
    assert (calendar.next_open(start), calendar.closes(start)) == (start, end)
    assert (calendar.next_open(end - second), calendar.closes(end - second)) == (end - second, end)
    opens_again = calendar.next_open(end)
    assert opens_again is not None
    assert opens_again > end


def test_without_windows_it_is_always_open() -> None:
    calendar = SendingCalendar((), WARSAW)
    instant = utc("2026-03-29T01:00")
    assert (calendar.next_open(instant), calendar.closes(instant)) == (instant, None)
    (start, end), (goes_on, _) = spans(calendar, "2026-03-29T01:00", 2)
    assert start <= instant < end == goes_on


def test_windows_that_never_close_are_told_in_pieces_without_a_gap() -> None:
    calendar = daily((0, 1440))
    pieces = spans(calendar, "2026-10-20T12:00", 10)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(pieces))
    instant = utc("2026-10-20T12:00")
    for _ in range(10):
        end = calendar.closes(instant)
        assert end is not None
        assert instant < end <= instant + timedelta(days=8)
        assert calendar.next_open(end) == end
        instant = end


def test_hours_of_one_day_may_be_several_and_those_that_touch_or_overlap_are_one() -> None:
    lunch = daily((540, 720), (780, 1020))
    assert spans(lunch, "2026-12-01T05:00", 2) == [
        span("2026-12-01T08:00/2026-12-01T11:00"),
        span("2026-12-01T12:00/2026-12-01T16:00"),
    ]
    assert spans(daily((540, 720), (720, 1020)), "2026-12-01T05:00", 1) == [span("2026-12-01T08:00/2026-12-01T16:00")]
    assert spans(daily((540, 800), (720, 1020)), "2026-12-01T05:00", 1) == [span("2026-12-01T08:00/2026-12-01T16:00")]


def test_it_is_open_when_any_of_its_windows_is() -> None:
    week = WindowRule(WORKDAYS, ((540, 1140),))
    saturday = WindowRule(frozenset({5}), ((600, 840),))
    calendar = SendingCalendar((week, saturday), WARSAW)
    assert spans(calendar, "2026-12-04T12:00", 3) == [
        span("2026-12-04T08:00/2026-12-04T18:00"),
        span("2026-12-05T09:00/2026-12-05T13:00"),
        span("2026-12-07T08:00/2026-12-07T18:00"),
    ]


def test_holidays_and_own_closed_days_are_passed_over() -> None:
    rule = WindowRule(EVERY_DAY, ((540, 1140),), skips_holidays=True, closed=frozenset({"2026-12-23", "12-31"}))
    calendar = SendingCalendar((rule,), WARSAW, is_polish_holiday)
    open_days = [start.date().isoformat() for start, _ in spans(calendar, "2026-12-21T20:00", 8)]
    assert open_days == [
        "2026-12-22",
        "2026-12-27",
        "2026-12-28",
        "2026-12-29",
        "2026-12-30",
        "2027-01-02",
        "2027-01-03",
        "2027-01-04",
    ]
    later = [start.date().isoformat() for start, _ in spans(calendar, "2027-12-22T20:00", 2)]
    assert later == ["2027-12-23", "2027-12-27"], "a day with its year is closed in that year only"


def test_a_leap_day_is_a_day_like_others_and_can_be_closed_every_four_years() -> None:
    open_all = daily((540, 1020))
    assert spans(open_all, "2028-02-29T00:00", 1) == [span("2028-02-29T08:00/2028-02-29T16:00")]
    closed = SendingCalendar((WindowRule(EVERY_DAY, ((540, 1020),), closed=frozenset({"02-29"})),), WARSAW)
    assert closed.next_open(utc("2028-02-29T00:00")) == utc("2028-03-01T08:00")


def test_windows_that_never_open_say_so() -> None:
    calendar = daily(days=EVERY_DAY)
    assert calendar.next_open(utc("2026-12-01T00:00")) is None
    assert spans(calendar, "2026-12-01T00:00", 1) == []


def test_a_window_is_read_back_as_it_was_written_down() -> None:
    rule = WindowRule(WORKDAYS, ((540, 720), (780, 1140)), skips_holidays=True, closed=frozenset({"12-24"}))
    assert WindowRule.from_config(rule.as_config()) == rule


# The free days of the Polish act of 18 January 1951; Christmas Eve since 2025.
HOLIDAYS = """
2026-01-01 2026-01-06 2026-04-05 2026-04-06 2026-05-01 2026-05-03 2026-05-24 2026-06-04 2026-08-15 2026-11-01 2026-11-11 2026-12-24 2026-12-25 2026-12-26
2027-01-01 2027-01-06 2027-03-28 2027-03-29 2027-05-01 2027-05-03 2027-05-16 2027-05-27 2027-08-15 2027-11-01 2027-11-11 2027-12-24 2027-12-25 2027-12-26
2028-01-01 2028-01-06 2028-04-16 2028-04-17 2028-05-01 2028-05-03 2028-06-04 2028-06-15 2028-08-15 2028-11-01 2028-11-11 2028-12-24 2028-12-25 2028-12-26
2029-01-01 2029-01-06 2029-04-01 2029-04-02 2029-05-01 2029-05-03 2029-05-20 2029-05-31 2029-08-15 2029-11-01 2029-11-11 2029-12-24 2029-12-25 2029-12-26
2030-01-01 2030-01-06 2030-04-21 2030-04-22 2030-05-01 2030-05-03 2030-06-09 2030-06-20 2030-08-15 2030-11-01 2030-11-11 2030-12-24 2030-12-25 2030-12-26
"""


def test_polish_holidays_are_those_of_the_law_for_five_years() -> None:
    days = (date(2026, 1, 1) + timedelta(days=day) for day in range(5 * 365 + 1))
    assert [day.isoformat() for day in days if is_polish_holiday(day)] == HOLIDAYS.split()


ZONES = st.sampled_from(("Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "UTC")).map(ZoneInfo)
HOURS = st.lists(
    st.lists(st.one_of(st.sampled_from([0, 120, 1440]), st.integers(0, 1440)), min_size=2, max_size=2, unique=True).map(
        lambda ends: (min(ends), max(ends))
    ),
    min_size=1,
    max_size=3,
).map(tuple)
RULES = st.builds(WindowRule, st.frozensets(st.integers(0, 6), min_size=1), HOURS)
WINDOWS = st.lists(RULES, min_size=1, max_size=3).map(tuple)
INSTANTS = st.integers(0, 5 * 365 * 24 * 60).map(
    lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
)


@settings(max_examples=60, deadline=None)
@given(windows=WINDOWS, zone=ZONES, instant=INSTANTS)
def test_openings_and_closings_are_those_of_the_spans(
    windows: tuple[WindowRule, ...], zone: ZoneInfo, instant: datetime
) -> None:
    calendar = SendingCalendar(windows, zone)
    found = list(islice(calendar.spans(instant), 6))
    assert all(start < end for start, end in found)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(found))
    assert found[0][1] > instant
    for start, end in found:
        inside = max(start, instant)
        assert calendar.next_open(inside) == inside
        closes = calendar.closes(inside)
        assert closes is not None
        assert closes == end or end - start > timedelta(days=6), "only what never closes is cut elsewhere"
    start, end = found[0]
    assert calendar.next_open(instant) == max(start, instant)
    assert calendar.closes(instant) == (end if start <= instant else None)


@settings(max_examples=60, deadline=None)
@given(windows=WINDOWS, zone=ZONES, instant=INSTANTS)
def test_where_no_clock_changes_it_is_open_in_the_hours_that_the_local_clock_shows(
    windows: tuple[WindowRule, ...], zone: ZoneInfo, instant: datetime
) -> None:
    local = instant.astimezone(zone)
    near = (instant + timedelta(hours=hours) for hours in (-26, 26))
    if any(other.astimezone(zone).utcoffset() != local.utcoffset() for other in near):
        return
    minute = local.hour * 60 + local.minute
    shown = any(
        local.weekday() in rule.days and any(start <= minute < end for start, end in rule.hours) for rule in windows
    )
    assert (SendingCalendar(windows, zone).next_open(instant) == instant) is shown
