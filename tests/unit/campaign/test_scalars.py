"""How durations, rates, shares, days, hours and local times are written, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from mmsflow.campaign.amounts import Duration, Rate, RateText, Share, duration_text
from mmsflow.campaign.local_time import (
    CronText,
    DaySet,
    Hours,
    HourSpan,
    LocalInstant,
    NonexistentTime,
    TimezoneName,
    to_utc,
)
from mmsflow.campaign.scalars import CampaignName, Count, Sender, Switch, Unquoted, WorkspacePath, sender_advice
from mmsflow.campaign.schedule import Schedule


def read(kind: Any, value: object) -> object:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (Duration, "20s", timedelta(seconds=20)),
        (Duration, "30min", timedelta(minutes=30)),
        (Duration, "72h", timedelta(hours=72)),
        (Duration, "7d", timedelta(days=7)),
        (Duration, "1.5 h", timedelta(minutes=90)),
        (RateText, "20/s", Rate(20.0, "20/s")),
        (RateText, "600/min", Rate(10.0, "600/min")),
        (RateText, "1800 / h", Rate(0.5, "1800 / h")),
        (Share, "50%", 0.5),
        (Share, "0.5", 0.5),
        (Share, Unquoted("1", 1), 1.0),
        (Share, "100 %", 1.0),
        (CampaignName, "winter-sale-2", "winter-sale-2"),
        (Sender, "ACME Shop", "ACME Shop"),
        (WorkspacePath, "lists/a..b.csv", "lists/a..b.csv"),
        (Count, "3", 3),
        (Switch, Unquoted("True", True), True),
        (LocalInstant, "2026-12-01 09:00", datetime(2026, 12, 1, 9)),  # noqa: DTZ001
        (LocalInstant, "2026-12-01T9:00:30", datetime(2026, 12, 1, 9, 0, 30)),  # noqa: DTZ001
        (TimezoneName, "Europe/Warsaw", "Europe/Warsaw"),
        (CronText, "0  9 1 * MON", "0 9 1 * MON"),
        (DaySet, "mon-fri", frozenset(range(5))),
        (DaySet, "Sat-Mon", frozenset({5, 6, 0})),
        (DaySet, ["mon", "wed"], frozenset({0, 2})),
        (Hours, "09:00-19:30", (HourSpan(540, 1170),)),
        (Hours, ["20:00-24:00", "09:00-12:00"], (HourSpan(540, 720), HourSpan(1200, 1440))),
    ],
)
def test_what_people_write_is_understood(kind: Any, written: object, value: object) -> None:
    assert read(kind, written) == value


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (Duration, "72"),
        (Duration, "0s"),
        (Duration, "2 weeks"),
        (Duration, "999999999d"),
        (Duration, None),
        (RateText, "20"),
        (RateText, "0/s"),
        (RateText, "20/day"),
        (Share, "50"),
        (Share, "0%"),
        (Share, "101%"),
        (Share, "-0.5"),
        (CampaignName, "Winter"),
        (CampaignName, "-a"),
        (CampaignName, "a" * 64),
        (CampaignName, "a\n"),
        (Sender, ""),
        (Sender, "x" * 21),
        (Sender, "a\tb"),
        (WorkspacePath, "../a"),
        (WorkspacePath, "a/../../b"),
        (WorkspacePath, "/etc/passwd"),
        (WorkspacePath, "C:/a"),
        (WorkspacePath, "a\\b"),
        (WorkspacePath, "a\0b"),
        (WorkspacePath, ["a"]),
        (Count, "0"),
        (Count, True),
        (Count, 1.5),
        (Switch, "yes"),
        (Switch, 1),
        (LocalInstant, "2026-12-01"),
        (LocalInstant, "2026-02-30 09:00"),
        (LocalInstant, "2026-12-01 09:00+01:00"),
        (LocalInstant, "9999-12-31 23:59"),
        (LocalInstant, datetime(2026, 1, 1, tzinfo=UTC)),
        (TimezoneName, "Europe/Warszawa"),
        (TimezoneName, "../../etc/passwd"),
        (TimezoneName, "\ud800"),
        (CronText, "0 9 * *"),
        (CronText, "99 9 * * *"),
        (CronText, "@daily"),
        (DaySet, "weekdays"),
        (DaySet, []),
        (DaySet, "mon-tue-wed"),
        (Hours, "19:00-09:00"),
        (Hours, "09:00-25:00"),
        (Hours, "09:75-10:00"),
        (Hours, "9-17"),
    ],
)
def test_what_could_mean_something_else_is_refused_with_a_fix(kind: Any, written: object) -> None:
    with pytest.raises(ValidationError) as refused:
        read(kind, written)

    (error,) = refused.value.errors()
    assert error["type"] == "greater_than_equal" or error["ctx"]["fix"]


def test_a_zone_that_is_nearly_right_is_answered_with_did_you_mean() -> None:
    with pytest.raises(ValidationError) as refused:
        read(TimezoneName, "europe/warsw")

    assert refused.value.errors()[0]["ctx"]["fix"] == "did you mean `Europe/Warsaw`?"


def test_a_local_time_that_the_clocks_skip_is_refused_and_names_the_one_to_write() -> None:
    with pytest.raises(NonexistentTime) as skipped:
        to_utc(datetime(2026, 3, 29, 2, 30), "Europe/Warsaw")  # noqa: DTZ001
    assert skipped.value.instead == datetime(2026, 3, 29, 3, 30)  # noqa: DTZ001

    with pytest.raises(ValidationError) as refused:
        Schedule.model_validate({"not_after": "2026-03-29 02:30"})
    assert refused.value.errors()[0]["ctx"]["fix"] == "write 2026-03-29 03:30 instead"


def test_of_a_local_time_that_comes_twice_the_first_is_meant() -> None:
    assert to_utc(datetime(2026, 10, 25, 2, 30), "Europe/Warsaw") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # noqa: DTZ001


def test_a_deadline_before_the_start_is_refused() -> None:
    with pytest.raises(ValidationError, match="not later than"):
        Schedule.model_validate({"start": "2026-12-01 09:00", "not_after": "2026-12-01 09:00"})


@pytest.mark.parametrize(
    ("sender", "advised"), [("ACME", True), ("ACME2026PL1", True), ("ACME Shop", False), ("Żabka", False)]
)
def test_a_sender_of_up_to_eleven_letters_and_digits_is_the_safe_one(sender: str, advised: bool) -> None:
    assert (sender_advice(sender) == "") is advised


@pytest.mark.parametrize("written", ["20s", "90s", "30min", "72h", "1.5s"])
def test_a_duration_is_written_as_people_write_it(written: str) -> None:
    duration = read(Duration, written)

    assert isinstance(duration, timedelta)
    assert read(Duration, duration_text(duration)) == duration
