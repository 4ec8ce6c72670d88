"""A campaign that was renamed after a crash, moved or copied: nobody twice, and nothing ordinary is refused."""

from __future__ import annotations

import csv
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from .console import Console, ended
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, write_list

PEOPLE = numbers(20)
OTHER = "campaigns/other.yaml"
RENAMED = {"campaign: offer": "campaign: winter"}


@pytest.fixture
def crashed(console: Console, gateway: IndependentGateway, workspace: Path) -> IndependentGateway:
    """A gateway at which a run was killed: 4 messages answered, others on the wire, the rest unsent."""
    write_list(workspace, PEOPLE)
    change_campaign(workspace, {"poll:": "rate: 20/s\npoll:"})
    gateway.reply_to(4)
    process = console.start("run", CAMPAIGN, "--yes")
    gateway.wait_for(8)
    process.kill()
    assert ended(process).code == -signal.SIGKILL
    gateway.reply_to(float("inf"))
    return gateway


def move(workspace: Path, **changes: str) -> None:
    (workspace / CAMPAIGN).rename(workspace / OTHER)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def refused(console: Console, file: str, cause: str, *options: str) -> Any:
    error = console("run", file, "--yes", "--json", *options).ended_with(6).document
    assert error["cause"] == cause
    planned = console("plan", file, "--json").ended_with(0).document
    assert cause in [blocker["cause"] for blocker in planned["blocked_by"]]
    assert planned["run"]["does"] == "refuse"
    return error


def lost(gateway: IndependentGateway, workspace: Path) -> set[str]:
    """Who got nothing without being called maybe sent: the kill may have come between an intent and its request."""
    maybe = set()
    for report in workspace.glob("reports/*/report.csv"):
        with report.open(encoding="utf-8-sig", newline="") as file:
            maybe |= {row["number"].lstrip("'") for row in csv.DictReader(file) if row["bucket"] == "maybe_sent"}
    return set(PEOPLE) - set(gateway.numbers) - maybe


def sent_twice(gateway: IndependentGateway) -> int:
    received = [message.number for message in gateway.messages]
    return len(received) - len(set(received))


def test_a_campaign_renamed_after_a_crash_is_refused_and_its_run_goes_on_under_its_name(
    quick: Console, crashed: IndependentGateway, workspace: Path
) -> None:
    before = len(crashed.messages)
    change_campaign(workspace, RENAMED | {"version: 1": "version: 1\ndescription: another one"})
    error = refused(quick, CAMPAIGN, "same_file_unfinished")
    assert "offer" in error["error"]
    assert len(crashed.messages) == before
    change_campaign(workspace, {"campaign: winter": "campaign: offer", "\ndescription: another one": ""})
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(7)  # some are maybe sent
    assert lost(crashed, workspace) == set()
    assert sent_twice(crashed) == 0
    change_campaign(workspace, RENAMED)
    error = refused(quick, CAMPAIGN, "same_file_unfinished")  # they are maybe sent still
    assert "mmsflow resolve" in error["advice"]
    assert sent_twice(crashed) == 0


def test_a_file_that_is_renamed_alone_is_the_same_campaign_and_goes_on(
    quick: Console, crashed: IndependentGateway, workspace: Path
) -> None:
    move(workspace)
    assert "was begun from" in quick("run", OTHER, "--yes", "--no-wait").ended_with(7).err
    assert lost(crashed, workspace) == set()
    assert sent_twice(crashed) == 0


@pytest.mark.parametrize("way", [move, lambda workspace: shutil.copy(workspace / CAMPAIGN, workspace / OTHER)])
def test_file_and_campaign_renamed_or_copied_under_another_name_are_refused(
    quick: Console, crashed: IndependentGateway, workspace: Path, way: Any
) -> None:
    way(workspace)
    edit(workspace / OTHER, "campaign: offer", "campaign: winter")
    before = len(crashed.messages)
    refused(quick, OTHER, "same_content_unfinished")
    refused(quick, OTHER, "same_content_unfinished", "--top-up")
    assert len(crashed.messages) == before


