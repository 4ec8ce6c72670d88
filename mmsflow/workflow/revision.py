"""Which git revision a campaign file was run from; empty facts outside git."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10


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
    changes = _git(folder, "status", "--porcelain")
    return Revision(commit.strip(), changes == "")


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def is_tracked(folder: Path, name: str) -> bool:
    """Whether git tracks the file ``name`` of ``folder``."""
    return _git(folder, "ls-files", "--error-unmatch", name) is not None
