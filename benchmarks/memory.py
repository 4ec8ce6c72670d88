"""The largest resident size of a process since its program began."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path


def peak_bytes(pid: int | str = "self") -> int:
    """The peak of a process, from Linux's ``/proc``; elsewhere this process's own, as far as the system counts it.

    Not ``getrusage`` where it can be helped: what a process began as, a copy of its parent, counts there too, so that a
    small child of a large benchmark looks large.

    Raises:
        OSError: there is no such process any more.
    """
    with suppress(StopIteration, ValueError):
        try:
            lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
        except OSError:
            if pid != "self":
                raise
            lines = []
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
