"""``mmsflow init``: a new workspace."""

from __future__ import annotations

from pathlib import Path

from mmsflow.cli.output import say, tell
from mmsflow.workflow.example import new_workspace


def init(directory: Path) -> int:
    """Make the workspace; returns the exit code."""
    for path in new_workspace(directory):
        tell(str(path))
    say(f"\nnext: cd {directory} && mmsflow check && mmsflow run campaigns/hello.yaml")
    return 0
