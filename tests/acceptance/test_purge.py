"""Purging as a person meets it: what is asked and shown, what is left on the disk, and what is refused afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from .console import Console
from .workspace import CAMPAIGN, change_campaign, numbers, report_rows

PEOPLE = numbers(5)


@pytest.fixture
def run(quick: Console) -> str:
    """The id of a finished run to five people."""
    return str(quick("run", CAMPAIGN, "--yes", "--json").document["run"])


def with_numbers(workspace: Path) -> list[str]:
    """The files that hold somebody's number, without the lists that the user wrote."""
    files = (path for path in workspace.rglob("*") if path.is_file() and "lists" not in path.parts)
    return sorted(path.name for path in files if any(number[3:].encode() in path.read_bytes() for number in PEOPLE))


def test_after_a_purge_no_file_but_the_users_own_lists_holds_a_number_and_the_counts_are_as_before(
    quick: Console, workspace: Path, run: str
) -> None:
    before = quick("status", run, "--json").document["runs"][0]
    assert {"ledger.db", "report.csv", "report.json"} <= set(with_numbers(workspace))

    done = quick("purge", run, "--yes").ended_with(0)

    assert f"{run}  5 rows, 4 files of its report" in done.out
    assert with_numbers(workspace) == []
    assert not (workspace / "reports" / run).exists()
    (after,) = quick("status", run, "--json").document["runs"]
    assert after.pop("purged_at")
    assert {**after, "purged_at": None} == before
    assert f"{run} holds" in quick("verify", run).ended_with(0).out
    assert "personal data removed" in quick("runs").ended_with(0).out


def test_every_command_still_answers_for_a_purged_run(quick: Console, workspace: Path, run: str) -> None:
    second = quick("run", CAMPAIGN, "--again", "--yes", "--json").document["run"]
    quick("purge", run, "--yes").ended_with(0)

    quick("report", run, "--format", "csv", "--format", "html", "--format", "json", "--format", "xlsx").ended_with(0)
    rows = report_rows(workspace / "reports" / run / "report.csv")
    assert [(row["number"], row["subject"], row["gateway_id"]) for row in rows] == [("", "", "")] * 5
    assert all(row["bucket"] in {"delivered", "failed"} for row in rows)
    assert "Personal data removed" in (workspace / "reports" / run / "report.html").read_text("utf-8")

    quick("poll", run).ended_with(0)
    assert "can be settled any more" in quick("resolve", run).ended_with(0).out
    quick("resolve", run, "--sent", "all").ended_with(6)
    told = quick("why", PEOPLE[0]).ended_with(0)
    assert second in told.out
    assert run not in told.out
    assert "of 1 run it is not known any more" in told.err
    assert "same numbers is not known" in quick("compare", run, second, "--html", "c.html").ended_with(0).out
    quick("purge", run, "--yes").ended_with(6)


def test_nobody_gets_a_message_because_it_was_forgotten_who_had_one(quick: Console, workspace: Path, run: str) -> None:
    quick("purge", run, "--yes").ended_with(0)

    assert "who had a message" in quick("run", CAMPAIGN, "--yes").ended_with(6).err
    topped = quick("run", CAMPAIGN, "--top-up", "--yes").ended_with(6)
    assert "were removed" in topped.err
    assert "--again" in topped.err
    change_campaign(
        workspace,
        {"campaign: offer": "campaign: next", "lists/people.csv": "lists/people.csv\n    not_received: offer"},
    )
    refused = quick("plan", CAMPAIGN).ended_with(3)
    assert f"the personal data of {run} were removed" in refused.err
    change_campaign(
        workspace,
        {"    not_received: offer\n": "", "purpose: transactional": "purpose: transactional\nat_most: 1 in 7 days"},
    )
    assert "the cap 1 in 7 days cannot be judged" in quick("run", CAMPAIGN, "--yes").ended_with(3).err


def test_a_purge_says_what_it_would_do_asks_first_and_needs_to_know_how_old(quick: Console, run: str) -> None:
    assert "--older-than" in quick("purge").ended_with(2).err
    assert quick("purge", "--older-than", "90d", "--yes").ended_with(0).out == "there is nothing to remove\n"
    dry = quick("purge", run, "--dry-run", "--json").ended_with(0).document
    assert dry["due"] == [{"run": run, "rows": 5}]
    assert "add --yes" in quick("purge", run).ended_with(2).err
    assert quick("purge", "--json", MMSFLOW_RETAIN="90d").ended_with(0).document["purged"] == []
    assert quick("status", run, "--json").document["runs"][0]["purged_at"] is None


def test_doctor_says_how_people_are_told_and_when_a_cap_outlives_the_numbers(quick: Console) -> None:
    assert "none set up" in quick("doctor").ended_with(0).out
    assert "no channel" in quick("doctor", "--notify").ended_with(2).out
    half = quick("doctor", MMSFLOW_MAIL_HOST="127.0.0.1").ended_with(2)
    assert "mail_from and mail_to are not" in half.out
    key = "x" * 32
    lost = quick(
        "doctor", "--notify", MMSFLOW_WEBHOOK_URL="http://127.0.0.1:1/x", MMSFLOW_WEBHOOK_SECRET=key
    ).ended_with(5)
    assert "127.0.0.1:1 was not reached" in lost.out
    short = quick("doctor", MMSFLOW_RETAIN="3d", MMSFLOW_AT_MOST="1 in 7 days").ended_with(2)
    assert "numbers are removed after 3 days" in short.out
