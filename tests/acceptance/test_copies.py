"""Copies of the ledger put back, moved and lost under a process that sends, counted at a gateway on a real port."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .console import Console, ended
from .daemons import DAEMON, let_it_be_due, running
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, numbers, report_rows, write_list

PEOPLE = numbers(60)
IN_FLIGHT, ANSWERED = 16, 20


@pytest.fixture
def half_way(gateway: IndependentGateway, workspace: Path) -> IndependentGateway:
    """A gateway that replies to some messages, and takes the next ones without a reply."""
    write_list(workspace, PEOPLE)
    gateway.reply_to(ANSWERED)
    return gateway


@pytest.fixture
def credentials(gateway: IndependentGateway, credentials: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """With a folder for the witness that the test can look into, and take away."""
    return credentials | {"MMSFLOW_WITNESS": str(tmp_path / "witness")}


@pytest.fixture
def sending(console: Console, half_way: IndependentGateway) -> Iterator[subprocess.Popen[str]]:
    """A process that carries the campaign out, with all its requests on the wire."""
    process = console.start("run", CAMPAIGN, "--yes", "--no-wait")
    half_way.wait_for(ANSWERED + IN_FLIGHT)
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def ledger_of(workspace: Path) -> Path:
    return workspace / ".mmsflow" / "ledger.db"


def copied(workspace: Path) -> Path:
    """A copy by SQLite's own online backup, as an administrator makes one."""
    copy = workspace.parent / "copy.db"
    with closing(sqlite3.connect(ledger_of(workspace))) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def put_onto(copy: Path, ledger: Path) -> None:
    """As `cp copy ledger` does it, after the log was removed: the file keeps its inode."""
    for suffix in ("-wal", "-shm"):
        ledger.with_name(ledger.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(copy, ledger)


def the_report(workspace: Path) -> list[dict[str, str]]:
    (path,) = workspace.glob("reports/*/report.csv")
    return report_rows(str(path))


def twice(gateway: IndependentGateway) -> list[str]:
    return [number for number, count in Counter(gateway.numbers).items() if count > 1]


def cause_of(quick: Console, *more: str) -> str:
    return str(quick("run", CAMPAIGN, "--yes", "--json", *more).ended_with(6).document["cause"])


def test_a_copy_from_the_middle_of_a_run_sends_nothing_and_then_holds_what_may_have_gone_out(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    copy = copied(workspace)
    half_way.reply_to(30)
    half_way.wait_for(30 + IN_FLIGHT)
    killed(sending)
    arrived = half_way.numbers
    half_way.reply_to(float("inf"))
    put_onto(copy, ledger_of(workspace))
    refused = quick("run", CAMPAIGN, "--yes").ended_with(6).err
    assert "10 messages of offer-" in refused
    assert cause_of(quick) == "ledger_restored"
    assert half_way.numbers == arrived
    going_on = quick("run", CAMPAIGN, "--yes", "--no-wait", "--adopt").ended_with(7)
    assert "10 unsent messages may have gone out since the copy" in going_on.err
    assert half_way.numbers == PEOPLE
    assert not twice(half_way)
    (report,) = (workspace / "reports").iterdir()
    assert Counter(row["bucket"] for row in the_report(workspace))["maybe_sent"] == 26  # and 16 were on the wire
    quick("verify", report.name).ended_with(0)
    # One question for the ledger: from now on it is like any other.
    quick("run", CAMPAIGN, "--yes").ended_with(7)


def test_a_killed_run_goes_on_by_itself_and_asks_nothing(
    quick: Console, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    killed(sending)
    half_way.reply_to(float("inf"))
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(7)
    assert half_way.numbers == PEOPLE


def test_a_copy_is_seen_where_only_the_committed_marker_is_left(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str], tmp_path: Path
) -> None:
    copy = copied(workspace)
    half_way.reply_to(30)
    half_way.wait_for(30 + IN_FLIGHT)
    killed(sending)
    half_way.reply_to(float("inf"))
    put_onto(copy, ledger_of(workspace))
    shutil.rmtree(tmp_path / "witness")
    assert cause_of(quick) == "witness_lost"
    quick("run", CAMPAIGN, "--yes", "--no-wait", "--adopt").ended_with(7)
    assert not twice(half_way)


def test_a_workspace_copied_elsewhere_goes_on_in_one_place_only(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    killed(sending)
    elsewhere = workspace.with_name("elsewhere")
    shutil.copytree(workspace, elsewhere)
    half_way.reply_to(40)
    first = Console(elsewhere, quick.variables, quick.runner)
    first("run", CAMPAIGN, "--yes", "--no-wait", MMSFLOW_TOTAL_DEADLINE="2s").ended_with(7)
    arrived = half_way.numbers
    assert cause_of(quick) == "ledger_restored"
    assert half_way.numbers == arrived
    assert not twice(half_way)


def test_backup_makes_a_copy_that_knows_that_it_is_one_beside_a_process_that_sends(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    copy = workspace.parent / "backup.db"
    made = quick("backup", str(copy), "--json").ended_with(0).document
    assert (made["runs"], made["unfinished_runs"], made["unsent_messages"]) == (1, 1, len(PEOPLE) - ANSWERED)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "--force" in quick("backup", str(copy)).ended_with(2).err
    quick("restore", str(copy)).ended_with(8)  # somebody sends
    killed(sending)
    arrived = half_way.numbers
    opened = quick("run", CAMPAIGN, "--yes", MMSFLOW_LEDGER=f"sqlite:///{copy}").ended_with(6).err
    assert "copy" in opened
    restored = quick("restore", str(copy), "--json").ended_with(0).document
    assert restored["blocked_by"]["cause"] == "ledger_is_copy"
    assert Path(restored["aside"]).exists()
    assert cause_of(quick) == "ledger_is_copy"
    assert half_way.numbers == arrived
    half_way.reply_to(float("inf"))
    quick("run", CAMPAIGN, "--yes", "--no-wait", "--adopt").ended_with(7)
    assert not twice(half_way)


def test_a_moved_ledger_asks_nothing_in_its_new_place_and_never_sends_in_the_old_one(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str], tmp_path: Path
) -> None:
    killed(sending)
    half_way.reply_to(float("inf"))
    moved = workspace.parent / "moved.db"
    quick("backup", str(moved), "--move").ended_with(0)
    assert cause_of(quick) == "ledger_moved"
    assert cause_of(quick, "--adopt") == "ledger_moved"
    elsewhere = workspace.with_name("elsewhere")
    shutil.copytree(workspace, elsewhere, ignore=shutil.ignore_patterns(".mmsflow"))
    there = Console(elsewhere, dict(quick.variables) | {"MMSFLOW_WITNESS": str(tmp_path / "new")}, quick.runner)
    there("restore", str(moved)).ended_with(0)
    there("run", CAMPAIGN, "--yes", "--no-wait").ended_with(7)
    assert half_way.numbers == PEOPLE
    quick("status").ended_with(0)


def test_a_copy_without_anything_unfinished_asks_nothing(
    quick: Console, workspace: Path, gateway: IndependentGateway, tmp_path: Path
) -> None:
    quick("run", CAMPAIGN, "--yes").ended_with(0)
    elsewhere = workspace.with_name("elsewhere")
    shutil.copytree(workspace, elsewhere)
    there = Console(elsewhere, dict(quick.variables) | {"MMSFLOW_WITNESS": str(tmp_path / "new")}, quick.runner)
    noticed = there("run", CAMPAIGN, "--yes").ended_with(6).err
    assert "finished" in noticed
    assert "was copied or moved since it last sent" in noticed
    there("run", CAMPAIGN, "--again", "--yes", "--no-wait").ended_with(0)


def test_a_witness_that_cannot_be_written_stops_sending(
    quick: Console, gateway: IndependentGateway, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    refused = quick("run", CAMPAIGN, "--yes", MMSFLOW_WITNESS=str(tmp_path / "file" / "witness")).ended_with(1).err
    assert "MMSFLOW_WITNESS" in refused
    assert gateway.numbers == []


def test_a_witness_inside_the_workspace_is_a_wrong_setting(quick: Console, workspace: Path) -> None:
    assert "inside the workspace" in quick("status", MMSFLOW_WITNESS=str(workspace / "w")).ended_with(2).err


def removed(ledger: Path) -> None:
    for path in ledger.parent.glob("ledger.db*"):
        path.unlink()


def folder_renamed(ledger: Path) -> None:
    ledger.parent.rename(ledger.parent.with_name("away"))


def renamed_over(ledger: Path) -> None:
    draft = ledger.with_name("draft")
    shutil.copyfile(ledger, draft)
    draft.replace(ledger)


def emptied(ledger: Path) -> None:
    ledger.write_bytes(b"")


def copied_onto(ledger: Path) -> None:
    content = ledger.read_bytes()
    ledger.write_bytes(content)


def lock_removed(ledger: Path) -> None:
    ledger.with_name(ledger.name + ".lock").unlink()


@pytest.mark.parametrize("harm", [removed, folder_renamed, renamed_over, emptied, copied_onto, lock_removed])
def test_a_ledger_that_vanishes_while_a_run_sends_stops_it_before_the_next_claim(
    harm: Callable[[Path], None],
    workspace: Path,
    half_way: IndependentGateway,
    sending: subprocess.Popen[str],
) -> None:
    harm(ledger_of(workspace))
    half_way.reply_to(float("inf"))
    done = ended(sending).ended_with(1)
    assert "nothing more is sent" in done.err
    assert len(half_way.numbers) == ANSWERED + IN_FLIGHT
    (rescued,) = [path for path in workspace.rglob("ledger.db.rescued-*") if not path.name.endswith(("-wal", "-shm"))]
    assert str(rescued) in done.err
    # The report reads what the run wrote.
    rows = Counter(row["bucket"] for row in the_report(workspace))
    assert rows["pending"] == len(PEOPLE) - ANSWERED - IN_FLIGHT
    assert sum(rows.values()) == len(PEOPLE)


def test_a_second_process_that_makes_the_ledger_anew_does_not_hide_that_it_vanished(
    quick: Console, workspace: Path, half_way: IndependentGateway, sending: subprocess.Popen[str]
) -> None:
    removed(ledger_of(workspace))
    assert cause_of(quick) in {"ledger_behind_marker", "ledger_replaced"}
    half_way.reply_to(float("inf"))
    done = ended(sending).ended_with(1)
    (rescued,) = [path for path in workspace.rglob("ledger.db.rescued-*") if not path.name.endswith(("-wal", "-shm"))]
    assert str(rescued) in done.err
    quick("restore", str(rescued)).ended_with(0)
    quick("run", CAMPAIGN, "--yes", "--no-wait", "--adopt").ended_with(0)
    assert half_way.numbers == PEOPLE


def test_a_daemon_whose_ledger_was_put_back_waits_for_a_person_and_tells(
    console: Console, quick: Console, workspace: Path, half_way: IndependentGateway
) -> None:
    let_it_be_due(workspace)
    with running(console, *DAEMON) as (process, _):
        half_way.wait_for(ANSWERED + IN_FLIGHT)
        copy = copied(workspace)
        half_way.reply_to(30)
        half_way.wait_for(30 + IN_FLIGHT)
        process.kill()
    half_way.reply_to(float("inf"))
    put_onto(copy, ledger_of(workspace))
    arrived = half_way.numbers
    with running(console, *DAEMON) as (_, log):
        alone = log.until("run_left_alone")
        assert "older copy" in str(alone["reason"])
        log.until("notice")
    assert half_way.numbers == arrived
    run = str(alone["run"])
    quick("resume", run, "--adopt", "--no-wait", "--yes").ended_with(7)
    with running(console, *DAEMON) as (_, log):
        log.until("daemon_ready")
    assert half_way.numbers == PEOPLE


def test_a_daemon_whose_ledger_vanished_ends_and_keeps_what_it_wrote(
    console: Console, workspace: Path, half_way: IndependentGateway
) -> None:
    let_it_be_due(workspace)
    with running(console, *DAEMON) as (process, log):
        log.until("daemon_ready")
        half_way.wait_for(ANSWERED + IN_FLIGHT)
        removed(ledger_of(workspace))
        half_way.reply_to(float("inf"))
        assert process.stderr is not None
        rest = process.stderr.read()
        assert process.wait(60) == 1
    assert len(half_way.numbers) == ANSWERED + IN_FLIGHT
    (rescued,) = [path for path in workspace.rglob("ledger.db.rescued-*") if not path.name.endswith(("-wal", "-shm"))]
    assert str(rescued) in rest
    rows = Counter(row["bucket"] for row in the_report(workspace))
    assert sum(rows.values()) == len(PEOPLE)
