"""`mmsflow run` of a recurring campaign: each scheduled time once, named in the campaign's own zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from .console import Console
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers

ZONE = ZoneInfo("America/Phoenix")  # no clock changes there
NOW = datetime.now(ZONE)
TWO_HOURS_AGO = NOW.replace(second=0, microsecond=0) - timedelta(hours=2)
IN_22_HOURS = TWO_HOURS_AGO + timedelta(days=1)
DAILY = f"{TWO_HOURS_AGO.minute} {TWO_HOURS_AGO.hour} * * *"

Recur = Callable[..., None]


@pytest.fixture
def recur(workspace: Path) -> Recur:
    """Gives the campaign a recurrence in a zone that is not Poland's, with a grace for what its first run may take."""
    return lambda every, grace="3h": change_campaign(
        workspace, {"poll:": f'schedule: {{every: "{every}", timezone: {ZONE.key}, grace: {grace}}}\npoll:'}
    )


def shown(instant: datetime) -> str:
    return f"{instant:%a %Y-%m-%d %H:%M %Z}"


def test_a_time_that_has_come_is_carried_out_once_and_then_the_next_one_is_named(
    quick: Console, gateway: IndependentGateway, recur: Recur, workspace: Path
) -> None:
    recur(DAILY)
    change_campaign(workspace, {"sender: ACME": "sender: ACME\ndelivery_report: false"})
    plan = quick("plan", CAMPAIGN, "--json").ended_with(0).document
    assert datetime.fromisoformat(plan["due"]) == TWO_HOURS_AGO
    first = quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    assert f"scheduled for  {shown(TWO_HOURS_AGO)}" in first.err
    assert f"due       {shown(TWO_HOURS_AGO)}" in first.err
    assert "ago" not in first.err
    assert sorted(gateway.numbers) == sorted(numbers(5))
    (run,) = quick("status", "--json").ended_with(0).document["runs"]
    assert datetime.fromisoformat(run["due_at"]) == TWO_HOURS_AGO
    assert f"due {TWO_HOURS_AGO:%a %Y-%m-%d %H:%M:%S %Z}\n" in quick("status").ended_with(0).out

    second = quick("run", CAMPAIGN, "--yes").ended_with(6)
    assert f"the next time is {shown(IN_22_HOURS)}" in second.err
    later = quick("plan", CAMPAIGN).ended_with(0)
    assert f"scheduled for  {shown(IN_22_HOURS)}" in later.out
    assert f"this is the plan for {shown(IN_22_HOURS)}" in later.err
    assert len(gateway.messages) == 5

    quick("run", CAMPAIGN, "--yes", "--no-wait", "--again").ended_with(0)
    assert len(gateway.messages) == 10
    runs = quick("runs", "--json").ended_with(0).document["runs"]
    assert [run["run"] for run in runs if f"{TWO_HOURS_AGO:%Y%m%d}-1" in run["run"]], "named by its scheduled day"


def test_a_time_long_past_is_warned_of(quick: Console, recur: Recur) -> None:
    month = (NOW.month + 5) % 12 + 1
    recur(f"0 9 1 {month} *", grace="366d")
    done = quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    assert "days ago" in done.err


def test_the_times_of_a_file_that_is_new_are_not_made_up_for(
    quick: Console, gateway: IndependentGateway, recur: Recur
) -> None:
    recur(DAILY, grace="1h")
    refused = quick("run", CAMPAIGN, "--yes").ended_with(6)
    assert f"the next time is {shown(IN_22_HOURS)}" in refused.err
    assert f"this is the plan for {shown(IN_22_HOURS)}" in quick("plan", CAMPAIGN).ended_with(0).err
    assert gateway.messages == []


def test_a_time_that_comes_while_reports_are_outstanding_begins_all_the_same(
    quick: Console, gateway: IndependentGateway, recur: Recur, workspace: Path
) -> None:
    recur(DAILY)
    change_campaign(workspace, {"until: 3s": "until: 2d"})
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    later = TWO_HOURS_AGO + timedelta(hours=1)
    change_campaign(workspace, {DAILY: f"{later.minute} {later.hour} * * *"})
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    assert len(gateway.messages) == 10
