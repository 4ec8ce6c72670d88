"""The largest resident size of a process since its program began."""

from __future__ import annotations

import resource
from pathlib import Path


def peak_bytes() -> int:
    """Of this process.

    Not ``getrusage`` where it can be helped: what a process began as, a copy of its parent, counts there too, so that a
    small child of a large benchmark looks large.
    """
    try:
        return peak_bytes_of("self")
    except ProcessLookupError:  # no Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def peak_bytes_of(pid: int | str) -> int:
    """Of another process, on Linux.

    Raises:
        ProcessLookupError: there is none any more, or this is another system.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    found = next((line for line in lines if line.startswith("VmHWM:")), None)  # a dead one has no memory
    if found is None:
        raise ProcessLookupError(f"no process {pid}")
    return 1024 * int(found.split()[1])
