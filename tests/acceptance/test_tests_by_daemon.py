"""Test messages while the daemon holds the ledger: asked for in a terminal, sent by the daemon, followed in the terminal."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .console import Console
from .daemons import DAEMON, Lines, running
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign

HANDSET = "+48501102030"


@pytest.fixture
def log(console: Console, workspace: Path) -> Iterator[Lines]:
    """What a daemon says that is up. Reports are waited for however busy the machine is."""
    change_campaign(workspace, {"until: 3s": "until: 60s"})
    with running(console, *DAEMON) as (_, said):
        said.until("daemon_ready")
        said.until("file_good")
        yield said


def test_the_daemon_sends_a_test_and_the_terminal_shows_what_became_of_it(
    quick: Console, gateway: IndependentGateway, log: Lines, workspace: Path
) -> None:
    test = quick("send-test", CAMPAIGN, "--to", "501 102 030", "--yes", "--json").ended_with(0).document

    assert (test["run"], test["test"], test["buckets"]["delivered"]) == ("offer-test-1", True, 1)
    assert gateway.numbers == [HANDSET]
    assert Path(test["report"]["csv"]).exists()
    begun = log.until("test_begun")
    assert (begun["run"], begun["to"]) == ("offer-test-1", "…030")
    assert [each["run"] for each in quick("runs", "--json").document["runs"]] == ["offer-test-1"]
    assert list((workspace / ".mmsflow" / "ledger.db.requests").iterdir()) == []

    quick("send-test", CAMPAIGN, "--to", HANDSET, "--to", "601000010", "--row", "3", "--yes").ended_with(0)
    assert gateway.numbers == [HANDSET, HANDSET, "+48601000010"]
    assert {message.fields["subject"] for message in gateway.messages[1:]} == {"Kod K1"}


def test_the_campaigns_own_handsets_are_taken_and_what_cannot_be_is_said_with_nothing_sent(
    quick: Console, gateway: IndependentGateway, log: Lines, workspace: Path
) -> None:
    refused = quick("send-test", CAMPAIGN, "--yes").ended_with(2)
    assert "no test handset is named" in refused.err
    assert "there is no terminal to ask on" in quick("send-test", CAMPAIGN, "--to", HANDSET).ended_with(2).err
    quick("send-test", CAMPAIGN, "--to", HANDSET, "--row", "99", "--yes").ended_with(3)
    assert gateway.numbers == []

    change_campaign(workspace, {"poll:": f"test_recipients: ['{HANDSET}']\npoll:"})
    log.until("file_good")
    quick("send-test", CAMPAIGN, "--yes").ended_with(0)
    assert gateway.numbers == [HANDSET]


def test_a_test_of_a_recurring_campaign_belongs_to_none_of_its_times(
    quick: Console, log: Lines, workspace: Path
) -> None:
    change_campaign(workspace, {"poll:": "schedule: {every: '0 9 * * *'}\npoll:"})
    log.until("file_good")
    done = quick("send-test", CAMPAIGN, "--to", HANDSET, "--yes", "--json").ended_with(0)
    assert done.document["due_at"] is None
    assert "due " not in done.err


def test_ctrl_c_ends_the_watching_and_not_the_test(
    console: Console, quick: Console, gateway: IndependentGateway, log: Lines
) -> None:
    gateway.reply_to(0)
    asking = console.start("send-test", CAMPAIGN, "--to", HANDSET, "--yes")
    gateway.wait_for(1)
    assert asking.stderr is not None
    for line in asking.stderr:
        if "the daemon sends it" in line:
            break
    asking.send_signal(signal.SIGINT)
    said = asking.communicate(timeout=60)[1]
    assert asking.returncode == 130
    assert "the daemon goes on with it" in said

    gateway.reply_to(float("inf"))
    log.until("run_finished")
    assert quick("status", "offer-test-1", "--json").document["runs"][0]["buckets"]["delivered"] == 1


def test_a_process_that_only_carries_a_run_out_sends_no_tests(
    console: Console, quick: Console, gateway: IndependentGateway
) -> None:
    gateway.reply_to(0)
    other = console.start("run", CAMPAIGN, "--yes")
    gateway.wait_for(1)
    refused = quick("send-test", CAMPAIGN, "--to", HANDSET, "--yes").ended_with(8)
    assert f"process {other.pid} on " in refused.err
    gateway.reply_to(float("inf"))
    other.communicate(timeout=60)
    assert HANDSET not in gateway.numbers