def test_an_opt_out_since_the_crash_does_not_make_it_another_campaign(
    quick: Console, gateway: IndependentGateway, console: Console, workspace: Path
) -> None:
    (workspace / "lists" / "stop.csv").write_text("number\n", "utf-8")
    write_list(workspace, PEOPLE)
    change_campaign(workspace, {"poll:": "exclude: [{csv: lists/stop.csv}]\npoll:"})
    gateway.reply_to(4)
    process = console.start("run", CAMPAIGN, "--yes")
    gateway.wait_for(8)
    process.kill()
    ended(process)
    gateway.reply_to(float("inf"))
    (workspace / "lists" / "stop.csv").write_text(f"number\n{PEOPLE[-1]}\n", "utf-8")
    change_campaign(workspace, RENAMED)
    refused(quick, CAMPAIGN, "same_file_unfinished")


def test_a_person_who_means_it_sends_to_everybody_again(
    quick: Console, crashed: IndependentGateway, workspace: Path
) -> None:
    change_campaign(workspace, RENAMED)
    quick("run", CAMPAIGN, "--other-content", "--yes", "--no-wait").ended_with(0)
    assert set(crashed.numbers) == set(PEOPLE)
    assert sent_twice(crashed) > 0


def test_a_cancelled_run_blocks_no_other_campaign(quick: Console, crashed: IndependentGateway, workspace: Path) -> None:
    (run,) = quick("status", "--json").ended_with(0).document["runs"]
    quick("cancel", run["run"], "--yes")
    change_campaign(workspace, RENAMED)
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)


def test_a_copy_with_another_list_is_another_campaign(
    quick: Console, crashed: IndependentGateway, workspace: Path
) -> None:
    shutil.copy(workspace / CAMPAIGN, workspace / OTHER)
    edit(workspace / OTHER, "campaign: offer", "campaign: winter")
    edit(workspace / OTHER, "lists/people.csv", "lists/others.csv")
    text = (workspace / "lists" / "people.csv").read_text("utf-8")
    (workspace / "lists" / "others.csv").write_text(text.replace("+48501", "+48601"), "utf-8")
    quick("run", OTHER, "--yes", "--no-wait").ended_with(0)
    assert sent_twice(crashed) == 0


def test_a_second_file_with_the_same_name_is_refused_and_the_first_goes_on(
    quick: Console, crashed: IndependentGateway, workspace: Path
) -> None:
    shutil.copy(workspace / CAMPAIGN, workspace / OTHER)
    before = len(crashed.messages)
    error = refused(quick, OTHER, "campaign_of_another_file")
    assert CAMPAIGN in error["error"]
    assert OTHER in error["error"]
    for option in ("--again", "--top-up"):
        refused(quick, OTHER, "campaign_of_another_file", option)
    approved = quick("approve", OTHER, "--yes", "--by", "Ola", "--json").ended_with(6).document
    assert approved["cause"] == "campaign_of_another_file"
    assert len(crashed.messages) == before
    quick("run", CAMPAIGN, "--yes").ended_with(7)
    assert lost(crashed, workspace) == set()
    refused(quick, OTHER, "campaign_of_another_file")
    assert sent_twice(crashed) == 0


def test_a_link_to_the_file_is_the_same_file(quick: Console, crashed: IndependentGateway, workspace: Path) -> None:
    (workspace / OTHER).symlink_to(workspace / CAMPAIGN)
    quick("run", OTHER, "--yes", "--no-wait").ended_with(7)
    assert lost(crashed, workspace) == set()


def test_a_run_that_only_waits_for_delivery_reports_blocks_nothing(
    quick: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    change_campaign(workspace, RENAMED)
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    assert len(gateway.messages) == 10
