"""Which git revision a campaign file was run from; empty facts outside git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10
_NO_MARKERS = ":(top,exclude,glob)**/.runs/*"  # what runs leave beside the campaigns is no change of theirs


@dataclass(frozen=True, slots=True)
class Revision:
    """A git commit and whether the working tree held nothing else.

    Attributes:
        commit: 40 hex digits; empty where the folder is in no git repository or git is not installed.
        clean: False where tracked or untracked files differ from the commit.
    """

    commit: str = ""
    clean: bool = False


def revision_of(folder: Path) -> Revision:
    """The revision of the repository that ``folder`` is in."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return Revision()
    changes = _git(folder, "status", "--porcelain", "--", ":(top)", _NO_MARKERS)
    return Revision(commit.strip(), changes == "")


def _git(folder: Path, *arguments: str) -> str | None:
    # No program that the repository's own settings name is started, and none of ours sees our secrets.
    command = ["git", "-C", str(folder), "--no-optional-locks", "-c", "core.fsmonitor=false", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MMSFLOW_")}
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def is_tracked(folder: Path, name: str) -> bool:
    """Whether git tracks the file ``name`` of ``folder``."""
    return _git(folder, "ls-files", "--error-unmatch", name) is not None
