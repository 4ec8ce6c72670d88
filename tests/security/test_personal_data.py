"""Numbers are shown by their last three digits everywhere but in the user's own CSV and JSON reports and the ledger."""

from __future__ import annotations

import re

import pytest
import typer.main

from mmsflow.cli.app import app
from mmsflow.mms.msisdn import mask_in_text

from .story import NUMBERS, OPTED_OUT, PEOPLE, VICTIMS, Story

# They name no recipient: they make workspaces, serve, or print what is the same for everybody.
_SERVING = {"demo", "init", "schema", "simulator", "daemon", "pause", "resume", "cancel", "purge"}
_WITHOUT_RECIPIENTS = _SERVING | {"account", "backup", "restore", "start", "stop"}


def spelled(number: str) -> re.Pattern[str]:
    """The number as people write it, with its digits grouped or not."""
    return re.compile(r"[ .\-]?".join(number[3:]))


@pytest.mark.parametrize("number", NUMBERS)
def test_no_command_prints_a_number_in_full(story: Story, number: str) -> None:
    found = spelled(number)
    assert [name for name, done in story.outputs.items() if found.search(done.out) or found.search(done.err)] == []


def test_every_command_was_tried() -> None:
    def commands(story_commands: set[str]) -> set[str]:
        return set(typer.main.get_command(app).commands) - story_commands  # type: ignore[attr-defined]

    told = {"check", "preview", "plan", "run", "send-test", "status", "report", "poll", "resolve", "verify", "compare"}
    assert commands(told | {"approve", "runs", "quota", "doctor", "why", "optout"} | _WITHOUT_RECIPIENTS) == set()


@pytest.mark.parametrize("number", NUMBERS)
def test_pages_logs_and_plans_hold_no_number_in_full(story: Story, number: str) -> None:
    found = spelled(number)
    ours = ("report.html", "comparison.html", "debug.log", "plan.json", ".log", ".lock")
    texts = {name: content.decode("utf-8", "replace") for name, content in story.files().items() if name.endswith(ours)}
    assert len(texts) >= 4
    assert [name for name, text in texts.items() if found.search(text)] == []


@pytest.mark.parametrize("name", ["report.csv", "report.json"])
def test_the_users_own_reports_hold_every_number_in_full(story: Story, name: str) -> None:
    text = (story.reports / name).read_text("utf-8-sig")
    assert all(number in text for number in (*PEOPLE, *VICTIMS, OPTED_OUT))


def test_masking_takes_one_number_in_every_spelling_and_leaves_others() -> None:
    text = "501102030, +48 501 102 030, 0048501102030, 501-102-030; infolinia 801 102 030, id 15011020301"
    assert mask_in_text(text, "+48501102030") == "…030, …030, …030, …030; infolinia 801 102 030, id 15011020301"
