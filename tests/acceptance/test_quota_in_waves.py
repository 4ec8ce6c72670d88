"""A quota smaller than the list: waves with dates, leaving when it is used up, waiting for its reset."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from .console import Console, ended
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, numbers, report_rows, write_list

PEOPLE = numbers(250)


@pytest.fixture
def gateway_of_100(gateway: IndependentGateway, workspace: Path) -> IndependentGateway:
    gateway.quota = 100
    write_list(workspace, PEOPLE)
    return gateway


def test_250_recipients_against_a_quota_of_100_are_planned_in_three_waves_with_dates(
    quick: Console, gateway_of_100: IndependentGateway
) -> None:
    plan = quick("plan", CAMPAIGN, "--json").ended_with(0).document
    midnight = datetime.combine(gateway_of_100.resets_on, time(0), ZoneInfo("Europe/Warsaw"))
    assert [wave["size"] for wave in plan["waves"]] == [100, 100, 50]
    starts = [datetime.fromisoformat(wave["starts_at"]) for wave in plan["waves"]]
    assert starts[0] < midnight
    assert starts[1:] == [midnight, midnight + timedelta(days=1)]
    assert datetime.fromisoformat(plan["finishes_at"]) >= starts[2]
    assert "1 day" in plan["quota"]["assumption"]
    assert gateway_of_100.messages == []


def test_without_waiting_each_call_sends_what_the_quota_allows_and_the_next_goes_on_unasked(
    console: Console, gateway_of_100: IndependentGateway
) -> None:
    first = console("run", CAMPAIGN, "--yes", "--no-wait").ended_with(7)
    assert len(gateway_of_100.messages) == 100
    assert "the quota is used up (100 used, 0 available)" in first.err
    assert f"150 messages are not sent yet; `mmsflow run {CAMPAIGN}` goes on, from" in first.out
    assert f"{gateway_of_100.resets_on} 00:00:00" in first.out
    gateway_of_100.reset_quota()
    second = console("run", CAMPAIGN, "--no-wait", "--json").ended_with(7)
    assert second.document["state"] == "paused"
    assert second.document["buckets"] | {"accepted": 200, "pending": 50} == second.document["buckets"]
    gateway_of_100.reset_quota()
    third = console("run", CAMPAIGN, "--no-wait", "--json").ended_with(0)
    assert gateway_of_100.numbers == PEOPLE
    assert {row["bucket"] for row in report_rows(third.document["report"]["csv"])} == {"accepted"}


def test_with_waiting_one_call_goes_on_by_itself_when_the_quota_is_there_again(
    console: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    gateway.quota = 10
    write_list(workspace, numbers(15))
    process = console.start("run", CAMPAIGN, "--yes", "--json")
    gateway.wait_for(10)
    gateway.reset_quota()
    done = ended(process).ended_with(0)
    assert gateway.numbers == numbers(15)
    assert done.document["state"] == "done"
