"""``status`` and ``runs`` about the process that holds the ledger: alive, busy, frozen, killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from .console import Console, ended
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, write_list

PATIENCE = 40.0  # seconds; a frozen process is known after 12


def holder_when(quick: Console, command: str, answers: bool) -> dict[str, Any]:
    """Ask until the holder answers, or does not."""
    last = time.monotonic() + PATIENCE
    while True:
        holder: dict[str, Any] = quick(command, "--json").ended_with(0).document["holder"]
        if holder["answers"] is answers or time.monotonic() > last:
            return holder
        time.sleep(0.5)


def test_nobody_holds_a_ledger_at_rest(quick: Console) -> None:
    quick("run", CAMPAIGN, "--yes").ended_with(0)
    for command in ("status", "runs"):
        assert quick(command, "--json").ended_with(0).document["holder"] is None
        assert "holds the ledger" not in quick(command).ended_with(0).out


@pytest.mark.parametrize("command", ["status", "runs"])
def test_a_frozen_process_is_said_not_to_answer_and_a_woken_one_to_answer_again(
    console: Console, quick: Console, gateway: IndependentGateway, workspace: Path, command: str
) -> None:
    write_list(workspace, numbers(60))
    change_campaign(workspace, {"poll:": "rate: 1/s\npoll:"})
    process = console.start("run", CAMPAIGN, "--yes")
    try:
        gateway.wait_for(1)
        alive = quick(command, "--json").ended_with(0).document["holder"]
        assert (alive["pid"], alive["answers"]) == (process.pid, True)
        assert "sign of life" in quick(command).ended_with(0).out
        os.kill(process.pid, signal.SIGSTOP)
        frozen = holder_when(quick, command, answers=False)
        assert (frozen["pid"], frozen["answers"]) == (process.pid, False)
        said = quick(command).ended_with(0).out
        assert "does not answer since" in said
        assert f"kill -CONT {process.pid}" in said
        os.kill(process.pid, signal.SIGCONT)
        assert holder_when(quick, command, answers=True)["answers"] is True
    finally:
        process.kill()
        ended(process)
    assert quick(command, "--json").ended_with(0).document["holder"] is None
