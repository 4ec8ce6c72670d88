"""Daemons as processes, and what they write to their log."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .console import Console
from .workspace import change_campaign

DAEMON = ("daemon", "--no-web")


def let_it_be_due(workspace: Path) -> None:
    """The workspace's campaign gets a start that came a minute ago."""
    start = datetime.now(UTC) - timedelta(minutes=1)
    schedule = f"schedule: {{start: {start:%Y-%m-%d %H:%M}, timezone: UTC}}"
    change_campaign(workspace, {"poll: {until: 3s}": f"{schedule}\npoll: {{until: 3s}}"})


class Lines:
    """What a daemon writes to its log, event by event."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.seen: list[dict[str, Any]] = []

    def until(self, event: str) -> dict[str, Any]:
        """Read on until that event has come."""
        assert self._process.stderr is not None
        for text in self._process.stderr:
            self.seen.append(json.loads(text))
            if self.seen[-1]["event"] == event:
                return self.seen[-1]
        raise AssertionError(f"it ended before {event}: {self.seen}")


@contextmanager
def running(console: Console, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Lines]]:
    """A daemon; it is gone after the block."""
    process = console.start(*arguments)
    try:
        yield process, Lines(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
