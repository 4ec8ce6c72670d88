"""``stop --all`` and ``start --all`` as people type them: against running, dead, frozen and restarted processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from .console import Console, ended
from .daemons import DAEMON, let_it_be_due, running
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, write_list

IN_FLIGHT = 16  # unless the settings say otherwise
PEOPLE = numbers(60)


def test_with_nobody_sending_a_stop_keeps_run_and_test_from_beginning_until_a_person_lifts_it(
    quick: Console, gateway: IndependentGateway
) -> None:
    stopped = quick("stop", "--all", "--why", "wrong price", "--json").ended_with(0).document
    assert (stopped["settled"], stopped["holder"], stopped["anew"]) == (True, None, True)
    assert stopped["stopped"]["why"] == "wrong price"
    assert not quick("stop", "--all", "--json").ended_with(0).document["anew"]
    for command in (("run", CAMPAIGN, "--yes"), ("send-test", CAMPAIGN, "--to", "501999999", "--yes")):
        refused = quick(*command, "--json").ended_with(6)
        assert refused.document["cause"] == "all_stopped"
        assert "wrong price" in refused.document["error"]
        assert "start --all" in refused.document["advice"]
    assert quick("status", "--json").ended_with(0).document["all_stopped"]["why"] == "wrong price"
    assert quick("runs", "--json").ended_with(0).document["all_stopped"]["why"] == "wrong price"
    assert "all sending is stopped" in quick("status").ended_with(0).out
    quick("check", CAMPAIGN).ended_with(0)
    quick("start", "--all").ended_with(2)
    assert quick("start", "--all", "--yes", "--json").ended_with(0).document["lifted"]
    assert not quick("start", "--all", "--yes", "--json").ended_with(0).document["lifted"]
    assert gateway.numbers == []
    quick("run", CAMPAIGN, "--yes").ended_with(0)


@pytest.mark.parametrize("command", ["stop", "start"])
def test_without_all_nothing_happens(quick: Console, workspace: Path, command: str) -> None:
    refused = quick(command).ended_with(2)
    assert "--all" in refused.err
    assert not list(workspace.glob(".mmsflow/*.stopped"))


def test_a_run_that_sends_begins_nothing_after_the_answer_and_reaches_everybody_once_in_the_end(
    console: Console, quick: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    write_list(workspace, PEOPLE)
    change_campaign(workspace, {"poll:": "rate: 20/s\npoll:"})
    process = console.start("run", CAMPAIGN, "--yes")
    gateway.wait_for(5)
    said = quick("stop", "--all", "--json").ended_with(0).document
    assert said["settled"]
    assert said["holder"]["pid"] == process.pid
    before = len(gateway.numbers)
    assert before < len(PEOPLE)
    time.sleep(1.5)
    assert len(gateway.numbers) == before
    (run,) = quick("status", "--json").ended_with(0).document["runs"]
    assert (run["state"], run["paused_by"]) == ("paused", "stopped")

    process.kill()  # it holds over the death of whoever sends
    ended(process)
    quick("resume", run["run"], "--yes").ended_with(6)
    assert len(gateway.numbers) == before
    lifted = quick("start", "--all", "--yes", "--json").ended_with(0).document
    assert lifted["unfinished"] == [run["run"]]
    assert quick("status", "--json").document["runs"][0]["state"] == "interrupted"
    console("run", CAMPAIGN, "--yes").ended_with(0)
    assert gateway.numbers == PEOPLE


def test_a_daemon_stops_stays_stopped_over_a_kill_and_goes_on_by_itself(
    console: Console, quick: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    write_list(workspace, PEOPLE)
    change_campaign(workspace, {"poll:": "rate: 20/s\npoll:"})
    let_it_be_due(workspace)
    with running(console, *DAEMON, "--log-format", "json") as (process, lines):
        lines.until("run_started")
        gateway.wait_for(5)
        assert quick("stop", "--all", "--why", "wrong price", "--json").ended_with(0).document["settled"]
        before = len(gateway.numbers)
        assert lines.until("sending_stopped")["why"] == "wrong price"
        process.kill()
    with running(console, *DAEMON, "--log-format", "json") as (_, lines):
        lines.until("run_started")
        lines.until("sending_stopped")
        time.sleep(1)
        assert len(gateway.numbers) == before
        quick("start", "--all", "--yes").ended_with(0)
        lines.until("sending_started")
        lines.until("run_sent")
    assert sorted(gateway.numbers) == PEOPLE


def test_a_process_that_hangs_is_named_and_the_stop_is_not_called_settled(
    console: Console, quick: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    write_list(workspace, PEOPLE)
    gateway.reply_to(10)
    process = console.start("run", CAMPAIGN, "--yes", "--no-wait")
    gateway.wait_for(20)
    os.kill(process.pid, signal.SIGSTOP)
    said = quick("stop", "--all", "--json").ended_with(7).document
    assert not said["settled"]
    assert f"process {process.pid}" in said["answer"]
    assert "does not answer" in said["answer"]
    gateway.reply_to(float("inf"))
    os.kill(process.pid, signal.SIGCONT)
    done = ended(process).ended_with(7)
    assert "all sending is stopped" in done.err
    # What was on the wire when it froze may have come in since: ten were answered, and as many may be in flight.
    assert len(gateway.numbers) <= 10 + IN_FLIGHT, "nothing was begun after the stop"


def test_another_ledger_has_a_brake_of_its_own(quick: Console, gateway: IndependentGateway, workspace: Path) -> None:
    other = f"sqlite:///{workspace / 'other.db'}"
    quick("stop", "--all", MMSFLOW_LEDGER=other).ended_with(0)
    assert (workspace / "other.db.stopped").exists()
    quick("run", CAMPAIGN, "--yes", MMSFLOW_LEDGER=other).ended_with(6)
    quick("run", CAMPAIGN, "--yes").ended_with(0)
    assert len(gateway.numbers) == 5
