"""A folder for the files of one measurement, and what the disk below it costs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder that is gone afterwards; ``TMPDIR`` moves it to another disk."""
    with tempfile.TemporaryDirectory(prefix="mmsflow-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def fsync_micros(times: int) -> float:
    """Median microseconds of forcing 4 KiB, appended to a file, to the disk."""
    taken = []
    with scratch() as folder, (folder / "log").open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(b"\0" * 4096)
            started = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - started)
    return 1e6 * median(taken)
