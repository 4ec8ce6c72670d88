"""What mmsflow writes is for its owner only, whatever the umask, and appears whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from acceptance.console import Console, Preloaded
from acceptance.workspace import CAMPAIGN, numbers, write_workspace

from mmsflow.mms.private_files import make_private_folder, write_private


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_everything_that_a_run_leaves_is_for_its_owner_only(tmp_path: Path, mask: int) -> None:
    folder = write_workspace(tmp_path / "workspace", numbers(3))
    before = set(folder.rglob("*"))
    variables = {"MMSFLOW_GATEWAY": "simulator", "MMSFLOW_SIMULATOR_DELAY": "100ms", "PYTHONDONTWRITEBYTECODE": "1"}
    with umask(mask):
        # A server of forks of its own, which inherits this umask.
        quick = Preloaded(tmp_path)
        try:
            console = Console(folder, variables, quick)
            console("plan", CAMPAIGN, "--out", "plan.json").ended_with(0)
            run = console("run", "plan.json", "--yes", "--json").ended_with(0).document["run"]
            console("report", run, "--out", "deep/er/out").ended_with(0)
        finally:
            quick.close()
    # Markers are meant to be committed: they hold no personal data.
    made = {path for path in folder.rglob("*") if ".runs" not in path.parts} - before
    assert {path.name for path in made} >= {"plan.json", "ledger.db", "simulator.db", "report.csv", "report.html"}
    assert {path for path in made if mode(path) != (0o700 if path.is_dir() else 0o600)} == set()


def test_folders_above_are_private_too_and_existing_ones_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    with umask(0):
        make_private_folder(tmp_path / "there" / "a" / "b")
    assert [mode(tmp_path / "there" / name) for name in ("", "a", "a/b")] == [0o755, 0o700, 0o700]


def test_a_file_that_cannot_be_finished_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_private(path, "earlier")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "half \ud800")
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_the_files_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "plan.json").symlink_to("victim")
    write_private(tmp_path / "plan.json", "plan")
    assert (tmp_path / "victim").read_text() == "mine"
    assert mode(tmp_path / "plan.json") == 0o600
