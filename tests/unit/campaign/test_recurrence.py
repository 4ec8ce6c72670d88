"""When a recurring campaign is due: tables made by hand over every change of the clocks, and rules that hold for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.campaign.recurrence import due_times, last_due, times_as_text, times_from_text
from mmsflow.campaign.schedule import Schedule

# All ten changes in Poland from 2026 to 2030, at 01:00 UTC: the day before, the day itself, the day after.
DAILY = """
00:00            02:00            02:30            03:00
2026-03-27T23:00 2026-03-28T01:00 2026-03-28T01:30 2026-03-28T02:00
2026-03-28T23:00 2026-03-29T01:00 2026-03-29T01:00 2026-03-29T01:00
2026-03-29T22:00 2026-03-30T00:00 2026-03-30T00:30 2026-03-30T01:00
2026-10-23T22:00 2026-10-24T00:00 2026-10-24T00:30 2026-10-24T01:00
2026-10-24T22:00 2026-10-25T00:00 2026-10-25T00:30 2026-10-25T02:00
2026-10-25T23:00 2026-10-26T01:00 2026-10-26T01:30 2026-10-26T02:00
2027-03-26T23:00 2027-03-27T01:00 2027-03-27T01:30 2027-03-27T02:00
2027-03-27T23:00 2027-03-28T01:00 2027-03-28T01:00 2027-03-28T01:00
2027-03-28T22:00 2027-03-29T00:00 2027-03-29T00:30 2027-03-29T01:00
2027-10-29T22:00 2027-10-30T00:00 2027-10-30T00:30 2027-10-30T01:00
2027-10-30T22:00 2027-10-31T00:00 2027-10-31T00:30 2027-10-31T02:00
2027-10-31T23:00 2027-11-01T01:00 2027-11-01T01:30 2027-11-01T02:00
2028-03-24T23:00 2028-03-25T01:00 2028-03-25T01:30 2028-03-25T02:00
2028-03-25T23:00 2028-03-26T01:00 2028-03-26T01:00 2028-03-26T01:00
2028-03-26T22:00 2028-03-27T00:00 2028-03-27T00:30 2028-03-27T01:00
2028-10-27T22:00 2028-10-28T00:00 2028-10-28T00:30 2028-10-28T01:00
2028-10-28T22:00 2028-10-29T00:00 2028-10-29T00:30 2028-10-29T02:00
2028-10-29T23:00 2028-10-30T01:00 2028-10-30T01:30 2028-10-30T02:00
2029-03-23T23:00 2029-03-24T01:00 2029-03-24T01:30 2029-03-24T02:00
2029-03-24T23:00 2029-03-25T01:00 2029-03-25T01:00 2029-03-25T01:00
2029-03-25T22:00 2029-03-26T00:00 2029-03-26T00:30 2029-03-26T01:00
2029-10-26T22:00 2029-10-27T00:00 2029-10-27T00:30 2029-10-27T01:00
2029-10-27T22:00 2029-10-28T00:00 2029-10-28T00:30 2029-10-28T02:00
2029-10-28T23:00 2029-10-29T01:00 2029-10-29T01:30 2029-10-29T02:00
2030-03-29T23:00 2030-03-30T01:00 2030-03-30T01:30 2030-03-30T02:00
2030-03-30T23:00 2030-03-31T01:00 2030-03-31T01:00 2030-03-31T01:00
2030-03-31T22:00 2030-04-01T00:00 2030-04-01T00:30 2030-04-01T01:00
2030-10-25T22:00 2030-10-26T00:00 2030-10-26T00:30 2030-10-26T01:00
2030-10-26T22:00 2030-10-27T00:00 2030-10-27T00:30 2030-10-27T02:00
2030-10-27T23:00 2030-10-28T01:00 2030-10-28T01:30 2030-10-28T02:00
"""
CHANGE_DAYS = [line.split()[3][:10] for line in DAILY.strip().splitlines()[2::3]]
EVES = {"2026-03-29": "2026-03-28T23:30", "2026-10-25": "2026-10-24T23:30"}
ZONES = ("Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "UTC")


def schedule(every: str | None = None, **more: object) -> Schedule:
    return Schedule.model_validate({"every": every, **more})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def texts(dues: list[datetime]) -> list[str]:
    return [f"{due:%Y-%m-%dT%H:%M}" for due in dues]


def first(count: int, every: str, after: str, **more: object) -> list[str]:
    return texts(list(islice(due_times(schedule(every, **more), utc(after)), count)))


def between(every: str, after: str, until: str) -> list[str]:
    dues = due_times(schedule(every), utc(after))
    return texts([due for due in islice(dues, 200) if due <= utc(until)])


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("change", range(10))
def test_a_daily_time_is_due_once_on_each_day_around_every_change_of_the_clocks(change: int, column: int) -> None:
    head, *rows = (line.split() for line in DAILY.strip().splitlines())
    hour, minute = head[column].split(":")
    expected = [row[column] for row in rows[3 * change : 3 * change + 3]]
    every = f"{int(minute)} {int(hour)} * * *"
    eve = texts([utc(expected[0]) - timedelta(hours=12)])[0]
    assert first(3, every, eve) == expected
    daily = schedule(every)
    for earlier, due in pairwise(map(utc, expected)):
        assert last_due(daily, due) == due
        assert last_due(daily, due - timedelta(seconds=1)) == earlier
        assert last_due(daily, due + timedelta(hours=2)) == due


@pytest.mark.parametrize("day", CHANGE_DAYS)
def test_every_hour_goes_on_by_the_hour_when_the_clocks_change(day: str) -> None:
    expected = ["00:00", "01:00", "02:00", "03:00", "04:00"]
    assert between("0 * * * *", f"{day}T00:00", f"{day}T04:00") == [f"{day}T{hour}" for hour in expected[1:]]
    assert last_due(schedule("0 * * * *"), utc(f"{day}T01:59")) == utc(f"{day}T01:00")
    assert last_due(schedule("0 * * * *"), utc(f"{day}T01:00")) == utc(f"{day}T01:00")


@pytest.mark.parametrize("day", CHANGE_DAYS)
def test_every_quarter_of_an_hour_goes_on_by_the_quarter_when_the_clocks_change(day: str) -> None:
    expected = ["00:00", "00:15", "00:30", "00:45", "01:00", "01:15", "01:30", "01:45", "02:00", "02:15"]
    assert between("*/15 * * * *", f"{day}T00:00", f"{day}T02:15") == [f"{day}T{minute}" for minute in expected[1:]]
    assert last_due(schedule("*/15 * * * *"), utc(f"{day}T01:14")) == utc(f"{day}T01:00")


@pytest.mark.parametrize(
    ("every", "spring", "autumn"),
    [
        ("0 0-4 * * *", ["00:00", "01:00", "02:00"], ["00:00", "02:00", "03:00"]),
        ("0 2,3 * * *", ["01:00"], ["00:00", "02:00"]),
        ("0,30 2,3 * * *", ["01:00", "01:30"], ["00:00", "00:30", "02:00", "02:30"]),
        ("*/20 2 * * *", ["01:00"], ["00:00", "00:20", "00:40"]),
        ("0 */2 * * *", ["01:00", "02:00"], ["00:00", "03:00"]),
    ],
)
def test_hours_that_are_named_come_once_and_the_skipped_ones_are_one_time_at_the_jump(
    every: str, spring: list[str], autumn: list[str]
) -> None:
    for day, expected in (("2026-03-29", spring), ("2026-10-25", autumn)):
        assert between(every, EVES[day], f"{day}T03:30") == [f"{day}T{time}" for time in expected]


def test_the_29th_falls_out_of_a_february_without_one_and_keeps_its_local_hour() -> None:
    assert first(17, "0 9 29 * *", "2026-12-01T00:00") == [
        "2026-12-29T08:00",
        "2027-01-29T08:00",
        "2027-03-29T07:00",
        "2027-04-29T07:00",
        "2027-05-29T07:00",
        "2027-06-29T07:00",
        "2027-07-29T07:00",
        "2027-08-29T07:00",
        "2027-09-29T07:00",
        "2027-10-29T07:00",
        "2027-11-29T08:00",
        "2027-12-29T08:00",
        "2028-01-29T08:00",
        "2028-02-29T08:00",
        "2028-03-29T07:00",
        "2028-04-29T07:00",
        "2028-05-29T07:00",
    ]


def test_the_31st_comes_in_seven_months_also_where_the_clocks_change_on_it() -> None:
    assert first(7, "30 2 31 * *", "2027-01-01T00:00") == [
        "2027-01-31T01:30",
        "2027-03-31T00:30",
        "2027-05-31T00:30",
        "2027-07-31T00:30",
        "2027-08-31T00:30",
        "2027-10-31T00:30",
        "2027-12-31T01:30",
    ]
    assert first(3, "30 2 31 * *", "2030-01-01T00:00") == ["2030-01-31T01:30", "2030-03-31T01:00", "2030-05-31T00:30"]


def test_a_leap_day_is_found_forwards_and_backwards_over_the_years() -> None:
    assert first(2, "0 9 29 2 *", "2026-01-01T00:00") == ["2028-02-29T08:00", "2032-02-29T08:00"]
    leap = schedule("0 9 29 2 *")
    assert last_due(leap, utc("2028-02-29T07:59")) == utc("2024-02-29T08:00")
    assert last_due(leap, utc("2028-02-29T08:00")) == utc("2028-02-29T08:00")


def test_start_and_until_bound_a_recurrence_and_belong_to_it() -> None:
    bounds = {"start": "2026-12-01 09:00", "until": "2026-12-03 09:00"}
    assert first(9, "0 9 * * *", "2026-01-01T00:00", **bounds) == [
        "2026-12-01T08:00",
        "2026-12-02T08:00",
        "2026-12-03T08:00",
    ]
    daily = schedule("0 9 * * *", **bounds)
    assert last_due(daily, utc("2026-12-01T07:59")) is None
    assert last_due(daily, utc("2026-12-01T08:00")) == utc("2026-12-01T08:00")
    assert last_due(daily, utc("2027-12-01T08:00")) == utc("2026-12-03T08:00")


def test_a_start_between_two_times_is_no_time_of_its_own() -> None:
    assert first(1, "0 9 * * *", "2026-01-01T00:00", start="2026-12-01 10:00") == ["2026-12-02T08:00"]
    assert last_due(schedule("0 9 * * *", start="2026-12-01 10:00"), utc("2026-12-01T12:00")) is None


def test_a_single_start_is_due_once_and_a_campaign_by_hand_never() -> None:
    single, by_hand = schedule(start="2026-12-01 09:00"), schedule()
    due = utc("2026-12-01T08:00")
    assert list(due_times(single, utc("2026-11-01T00:00"))) == [due]
    assert list(due_times(single, due)) == []
    assert (last_due(single, due), last_due(single, due - timedelta(seconds=1))) == (due, None)
    assert list(due_times(by_hand, due)) == []
    assert last_due(by_hand, due) is None


def numbers_of(largest: int) -> st.SearchStrategy[str]:
    some = st.lists(st.integers(0, largest), min_size=1, max_size=3, unique=True)
    return some.map(lambda chosen: ",".join(map(str, sorted(chosen))))


EXPRESSIONS = st.tuples(
    st.one_of(numbers_of(59), st.sampled_from(["*/7", "*/15", "*/30"])),
    st.one_of(numbers_of(23), st.sampled_from(["*", "*/2", "0-4", "1,2,3"])),
    st.sampled_from(["*", "*", "31", "29", "L"]),
    st.sampled_from(["*", "*", "2,3,4", "10"]),
    st.sampled_from(["*", "*", "SUN", "1-5"]),
).map(" ".join)
ZONED = st.sampled_from(ZONES)
# Half of the instants lie in weeks in which some clocks change.
INSTANTS = st.one_of(
    st.integers(0, 5 * 365 * 86_400).map(lambda second: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)),
    st.tuples(
        st.sampled_from([*CHANGE_DAYS, "2026-03-08", "2027-11-07", "2026-04-04", "2028-09-30"]),
        st.integers(-86_400, 2 * 86_400),
    ).map(lambda near: utc(near[0]) + timedelta(seconds=near[1])),
)


@settings(max_examples=60, deadline=None)
@given(every=EXPRESSIONS, zone=ZONED, after=INSTANTS)
def test_due_times_rise_and_the_last_due_one_is_always_one_of_them(every: str, zone: str, after: datetime) -> None:
    recurring = schedule(every, timezone=zone)
    dues = list(islice(due_times(recurring, after), 12))
    assert all(earlier < later for earlier, later in pairwise([after, *dues]))
    for earlier, later in pairwise(dues):
        assert last_due(recurring, earlier) == earlier
        assert last_due(recurring, later - timedelta(microseconds=1)) == earlier
        assert next(due_times(recurring, earlier)) == later


@settings(max_examples=60, deadline=None)
@given(minute=st.integers(0, 59), hour=st.integers(0, 23), zone=ZONED, after=INSTANTS)
def test_a_daily_time_is_due_once_on_every_date_of_its_zone(minute: int, hour: int, zone: str, after: datetime) -> None:
    dues = islice(due_times(schedule(f"{minute} {hour} * * *", timezone=zone), after), 8)
    dates = [due.astimezone(ZoneInfo(zone)).date() for due in dues]
    assert dates == [dates[0] + timedelta(days=days) for days in range(8)]


@pytest.mark.parametrize(
    "schedule",
    [
        {},
        {"start": "2026-12-01 09:00", "timezone": "Europe/London"},
        {"start": "2026-12-01 09:00:30", "every": "0 9 * * mon-fri", "until": "2027-12-31 23:00"},
    ],
)
def test_times_written_down_are_the_same_when_they_are_read_again(schedule: dict[str, str]) -> None:
    written = times_as_text(Schedule.model_validate(schedule))
    again = times_from_text(written)
    assert times_as_text(again) == written
    begins = datetime(2026, 11, 1, tzinfo=UTC)
    assert list(islice(due_times(again, begins), 9)) == list(
        islice(due_times(Schedule.model_validate(schedule), begins), 9)
    )
    assert times_as_text(Schedule.model_validate(schedule | {"grace": "5h", "window": "any"})) == written
    assert times_as_text(Schedule.model_validate(schedule | {"timezone": "Asia/Tokyo"})) != written


@pytest.mark.parametrize("text", ["", "{", "[]", '{"moon": "full"}', '{"timezone": "Europe/Atlantis"}'])
def test_times_that_cannot_be_read_again_are_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        times_from_text(text)
