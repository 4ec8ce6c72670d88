"""The daemon as a real process: one at a time, taken over when it is killed, stopped gently when it is asked."""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .console import Console
from .daemons import DAEMON, let_it_be_due, running
from .independent_gateway import IndependentGateway
from .workspace import numbers, report_rows, write_list

PEOPLE = numbers(60)
HELD = 20  # replies that are given before the gateway holds the next ones back
IN_FLIGHT = 16


@pytest.fixture
def due(gateway: IndependentGateway, workspace: Path) -> IndependentGateway:
    """A campaign whose time came a minute ago, and a gateway that stops replying half way."""
    write_list(workspace, PEOPLE)
    let_it_be_due(workspace)
    (workspace / "mmsflow.toml").write_text('total_deadline = "10min"\n', "utf-8")  # however long a test holds replies
    gateway.reply_to(HELD)
    return gateway


def test_a_second_daemon_leaves_and_names_the_first_and_one_that_waits_takes_over_when_it_is_killed(
    console: Console, quick: Console, due: IndependentGateway, workspace: Path
) -> None:
    with running(console, *DAEMON) as (first, _):
        due.wait_for(HELD + IN_FLIGHT)
        refused = console(*DAEMON).ended_with(8)
        assert f"process {first.pid} on " in refused.err
        assert "(daemon) holds the ledger" in refused.err

        with running(console, *DAEMON, "--wait") as (second, said):
            assert f"process {first.pid} on " in said.until("daemon_waiting")["reason"]
            in_flight = {message.number for message in due.messages[HELD:]}
            first.kill()
            first.wait()  # it is gone before it could get a reply
            due.reply_to(float("inf"))
            run = said.until("run_finished")["run"]

            assert due.numbers == PEOPLE
            maybe = {
                row["number"]
                for row in report_rows(workspace / "reports" / run / "report.csv")
                if row["bucket"] == "maybe_sent"
            }
            assert maybe == in_flight
            second.send_signal(signal.SIGTERM)
            said.until("daemon_stopped")
            assert second.wait(30) == 0
    assert due.numbers == PEOPLE
    assert [each["run"] for each in quick("status", "--json").document["runs"]] == [run]


def test_asked_to_stop_a_daemon_lets_in_what_is_on_the_wire_and_the_next_one_goes_on(
    console: Console, quick: Console, due: IndependentGateway
) -> None:
    with running(console, *DAEMON) as (process, said):
        due.wait_for(HELD + IN_FLIGHT)
        process.send_signal(signal.SIGTERM)
        said.until("daemon_stopping")
        due.reply_to(float("inf"))
        assert said.until("daemon_stopped")["gracefully"]
        assert process.wait(30) == 0
    buckets = quick("status", "--json").document["runs"][0]["buckets"]
    assert (buckets["maybe_sent"], buckets["pending"]) == (0, len(PEOPLE) - HELD - IN_FLIGHT)

    with running(console, *DAEMON) as (process, said):
        said.until("run_finished")
        process.send_signal(signal.SIGINT)
        said.until("daemon_stopped")
    assert due.numbers == PEOPLE


def test_a_second_signal_is_not_made_to_wait_and_what_was_on_the_wire_is_maybe_sent(
    console: Console, quick: Console, due: IndependentGateway
) -> None:
    with running(console, *DAEMON) as (process, said):
        due.wait_for(HELD + IN_FLIGHT)
        process.send_signal(signal.SIGTERM)
        said.until("daemon_stopping")
        process.send_signal(signal.SIGTERM)
        assert not said.until("daemon_stopped")["gracefully"]
        assert process.wait(30) == 130
    assert quick("status", "--json").document["runs"][0]["buckets"]["maybe_sent"] == IN_FLIGHT


def test_while_it_runs_health_is_for_anybody_figures_are_for_the_token_and_sighup_reads_the_files_again(
    console: Console, workspace: Path
) -> None:
    with running(console, "daemon", "--port", "0") as (process, said):
        page = said.until("daemon_ready")["page"]
        said.until("file_good")
        with urllib.request.urlopen(f"{page}healthz", timeout=30) as reply:
            assert json.load(reply) == {"status": "ok", "reasons": []}
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{page}metrics", timeout=30)
        assert refused.value.code == 401
        refused.value.close()
        token = (workspace / ".mmsflow" / "web-token").read_text("utf-8").strip()
        asking = urllib.request.Request(f"{page}metrics", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asking, timeout=30) as reply:
            assert 'mmsflow_campaigns{state="by_hand"} 1.0' in reply.read().decode()
        os.kill(process.pid, signal.SIGHUP)
        said.until("files_reread")
        process.send_signal(signal.SIGTERM)
        said.until("daemon_stopped")
        assert process.wait(30) == 0
        assert token not in json.dumps(said.seen)


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "words"),
    [
        ((), {"MMSFLOW_GATEWAY_URL": ""}, 2, "no gateway is named"),
        ((), {"MMSFLOW_CLIENT_SECRET": ""}, 2, "no credentials for the gateway"),
        (("--log-format", "xml"), {}, 2, "there is no log format xml"),
        (("--host", "0.0.0.0"), {}, 2, "without a token of its own"),
        (("--port", "{taken}"), {}, 2, "cannot listen at"),
        ((), {"MMSFLOW_WORKSPACE": "/"}, 2, "is no workspace"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    quick: Console,
    gateway: IndependentGateway,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    code: int,
    words: str,
) -> None:
    taken = gateway.url.rpartition(":")[2]
    done = quick("daemon", *(each.format(taken=taken) for each in arguments), **variables).ended_with(code)

    assert words in done.err
    assert "fix" in done.err
    assert "daemon_started" not in done.err
