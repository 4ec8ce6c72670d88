"""What people decide about a run from another terminal, counted at a gateway on a real port."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from .console import Console, ended
from .independent_gateway import IndependentGateway
from .terminals import terminal
from .workspace import CAMPAIGN, change_campaign, numbers, report_rows, write_list

PEOPLE = numbers(60)
IN_FLIGHT = 16
ANSWERED = 20
PATIENCE = 300  # looks at the status; reached only by a test that fails


@pytest.fixture
def half_way(gateway: IndependentGateway, workspace: Path) -> IndependentGateway:
    """A gateway that replies to some messages, and takes the next ones without a reply."""
    write_list(workspace, PEOPLE)
    gateway.reply_to(ANSWERED)
    return gateway


@pytest.fixture
def sending(console: Console, half_way: IndependentGateway) -> Iterator[subprocess.Popen[str]]:
    """A process that carries the campaign out, with all its requests on the wire."""
    process = console.start("run", CAMPAIGN, "--yes", "--no-wait")
    half_way.wait_for(ANSWERED + IN_FLIGHT)
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()


def status(quick: Console) -> Any:
    (run,) = quick("status", "--json").ended_with(0).document["runs"]
    return run


def once(quick: Console, happened: Callable[[Any], bool]) -> Any:
    """The run as soon as something has happened to it."""
    for _ in range(PATIENCE):
        if happened(run := status(quick)):
            return run
    raise AssertionError(f"it did not happen: {run}")


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    assert ended(process).code == -signal.SIGKILL


def doubtful(quick: Console, run: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (
        quick("resolve", run, "--json", "--show-numbers").ended_with(0).document["maybe_sent"]
    )
    return listed


def test_a_pause_from_another_terminal_lets_nothing_more_out_and_resume_sends_the_rest(
    console: Console, quick: Console, half_way: IndependentGateway
) -> None:
    process = console.start("run", CAMPAIGN, "--yes")
    half_way.wait_for(ANSWERED + IN_FLIGHT)
    run = status(quick)["run"]
    paused = quick("pause", run, "--json").ended_with(0).document
    assert (paused["state"], paused["paused_by"]) == ("paused", "user")
    half_way.reply_to(float("inf"))
    on_the_wire = ANSWERED + IN_FLIGHT
    settled = once(quick, lambda run: run["buckets"]["pending"] == len(PEOPLE) - on_the_wire)
    assert (settled["state"], settled["paused_by"]) == ("paused", "user")
    assert len(half_way.messages) == on_the_wire
    assert f"process {process.pid}" in quick("run", CAMPAIGN).ended_with(8).err
    assert "already" in quick("pause", run).ended_with(0).out

    assert "goes on" in quick("resume", run).ended_with(0).out
    ended(process).ended_with(0)
    assert half_way.numbers == PEOPLE
    quick("verify", run).ended_with(0)


def test_a_paused_run_stays_paused_when_its_process_dies_and_only_resume_lifts_it(
    quick: Console, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    run = status(quick)["run"]
    quick("pause", run).ended_with(0)
    killed(sending)
    half_way.reply_to(float("inf"))
    again = quick("run", CAMPAIGN, "--yes").ended_with(7)
    assert f"mmsflow resume {run}" in again.err
    assert len(half_way.messages) == ANSWERED + IN_FLIGHT
    resumed = quick("resume", run, "--json").ended_with(7).document
    assert half_way.numbers == PEOPLE
    assert 0 < resumed["buckets"]["maybe_sent"] <= IN_FLIGHT


def test_a_paused_run_stands_in_the_way_of_a_new_one_which_would_reach_the_same_people(
    quick: Console, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    run = status(quick)["run"]
    killed(sending)
    quick("pause", run).ended_with(0)
    for option in ("--again", "--top-up"):
        assert "paused" in quick("run", CAMPAIGN, option, "--yes").ended_with(7).err
    assert len(half_way.messages) == ANSWERED + IN_FLIGHT


def test_a_run_that_nobody_carries_out_is_paused_and_cancelled_in_the_ledger(
    quick: Console, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    run = status(quick)["run"]
    killed(sending)
    assert "nobody" in quick("pause", run).ended_with(0).out
    assert status(quick)["state"] == "paused"
    assert "--yes" in quick("cancel", run).ended_with(2).err
    cancelled = quick("cancel", run, "--yes", "--json").ended_with(0).document
    assert cancelled["state"] == "cancelled"
    assert cancelled["buckets"]["pending"] == 0
    assert cancelled["buckets"]["not_sent"] == len(PEOPLE) - ANSWERED - IN_FLIGHT
    assert cancelled["changed"] == cancelled["buckets"]["not_sent"]
    quick("resume", run).ended_with(7)
    quick("cancel", run, "--yes").ended_with(6)
    assert len(half_way.messages) == ANSWERED + IN_FLIGHT
    quick("verify", run).ended_with(0)


def test_a_cancel_from_another_terminal_ends_the_run_and_the_rest_is_topped_up_with_the_new_text(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    run = status(quick)["run"]
    answer = quick("cancel", run, "--yes", "--json").ended_with(0).document
    assert answer["changed"] == len(PEOPLE) - ANSWERED - IN_FLIGHT
    half_way.reply_to(float("inf"))
    ended(sending).ended_with(0)
    assert len(half_way.messages) == ANSWERED + IN_FLIGHT
    assert status(quick)["state"] == "cancelled"
    rows = report_rows(workspace / "reports" / run / "report.csv")
    assert Counter(row["bucket"] for row in rows)["not_sent"] == answer["changed"]

    change_campaign(workspace, {"Kod {{ code }}": "Nowy kod {{ code }}"})
    quick("run", CAMPAIGN, "--top-up", "--yes", "--no-wait").ended_with(0)
    assert half_way.numbers == PEOPLE
    assert str(half_way.messages[-1].fields["subject"]).startswith("Nowy")


def test_resume_sends_as_frozen_what_run_refuses_because_inputs_have_changed(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    run = status(quick)["run"]
    killed(sending)
    half_way.reply_to(float("inf"))
    change_campaign(workspace, {"Kod {{ code }}": "Nowy kod {{ code }}"})
    refused = quick("run", CAMPAIGN, "--yes").ended_with(6)
    assert f"mmsflow resume {run}" in refused.err
    assert f"mmsflow cancel {run}" in refused.err
    quick("resume", run, "--no-wait").ended_with(7)
    assert half_way.numbers == PEOPLE
    assert all(str(message.fields["subject"]).startswith("Kod") for message in half_way.messages)


def test_what_was_maybe_sent_is_listed_with_evidence_settled_and_sent_again_only_as_a_person_says(
    quick: Console, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    run = status(quick)["run"]
    killed(sending)
    half_way.reply_to(float("inf"))
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(7)
    assert half_way.numbers == PEOPLE
    doubts = doubtful(quick, run)
    assert {doubt["state"] for doubt in doubts} == {"unknown"}
    assert all([step["to"] for step in doubt["history"]] == ["sending", "unknown"] for doubt in doubts)
    listed = quick("resolve", run).ended_with(0)
    assert f"{len(doubts)} of {len(PEOPLE)} rows" in listed.out
    assert doubts[0]["number"][-3:] in listed.out
    assert doubts[0]["number"] not in listed.out

    again, gone, *_ = (doubt["number"] for doubt in doubts)
    with terminal(quick, "resolve", run, "--not-sent", gone, "--sent", "all") as at:
        at.read_until("Settle them so? [y/N]")
        assert "1 message that was maybe sent will count as not sent, for good" in at.shown
        assert f"{len(doubts) - 1} messages that were maybe sent will count as sent, for good" in at.shown
        at.type("n\n")
        assert at.ended() == 6
    assert len(doubtful(quick, run)) == len(doubts)
    assert "--yes" in quick("resolve", run, "--resend", again).ended_with(2).err
    quick("resolve", run, "--sent", "+48501999999").ended_with(2)
    assert len(doubtful(quick, run)) == len(doubts)
    said = quick("resolve", run, "--resend", again, "--not-sent", gone, "--sent", "all", "--yes").ended_with(0)
    assert f"mmsflow resume {run}" in said.err
    assert doubtful(quick, run) == []
    assert half_way.numbers == PEOPLE

    done = quick("run", CAMPAIGN, "--no-wait", "--json").ended_with(0).document
    assert half_way.numbers == sorted([*PEOPLE, again])
    assert (done["buckets"]["maybe_sent"], done["buckets"]["not_sent"]) == (0, 1)
    assert done["buckets"]["undetermined"] >= len(doubts) - 2
    story = quick("why", again).ended_with(0).out
    assert "a person decided to send it again" in story
    assert "attempt 2" in story
    quick("verify", run).ended_with(0)


def test_a_person_decides_while_the_run_goes_on_and_the_same_process_sends_again(
    console: Console, quick: Console, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    run = status(quick)["run"]
    killed(sending)
    second = console.start("resume", run)
    half_way.wait_for(ANSWERED + IN_FLIGHT + IN_FLIGHT)
    doubts = [doubt["number"] for doubt in doubtful(quick, run)]
    answer = quick("resolve", run, "--resend", doubts[0], "--not-sent", "all", "--yes", "--json").ended_with(0).document
    assert answer["changed"] == len(doubts)
    half_way.reply_to(float("inf"))
    ended(second).ended_with(0)
    assert half_way.numbers == sorted([*PEOPLE, doubts[0]])
    quick("verify", run).ended_with(0)


def test_of_three_processes_on_one_run_two_are_refused_and_told_who_holds_it_since_when(
    console: Console, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    others = [console.start("run", CAMPAIGN, "--yes", "--no-wait") for _ in range(2)]
    for other in others:
        refused = ended(other).ended_with(8)
        assert f"process {sending.pid}" in refused.err
        assert "since 20" in refused.err
    half_way.reply_to(float("inf"))
    ended(sending).ended_with(0)
    assert half_way.numbers == PEOPLE


def test_a_lost_ledger_does_not_send_again_until_a_person_decides(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    people = numbers(5)
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    shutil.rmtree(workspace / ".mmsflow")
    for refused in (("run", CAMPAIGN, "--yes"), ("run", CAMPAIGN, "--top-up", "--yes")):
        error = quick(*refused).ended_with(6).err
        assert "--adopt" in error
        assert "--again" in error
    assert gateway.numbers == people
    quick("run", CAMPAIGN, "--adopt", "--yes", "--no-wait").ended_with(0)
    assert gateway.numbers == sorted(people * 2)
    quick("run", CAMPAIGN, "--again", "--yes", "--no-wait").ended_with(0)
    assert gateway.numbers == sorted(people * 3)


def test_a_restored_ledger_does_not_send_again_until_a_person_decides(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    run = status(quick)["run"]
    killed(sending)
    half_way.reply_to(float("inf"))
    shutil.copytree(workspace / ".mmsflow", workspace / "backup")
    quick("run", CAMPAIGN, "--no-wait").ended_with(7)
    shutil.rmtree(workspace / ".mmsflow")
    (workspace / "backup").rename(workspace / ".mmsflow")
    assert "older copy" in quick("run", CAMPAIGN, "--yes").ended_with(6).err
    assert "older copy" in quick("resume", run, "--yes").ended_with(6).err
    assert half_way.numbers == PEOPLE


def test_a_run_that_nobody_expects_any_more_goes_on_only_after_a_person_confirms(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    run = status(quick)["run"]
    killed(sending)
    half_way.reply_to(float("inf"))
    a_month = 30 * 86400 * 10**6
    with closing(sqlite3.connect(workspace / ".mmsflow" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE runs SET created_at = created_at - ?, updated_at = updated_at - ?", (a_month, a_month))
        ledger.execute("UPDATE events SET at = at - ?", (a_month,))
        ledger.execute("UPDATE runs SET config = json_set(config, '$.start', '2020-01-01T00:00:00+00:00')")
    for command in (("run", CAMPAIGN), ("resume", run)):
        refused = quick(*command).ended_with(2)
        assert "30 days ago" in refused.err
        assert "--yes" in refused.err
    assert len(half_way.messages) == ANSWERED + IN_FLIGHT
    quick("resume", run, "--yes", "--no-wait").ended_with(7)
    assert half_way.numbers == PEOPLE


def test_which_calls_count_against_the_quota_is_found_out_by_asking(quick: Console) -> None:
    measured = quick("quota", "--measure", "--json").ended_with(0).document["measured"]
    assert (measured["status_calls"], measured["limit_calls"]) == ("free", "free")
    assert "a status question" in quick("quota", "--measure").ended_with(0).out
    assert "measured" not in quick("quota", "--json").ended_with(0).document


def test_the_audit_finds_what_was_changed_in_the_ledger_and_ends_with_1(quick: Console, workspace: Path) -> None:
    run = quick("run", CAMPAIGN, "--yes", "--no-wait", "--json").ended_with(0).document["run"]
    holds = quick("verify", run, "--json").ended_with(0).document
    assert holds["holds"]
    assert holds["checked"]["messages"] == 5
    with closing(sqlite3.connect(workspace / ".mmsflow" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE messages SET state = 'ready' WHERE ordinal = 1")
    broken = quick("verify", run, "--json").ended_with(1).document
    assert not broken["holds"]
    assert "wrong_state" in {violation["rule"] for violation in broken["violations"]}
    assert "wrong_state" in quick("verify", run).ended_with(1).out


@pytest.mark.parametrize("command", ["pause", "resume", "cancel", "resolve", "verify"])
def test_a_run_that_does_not_exist_is_wrong_usage(quick: Console, command: str) -> None:
    assert "there is no run" in quick(command, "nobody-1").ended_with(2).err
