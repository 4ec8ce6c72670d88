"""Approval from the command line: nothing goes out without a person's yes to exactly this plan, for this one run."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest

from .console import Console, ended
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, write_list

APPROVE = ("approve", CAMPAIGN, "--by", "Ewa Nowak", "--yes")
RUN = ("run", CAMPAIGN, "--yes", "--no-wait")


@pytest.fixture(autouse=True)
def asking(workspace: Path) -> None:
    """The campaign asks for approval."""
    change_campaign(workspace, {"purpose:": "approval: required\npurpose:"})


def test_nothing_is_sent_without_a_yes_and_yes_to_the_question_is_not_one(
    quick: Console, gateway: IndependentGateway
) -> None:
    refused = quick(*RUN).ended_with(6)
    assert "nobody has approved a plan of it" in refused.err
    assert f"mmsflow approve {CAMPAIGN}" in refused.err
    assert gateway.messages == []
    assert quick("runs", "--json").document["runs"] == []
    for harmless in ("check", "preview", "plan"):
        quick(harmless, CAMPAIGN).ended_with(0)
    quick("send-test", CAMPAIGN, "--to", "+48501102031", "--yes").ended_with(0)
    assert gateway.numbers == ["+48501102031"]


def test_the_plan_says_how_it_stands_before_and_after_the_yes(quick: Console) -> None:
    before = quick("plan", CAMPAIGN, "--json").ended_with(0).document["approval"]
    assert before == {"required": True, "approved": False, "by": None, "at": None, "changes": []}
    assert "required, and nobody has approved" in quick("plan", CAMPAIGN).out
    given = quick(*APPROVE, "--json").ended_with(0).document
    after = quick("plan", CAMPAIGN, "--json").ended_with(0).document
    assert (given["digest"], given["messages"]) == (after["digest"], 5)
    assert given["approval"] == after["approval"]
    assert (after["approval"]["approved"], after["approval"]["by"]) == (True, "Ewa Nowak")
    assert "was approved by Ewa Nowak on " in quick("plan", CAMPAIGN).out


def test_what_has_changed_since_the_yes_is_shown_by_plan_run_and_approve_and_needs_another_one(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    quick(*APPROVE).ended_with(0)
    write_list(workspace, [*numbers(6), "12"])
    changes = ["lists/people.csv has changed", "messages 5 → 6", "invalid: too_short 0 → 1"]
    assert quick("plan", CAMPAIGN, "--json").document["approval"]["changes"] == changes
    refused = quick(*RUN).ended_with(6)
    shown = quick(*APPROVE).ended_with(0)
    assert all(change in refused.err and change in shown.out for change in changes)
    assert gateway.messages == []
    quick(*RUN).ended_with(0)
    assert gateway.numbers == numbers(6)


def test_who_approved_is_in_the_report_the_status_the_history_and_everybodys_story(
    quick: Console, workspace: Path
) -> None:
    quick(*APPROVE).ended_with(0)
    quick(*RUN).ended_with(0)
    (run,) = quick("status", "--json").document["runs"]
    assert run["approval"]["by"] == "Ewa Nowak"
    shown = quick("status").out
    assert "approved by Ewa Nowak" in shown
    assert (run["due_at"], "\ndue " in shown) == (None, False), "it has no schedule"
    assert "approved by Ewa Nowak" in quick("why", numbers(1)[0]).out
    folder = workspace / "reports" / run["run"]
    facts = json.loads((folder / "report.json").read_text("utf-8"))["run"]
    assert facts["approval"] == run["approval"]
    assert "by Ewa Nowak" in (folder / "report.html").read_text("utf-8")
    quick("verify", run["run"]).ended_with(0)


def test_a_yes_is_good_for_one_run_and_sending_to_everybody_again_needs_another(
    quick: Console, gateway: IndependentGateway
) -> None:
    quick(*APPROVE).ended_with(0)
    quick(*RUN).ended_with(0)
    (run,) = quick("status", "--json").document["runs"]
    refused = quick(*RUN, "--again").ended_with(6)
    assert f"the same plan was approved and used up by {run['run']}" in refused.err
    again = quick(*APPROVE).ended_with(0)
    assert f"{run['run']} was made from this very plan" in again.err
    quick(*RUN, "--again").ended_with(0)
    assert gateway.numbers == sorted(2 * numbers(5))


def test_a_yes_for_the_next_time_of_a_recurring_campaign_is_nothing_to_be_warned_of(
    quick: Console, workspace: Path
) -> None:
    change_campaign(workspace, {"poll:": 'schedule: {every: "* * * * *"}\npoll:'})
    quick(*APPROVE).ended_with(0)
    quick(*RUN).ended_with(0)
    (run,) = quick("status", "--json").document["runs"]
    again = quick(*APPROVE).ended_with(0)
    assert f"used up by {run['run']}; this time needs its own yes" in again.out
    assert "to everybody once more" not in again.err


def test_a_top_up_is_another_plan_with_a_yes_of_its_own(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    quick(*APPROVE).ended_with(0)
    quick(*RUN).ended_with(0)
    write_list(workspace, numbers(7))
    quick(*APPROVE).ended_with(0)  # to everybody once more, which is not what is begun now
    refused = quick(*RUN, "--top-up").ended_with(6)
    assert f"mmsflow approve {CAMPAIGN} --top-up" in refused.err
    assert "messages 7 → 2" in refused.err
    assert quick(*APPROVE, "--top-up", "--json").ended_with(0).document["messages"] == 2
    quick(*RUN, "--top-up").ended_with(0)
    assert gateway.numbers == numbers(7)


def test_going_on_with_a_run_that_was_killed_needs_no_other_yes(
    console: Console, quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    write_list(workspace, numbers(40))
    gateway.reply_to(10)
    quick(*APPROVE).ended_with(0)
    process = console.start(*RUN)
    gateway.wait_for(26)
    process.kill()
    ended(process)
    gateway.reply_to(float("inf"))
    quick(*RUN).ended_with(7)
    assert gateway.numbers == numbers(40)


def test_a_saved_plan_is_approved_as_it_was_saved_or_refused_when_its_files_have_changed(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    quick("plan", CAMPAIGN, "--out", "offer.plan").ended_with(0)
    write_list(workspace, numbers(6))
    assert "stale" in quick("approve", "offer.plan", "--yes").ended_with(6).err
    write_list(workspace, numbers(5))
    approved = quick("approve", "offer.plan", "--yes", "--json").ended_with(0).document
    assert approved["digest"] == json.loads((workspace / "offer.plan").read_text("utf-8"))["digest"]
    quick("run", "offer.plan", "--yes", "--no-wait").ended_with(0)
    assert gateway.numbers == numbers(5)


def test_the_process_that_holds_the_ledger_keeps_a_yes_to_the_next_plan(
    console: Console, quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    gateway.reply_to(3)
    quick(*APPROVE).ended_with(0)
    process = console.start(*RUN)
    gateway.wait_for(5)
    asked = quick(*APPROVE, "--json").ended_with(0).document
    assert (asked["approval"]["approved"], asked["approval"]["by"]) == (True, "Ewa Nowak")
    assert process.poll() is None
    assert not list(workspace.glob(".mmsflow/*.requests/*"))
    gateway.reply_to(float("inf"))
    process.kill()
    ended(process)
    kept = quick("plan", CAMPAIGN, "--json").document["approval"]
    assert (kept["approved"], kept["at"]) == (True, asked["approval"]["at"])


def test_without_a_name_it_is_the_systems_user_who_says_yes_and_without_a_terminal_only_with_yes(
    quick: Console,
) -> None:
    assert "--yes" in quick("approve", CAMPAIGN).ended_with(2).err
    assert quick("plan", CAMPAIGN, "--json").document["approval"]["approved"] is False
    given = quick("approve", CAMPAIGN, "--yes", "--json", LOGNAME="ewa").ended_with(0).document
    assert given["approval"]["by"] == "ewa"
    unnamed = quick("approve", CAMPAIGN, "--yes", "--json").ended_with(0).document
    assert unnamed["approval"]["by"] == getpass.getuser()


def test_a_campaign_that_asks_for_none_may_be_approved_with_a_word_about_it(quick: Console, workspace: Path) -> None:
    change_campaign(workspace, {"approval: required\n": ""})
    assert "does not ask for approval" in quick(*APPROVE).ended_with(0).err
    quick(*RUN).ended_with(0)
