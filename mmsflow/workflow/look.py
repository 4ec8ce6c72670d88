"""The workspace's own look of the report, tried before a run needs it."""

from __future__ import annotations

from pathlib import Path

from mmsflow.errors import Finding


def look_findings(workspace: Path) -> tuple[Finding, ...]:
    """What is wrong with the own look; nothing where there is none."""
    # Trying one out loads more than the rest of a check does.
    if not any((workspace / "templates").glob("report.*")):
        return ()
    from mmsflow.report.look import check_look

    return check_look(workspace)
