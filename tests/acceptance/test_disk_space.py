"""A disk that is too small for a run: said by ``check`` and ``plan``, refused by ``run`` before anything is written."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .console import Console
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, numbers, write_list


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB; skipped where none may be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_nothing_is_begun_on_a_disk_without_room_and_everything_says_so(
    quick: Console, gateway: IndependentGateway, small_disk: Path
) -> None:
    ledger = f"sqlite:///{small_disk / 'ledger.db'}"
    (checked,) = quick("check", CAMPAIGN, "--json", MMSFLOW_LEDGER=ledger).ended_with(0).document["campaigns"]
    assert any("not enough room" in warning for warning in checked["warnings"])
    planned = quick("plan", CAMPAIGN, "--json", MMSFLOW_LEDGER=ledger).ended_with(0).document
    assert [each["cause"] for each in planned["blocked_by"]] == ["disk_space"]
    assert (planned["run"]["does"], planned["run"]["exit_code"]) == ("refuse", 6)
    assert "not enough room" in quick("plan", CAMPAIGN, MMSFLOW_LEDGER=ledger).ended_with(0).out
    refused = quick("run", CAMPAIGN, "--yes", "--json", MMSFLOW_LEDGER=ledger).ended_with(6).document
    assert refused["cause"] == "disk_space"
    assert f"the ledger in {small_disk}, and " in refused["error"]
    assert "MiB are free there" in refused["error"]
    assert "free " in refused["advice"]
    assert gateway.numbers == []
    assert quick("runs", "--json", MMSFLOW_LEDGER=ledger).ended_with(0).document["runs"] == []
    quick("run", CAMPAIGN, "--yes").ended_with(0)


def test_reports_on_a_disk_without_room_are_a_reason_too(quick: Console, workspace: Path, small_disk: Path) -> None:
    shutil.rmtree(workspace / "reports", ignore_errors=True)
    (workspace / "reports").symlink_to(small_disk)
    write_list(workspace, numbers(12_000))
    refused = quick("run", CAMPAIGN, "--yes", "--json").ended_with(6).document
    assert refused["cause"] == "disk_space"
    assert "the reports in" in refused["error"]
    assert "the ledger in" not in refused["error"]
