"""The schedule of a campaign file: windows, recurrence, deadline, and what is refused with a way out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from mmsflow.campaign.local_time import HourSpan
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.schedule import MARKETING_WINDOW, Schedule

NINE_TO_FIVE = {"days": "mon-fri", "hours": "09:00-17:00"}
SATURDAY = {
    "days": "sat",
    "hours": ["10:00-12:00", "14:00-16:00"],
    "holidays": "skip",
    "closed": ["2026-12-24", "12-31"],
}


def campaign(**changes: Any) -> Campaign:
    document = {
        "version": 1,
        "campaign": "a",
        "purpose": "transactional",
        "sender": "ACME",
        "recipients": [{"csv": "lists/a.csv"}],
        "message": {"subject": "x"},
    }
    return Campaign.model_validate(document | changes)


def refusal(**schedule: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        Schedule.model_validate(schedule)
    return str(refused.value)


def test_one_window_several_or_any_are_understood() -> None:
    assert len(campaign(schedule={"window": NINE_TO_FIVE}).windows) == 1
    several = campaign(schedule={"window": [NINE_TO_FIVE, SATURDAY]}).windows
    assert several[1].hours == (HourSpan(600, 720), HourSpan(840, 960))
    assert several[1].closed == ("2026-12-24", "12-31")
    assert campaign(schedule={"window": "any"}).windows == ()


def test_marketing_without_a_window_leaves_people_their_evenings_and_nights() -> None:
    marketing = {"purpose": "marketing", "consent": {"column": "c", "accept": ["yes"]}}
    assert campaign(**marketing).windows == (MARKETING_WINDOW,)
    assert (MARKETING_WINDOW.days, MARKETING_WINDOW.hours) == (frozenset(range(7)), (HourSpan(540, 1200),))
    assert campaign(**marketing, schedule={"window": "any"}).windows == ()
    assert campaign().windows == ()


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ({"window": {"hours": ["09:00-12:00", "11:00-13:00"]}}, "overlap"),
        ({"window": {"hours": "09:00-12:00", "closed": ["2026-02-29"]}}, "not in the calendar"),
        ({"window": {"hours": "09:00-12:00", "closed": ["24.12."]}}, "is not a day"),
        ({"window": "always"}, "any"),
        ({"window": []}, "at least 1"),
        ({"until": "2027-01-01 00:00"}, "ends a recurrence"),
        ({"every": "0 9 * * *", "not_after": "2027-01-01 00:00"}, "every later occurrence"),
        ({"every": "0 9 * * *", "start": "2027-01-02 00:00", "until": "2027-01-01 00:00"}, "earlier than `start`"),
        ({"not_after": "soon"}, "is not a duration"),
        ({"every": "0 9 * *"}, "five fields"),
        ({"missed": "run"}, "run_once"),
    ],
)
def test_what_makes_no_sense_is_refused(schedule: dict[str, Any], said: str) -> None:
    assert said in refusal(**schedule)


def test_a_leap_day_may_be_closed_every_year() -> None:
    assert campaign(schedule={"window": {"hours": "09:00-12:00", "closed": "02-29"}}).windows[0].closed == ("02-29",)


def test_a_deadline_is_an_instant_or_counted_from_each_beginning() -> None:
    begins = datetime(2026, 12, 1, 8, tzinfo=UTC)
    fixed = Schedule.model_validate({"start": "2026-12-01 09:00", "not_after": "2026-12-01 18:00"})
    counted = Schedule.model_validate({"every": "0 9 * * *", "not_after": "8h"})
    assert fixed.deadline(begins) == datetime(2026, 12, 1, 17, tzinfo=UTC)
    assert counted.deadline(begins) == begins + timedelta(hours=8)
    assert counted.deadline(begins + timedelta(days=1)) == begins + timedelta(days=1, hours=8)
    assert Schedule().deadline(begins) is None


def test_only_a_start_or_a_recurrence_lets_a_campaign_begin_by_itself() -> None:
    assert Schedule().by_hand
    assert not Schedule.model_validate({"start": "2026-12-01 09:00"}).by_hand
    assert not Schedule.model_validate({"every": "0 9 * * *"}).by_hand
