"""What a reader must know of the machine to place a figure; nothing that names it."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version

_PACKAGES = ("aiohttp", "httpx", "httpx-aiohttp", "sqlalchemy", "jinja2", "pillow", "numpy", "requests")


def facts() -> dict[str, str]:
    """Cores, how busy they were when it began, interpreter and the versions that matter."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "cores": str(cores),
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "not known",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in _PACKAGES},
    }


def is_busy() -> bool:
    """Whether more waits for a core than the benchmark itself, which keeps two busy, over the last five minutes."""
    return hasattr(os, "getloadavg") and os.getloadavg()[1] > 2.5
