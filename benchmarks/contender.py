"""One measurement in a process of its own, so that memory and start-up of one contender never colour another's.

``python -m benchmarks.contender TASK-AS-JSON`` prints a Measurement as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path

from benchmarks.memory import peak_bytes

_ROOT = Path(__file__).resolve().parent.parent
_TIMEOUT_SECONDS = 900
# Where two cores are at hand the contender gets the first, and the sink that answers it the second.
CONTENDER_CORE, SINK_CORE = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one contender is to do.

    Attributes:
        name: ``module:function`` within this package.
        folder: where it reads and writes.
        count: messages or rows.
        url: of the sink; empty where none is needed.
        in_flight: requests at a time.
        attachment_bytes: before base64.
        where: whether the campaign has a filter.
        pinned: whether it stays on one core; no for what has worker processes.
    """

    name: str
    folder: str
    count: int
    url: str = ""
    in_flight: int = 16
    attachment_bytes: int = 0
    where: bool = False
    pinned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one contender took.

    Attributes:
        units: messages or rows.
        seconds, cpu_seconds: of the measured part alone.
        peak_bytes: largest resident size of the whole process.
        parts: seconds of named parts.
    """

    units: int
    seconds: float
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    parts: Mapping[str, float] = field(default_factory=dict)


class Stopwatch:
    """Wall and processor time of a ``with`` block."""

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - wall
            self.cpu_seconds += time.process_time() - cpu

    def measurement(self, units: int, **parts: float) -> Measurement:
        """All of it so far."""
        return Measurement(
            units=units,
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
            peak_bytes=peak_bytes(),
            parts=parts,
        )


def measured(task: Task, root: Path = _ROOT) -> Measurement:
    """Carry the task out in a new process, by the code of the project in ``root``.

    Raises:
        RuntimeError: it failed; what it wrote to stderr went to ours.
    """
    command = [sys.executable, "-m", "benchmarks.contender", json.dumps(asdict(task))]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, timeout=_TIMEOUT_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{task.name} failed with exit code {done.returncode}")
    return Measurement(**json.loads(done.stdout))


def pin(core: int) -> None:
    """Stay on one core, where there are several and the system can do it."""
    if hasattr(os, "sched_setaffinity") and {CONTENDER_CORE, SINK_CORE} <= os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


def main() -> None:
    task = Task(**json.loads(sys.argv[1]))
    if task.pinned:
        pin(CONTENDER_CORE)
    module, _, function = task.name.partition(":")
    contender: Callable[[Task], Measurement] = getattr(import_module(f"benchmarks.{module}"), function)
    print(json.dumps(asdict(contender(task))))


if __name__ == "__main__":
    main()
