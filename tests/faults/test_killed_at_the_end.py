"""A process that is killed when everything is settled, but not everything is written down."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from torture.kills_workspace import CAMPAIGN_FILE, Workspace, make_workspace, report_buckets

DONE, NOTHING_TO_DO = 0, 6


def run(workspace: Workspace) -> int:
    """``mmsflow run``, to its end; the exit code."""
    program = "from mmsflow.cli.main import main; main()"
    command = [sys.executable, "-c", program, "run", CAMPAIGN_FILE, "--yes"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MMSFLOW_")}
    settings = {"MMSFLOW_GATEWAY": "simulator", "MMSFLOW_WORKSPACE": str(workspace.folder)}
    return subprocess.run(
        command, cwd=workspace.folder, env=kept | settings, capture_output=True, check=False
    ).returncode


def received(workspace: Workspace) -> int:
    with closing(sqlite3.connect(workspace.folder / ".mmsflow" / "simulator.db")) as record:
        return int(record.execute("SELECT count(*) FROM messages").fetchone()[0])


@pytest.fixture
def without_report(tmp_path: Path) -> Workspace:
    """A run of three messages that is done, but whose process was killed before the report was written."""
    workspace = make_workspace(tmp_path, Random(1), 3, poll_until="")
    assert run(workspace) == DONE
    shutil.rmtree(tmp_path / "reports")
    return workspace


def test_a_finished_run_without_its_report_gets_it_by_the_next_run(without_report: Workspace) -> None:
    assert run(without_report) == NOTHING_TO_DO
    assert without_report.valid <= set(report_buckets(without_report))
    assert received(without_report) == 3


def test_a_run_that_was_killed_before_its_end_was_noted_is_ended_by_the_next_run(without_report: Workspace) -> None:
    with closing(sqlite3.connect(without_report.ledger)) as ledger, ledger:
        ledger.execute("UPDATE runs SET state = 'running'")
    assert run(without_report) == DONE
    with closing(sqlite3.connect(without_report.ledger)) as ledger:
        assert ledger.execute("SELECT state FROM runs").fetchall() == [("done",)]
    assert without_report.valid <= set(report_buckets(without_report))
    assert received(without_report) == 3
