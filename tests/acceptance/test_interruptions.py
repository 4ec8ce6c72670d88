"""A run that is killed, interrupted or started twice: nobody twice, nobody forgotten."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from .console import Console, ended
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, numbers, report_rows, write_list

PEOPLE = numbers(120)
IN_FLIGHT = 16


@pytest.fixture
def half_way(gateway: IndependentGateway, workspace: Path) -> IndependentGateway:
    """A gateway that replies to 40 messages, and takes the next ones without a reply."""
    write_list(workspace, PEOPLE)
    gateway.reply_to(40)
    return gateway


def test_after_a_kill_the_same_command_reaches_the_rest_and_keeps_what_was_in_flight_as_maybe_sent(
    console: Console, half_way: IndependentGateway
) -> None:
    process = console.start("run", CAMPAIGN, "--yes")
    half_way.wait_for(40 + IN_FLIGHT)
    in_flight = {message.number for message in half_way.messages[40:]}
    process.kill()
    assert ended(process).code == -signal.SIGKILL
    half_way.reply_to(float("inf"))

    again = console("run", CAMPAIGN, "--json").ended_with(7)
    assert half_way.numbers == PEOPLE
    maybe_sent = {
        row["number"] for row in report_rows(again.document["report"]["csv"]) if row["bucket"] == "maybe_sent"
    }
    assert in_flight <= maybe_sent
    assert len(maybe_sent) <= IN_FLIGHT
    assert again.document["buckets"]["maybe_sent"] == len(maybe_sent)
    assert again.document["buckets"]["pending"] == again.document["buckets"]["accepted"] == 0

    third = console("run", CAMPAIGN, "--yes").ended_with(7)
    assert half_way.numbers == PEOPLE
    assert f"has {len(maybe_sent)} messages that were maybe sent" in third.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_settles_what_is_in_flight_and_the_same_command_goes_on(
    console: Console, quick: Console, half_way: IndependentGateway, number: signal.Signals
) -> None:
    process = console.start("run", CAMPAIGN, "--yes", "--no-wait")
    half_way.wait_for(40 + IN_FLIGHT)
    process.send_signal(number)
    half_way.reply_to(float("inf"))
    first = ended(process).ended_with(130)
    assert f"`mmsflow run {CAMPAIGN}` goes on" in first.err
    (run,) = quick("status", "--json").ended_with(0).document["runs"]
    assert run["state"] == "interrupted"
    assert run["buckets"]["maybe_sent"] == 0
    assert run["buckets"]["accepted"] == len(half_way.messages) < len(PEOPLE)
    console("run", CAMPAIGN, "--no-wait").ended_with(0)
    assert half_way.numbers == PEOPLE


def test_while_one_process_sends_a_second_is_refused_and_named_its_holder_and_status_still_answers(
    console: Console, quick: Console, half_way: IndependentGateway
) -> None:
    process = console.start("run", CAMPAIGN, "--yes", "--no-wait")
    half_way.wait_for(40 + IN_FLIGHT)
    second = quick("run", CAMPAIGN, "--yes").ended_with(8)
    assert f"process {process.pid}" in second.err
    assert f"run {CAMPAIGN}" in second.err
    (run,) = quick("status", "--json").ended_with(0).document["runs"]
    assert run["state"] == "running"
    assert run["buckets"]["pending"] >= IN_FLIGHT
    half_way.reply_to(float("inf"))
    ended(process).ended_with(0)
    assert half_way.numbers == PEOPLE
