"""A short day of the daemon as a real process, and the judge of the long ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from torture.daemon_day import Sample, growth

ROOT = Path(__file__).resolve().parents[2]
MIB = 2**20


def test_a_short_day_of_changing_files_ends_with_every_message_accounted_for_and_no_file_left_open(
    tmp_path: Path,
) -> None:
    out = tmp_path / "results.jsonl"
    size = ("--messages", "200", "--changes", "60", "--campaigns", "2", "--growth", "0.5")
    command = [sys.executable, "-m", "torture", "daemon", *size, "--out", str(out), "--dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert (result["messages"], result["changes"], result["broken"]) == (200, 60, 20)
    assert result["violations"] == []


def test_a_process_that_holds_at_night_what_it_held_in_the_morning_has_not_grown() -> None:
    assert growth([Sample(100 * MIB, 20, 9)] * 6 + [Sample(117 * MIB, 24, 25)] * 3, 0.1) == []


def test_memory_and_files_that_only_grow_are_found() -> None:
    hourly = [Sample((100 + 5 * hour) * MIB, 20 + hour, 9) for hour in range(24)]

    assert growth(hourly, 0.1) == [
        "memory grew from 117.5 to 197.5 MiB",
        "open files went from 24 to 40",
    ]


def test_connections_that_pile_up_are_found_and_too_short_a_day_is_no_evidence() -> None:
    assert growth([Sample(MIB, 20, 90)] * 3, 0.1) == ["90 sockets were open at once"]
    assert growth([Sample(MIB, 20, 9)] * 2, 0.1) == ["the day was too short to be measured"]
