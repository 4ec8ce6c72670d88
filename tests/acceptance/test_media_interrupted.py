"""Ctrl-C while pictures are fitted: the command ends at once, and no process of it stays behind."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.pictures import photo, saved

from .console import Console, ended
from .workspace import CAMPAIGN, change_campaign

_PATIENCE = 30  # seconds


def family(pid: int) -> set[int]:
    """The process ids of all descendants that live."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found |= {int(stat.parent.name)} | family(int(stat.parent.name))
    return found


def gone(pids: set[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() and b"Z" not in stat_state(pid) for pid in pids)


def stat_state(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    return b"Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the table of processes from /proc")
@pytest.mark.parametrize("command", [("run", CAMPAIGN, "--yes"), ("check", CAMPAIGN)], ids=["run", "check"])
def test_an_interruption_while_pictures_are_fitted_leaves_no_process(
    console: Console, workspace: Path, command: tuple[str, ...]
) -> None:
    attachments = "".join(f"    - file: media/{number}.jpg\n" for number in range(24))
    change_campaign(workspace, {"poll:": f"  attachments:\n{attachments}poll:"})
    content = saved(photo(2600, 1800), "JPEG", quality=90)
    for number in range(24):
        (workspace / "media" / f"{number}.jpg").write_bytes(content + bytes(number))
    process = console.start(*command)
    deadline = time.monotonic() + _PATIENCE
    workers: set[int] = set()
    while len(workers) < 3 and time.monotonic() < deadline and process.poll() is None:
        workers |= family(process.pid)  # the server that forks, the tracker of resources, and a worker at least
    assert len(workers) >= 3
    os.kill(process.pid, signal.SIGINT)
    ended(process).ended_with(130)
    while not gone(workers) and time.monotonic() < deadline + _PATIENCE:
        pass
    assert gone(workers)
