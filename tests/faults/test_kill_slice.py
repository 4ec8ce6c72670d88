"""The program as a real process, killed, stopped, doubled and starved against a simulator on a real port.

Slices of the campaigns of ``scripts/torture``, in a process of their own: they fork.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def results_of(tmp_path: Path, *arguments: str, expected: int = 0) -> list[dict[str, Any]]:
    """Run one campaign; its results, a seed each."""
    out = tmp_path / "results.jsonl"
    command = [sys.executable, "-m", "torture", *arguments, "--out", str(out), "--dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def test_a_run_killed_again_and_again_sends_nothing_twice_and_loses_nothing(tmp_path: Path) -> None:
    results = results_of(tmp_path, "kills", "--seeds", "1:2")
    assert sum(result["kills"] for result in results) >= 4
    for result in results:
        assert (result["duplicates"], result["lost"], result["violations"]) == (0, 0, [])
        assert result["worst_unknown"] <= result["in_flight"]


def test_copies_put_back_send_nothing_before_a_person_decides_and_nobody_gets_two(tmp_path: Path) -> None:
    for result in results_of(tmp_path, "copies", "--seeds", "1:5"):
        assert (result["duplicates"], result["lost"], result["violations"]) == (0, 0, [])


def test_a_process_that_was_stopped_past_its_deadlines_goes_on_alone_and_reads_what_came(tmp_path: Path) -> None:
    (result,) = results_of(tmp_path, "stops", "--seeds", "1")
    assert result["stops"] >= 2
    assert (result["duplicates"], result["lost"], result["unknown"], result["violations"]) == (0, 0, 0, [])


def test_of_three_processes_at_once_one_sends_and_two_are_refused(tmp_path: Path) -> None:
    (result,) = results_of(tmp_path, "rivals", "--seeds", "1")
    assert (result["duplicates"], result["lost"], result["violations"]) == (0, 0, [])


def test_a_disk_that_fills_up_stops_the_sending_before_a_request_without_a_record(tmp_path: Path) -> None:
    (result,) = results_of(tmp_path, "disk", "--seeds", "0")
    assert result["stopped_before_the_end"] == 1
    assert (result["duplicates"], result["lost"], result["violations"]) == (0, 0, [])


def test_huge_and_dripping_replies_leave_the_memory_of_the_process_as_it_is(tmp_path: Path) -> None:
    (result,) = results_of(tmp_path, "floods", "--seeds", "0", "--recipients", "20")
    assert result["violations"] == []
