"""Which scheduled times can send something before the next one comes; the tables are written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mmsflow.campaign.load import load_campaign
from mmsflow.workflow.openings import Openings

from .campaign_desk import CAMPAIGN

WARSAW = ZoneInfo("Europe/Warsaw")


def openings(folder: Path, schedule: str) -> Openings:
    (folder / "campaigns").mkdir(exist_ok=True)
    path = folder / "campaigns" / "a.yaml"
    path.write_text(f"{CAMPAIGN}schedule: {schedule}\n")
    return Openings(load_campaign(path, folder).campaign)


def local(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=WARSAW).astimezone(UTC)


WORKING_DAYS = "{every: '0 9 * * mon-fri', window: {days: mon-fri, hours: '09:00-17:00', holidays: skip}}"
DECEMBER_AND_JANUARY = {
    "2026-12-21": "Monday",
    "2026-12-22": "Tuesday",
    "2026-12-23": "Wednesday",
    "2026-12-24": "closed",  # Christmas Eve, a Thursday; the window opens on Monday with Monday's own time
    "2026-12-25": "closed",
    "2026-12-28": "Monday",
    "2026-12-29": "Tuesday",
    "2026-12-30": "Wednesday",
    "2026-12-31": "Thursday",
    "2027-01-01": "closed",  # a Friday
    "2027-01-04": "Monday",
    "2027-01-05": "Tuesday",
    "2027-01-06": "closed",  # Epiphany, a Wednesday
    "2027-01-07": "Thursday",
    "2027-01-08": "Friday",
}


@pytest.mark.parametrize(("day", "said"), DECEMBER_AND_JANUARY.items())
def test_each_working_day_but_the_holidays(tmp_path: Path, day: str, said: str) -> None:
    due = local(f"{day} 09:00")
    assert openings(tmp_path, WORKING_DAYS).stays_closed(due) is (said == "closed")
    assert said in {"closed", f"{due.astimezone(WARSAW):%A}"}


def test_the_times_ahead_are_those_that_can_be_sent(tmp_path: Path) -> None:
    times = islice(openings(tmp_path, WORKING_DAYS).times(local("2026-12-21 08:00")), 11)
    sent = [local(f"{day} 09:00") for day, said in DECEMBER_AND_JANUARY.items() if said != "closed"]
    assert list(times) == sent


@pytest.mark.parametrize(
    ("schedule", "due", "closed"),
    [
        # The window of the day has not opened yet, or has closed before the time; it opens before the next one.
        ("{every: '0 6 * * *', window: {hours: '09:00-17:00'}}", "2026-12-21 06:00", False),
        ("{every: '0 21 * * *', window: {hours: '09:00-17:00'}}", "2026-12-21 21:00", False),
        # A Monday that is a holiday: the week's run goes out on Tuesday.
        (
            "{every: '0 9 * * mon', window: {days: mon-fri, hours: '09:00-17:00', holidays: skip}}",
            "2027-03-29 09:00",
            False,
        ),
        ("{every: '0 9 * * mon', window: {days: mon, hours: '09:00-17:00', holidays: skip}}", "2027-03-29 09:00", True),
        # Each hour of a day, beside the window of the day.
        ("{every: '0 * * * *', window: {hours: '09:00-17:00'}}", "2026-12-21 07:00", True),
        ("{every: '0 * * * *', window: {hours: '09:00-17:00'}}", "2026-12-21 08:00", True),
        ("{every: '0 * * * *', window: {hours: '09:00-17:00'}}", "2026-12-21 09:00", False),
        ("{every: '0 * * * *', window: {hours: '09:00-17:00'}}", "2026-12-21 16:00", False),
        ("{every: '0 * * * *', window: {hours: '09:00-17:00'}}", "2026-12-21 17:00", True),
        # The last time before `until` is judged like the others.
        (
            WORKING_DAYS.replace("{every", "{until: 2026-12-24 12:00, every"),
            "2026-12-24 09:00",
            True,
        ),
        # Without windows, and without a recurrence.
        ("{every: '0 9 * * *'}", "2026-12-24 09:00", False),
        ("{start: 2026-12-24 09:00, window: {hours: '09:00-17:00', holidays: skip}}", "2026-12-24 09:00", False),
        (
            "{every: '0 9 * * *', window: {days: mon, hours: '09:00-17:00', closed: [2026-12-28]}}",
            "2026-12-21 09:00",
            False,
        ),
    ],
)
def test_a_window_that_opens_only_with_the_next_time(tmp_path: Path, schedule: str, due: str, closed: bool) -> None:
    assert openings(tmp_path, schedule).stays_closed(local(due)) is closed


def test_what_is_late_is_judged_from_now_on(tmp_path: Path) -> None:
    found, due = openings(tmp_path, WORKING_DAYS), local("2026-12-23 09:00")
    assert not found.stays_closed(due, local("2026-12-23 16:59"))
    assert found.stays_closed(due, local("2026-12-23 17:00"))
    assert found.closes(due, due) == found.closes(due, due - timedelta(hours=3)) == local("2026-12-23 17:00")
