"""Whether the daemon is well, in a word, and why not in a few codes: for probes, the watchdog and the metrics."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mmsflow.daemon.board import Board
from mmsflow.wiring import ledger_file

STALLED_SECONDS = 60.0
LEAST_FREE_BYTES = 64 * 1024 * 1024

REASONS = {
    "stalled": "the daemon's own loop has not turned for a minute",
    "ledger": "the ledger cannot be written",
    "disk": "less than 64 MiB are free on the ledger's disk",
}
"""Every code with its meaning."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the daemon is; ``reasons`` are codes of ``REASONS``, none when it is well."""

    reasons: tuple[str, ...]

    @property
    def well(self) -> bool:
        return not self.reasons

    def as_json(self) -> dict[str, object]:
        """The document that probes read; it tells nothing about campaigns."""
        return {"status": "ok" if self.well else "not ok", "reasons": list(self.reasons)}


def health_of(board: Board) -> Health:
    """Look at the daemon, its ledger and the ledger's disk; writes nothing. For the daemon's event loop."""
    stalled = silent_seconds(board) > STALLED_SECONDS
    path = ledger_file(board.settings)
    reasons = []
    if stalled:
        reasons.append("stalled")
    if not _writable(path) or not (stalled or board.healthy):
        reasons.append("ledger")
    if _free_bytes(path.parent) < LEAST_FREE_BYTES:
        reasons.append("disk")
    return Health(tuple(reasons))


def silent_seconds(board: Board) -> float:
    """How long ago the daemon's loop turned last, or the daemon began. For the daemon's event loop."""
    began = (board.clock.now() - board.started_at).total_seconds()
    return board.clock.monotonic() - board.beat if board.beat else began


def _writable(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
