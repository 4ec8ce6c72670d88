"""Where the simulator's time comes from: anything with ``now`` and ``sleep``, so that a test can own it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class TimeSource(Protocol):
    """A clock. ``mmsflow.clock`` has the shape, but is not imported: the simulator stands alone."""

    def now(self) -> datetime:
        """The current instant, aware."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        ...


class SystemTime:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
