"""Time: every wait and every instant goes through a Clock, so that a test or a rehearsal can own it."""

from __future__ import annotations

import asyncio
import heapq
import math
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of time. Instants are aware and in UTC; durations are seconds."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary point, never going back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``; at once, but with a turn of the event loop, when not above 0."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that moves only when told to; sleepers wake in the order of their deadlines."""

    def __init__(self, start: datetime) -> None:
        self._start = start.astimezone(UTC)
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = 0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        # However little is slept, time passes; else a wait for a rounding's remainder would never end.
        deadline = max(self._elapsed + seconds, math.nextafter(self._elapsed, math.inf))
        heapq.heappush(self._sleepers, (deadline, self._order, waiter))
        await waiter

    @property
    def next_wake(self) -> float | None:
        """Seconds until the earliest sleeper wakes; None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] - self._elapsed if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        """Move on by ``seconds``, waking every sleeper on the way at its own instant."""
        goal = self._elapsed + seconds
        await _settle()
        while (wait := self.next_wake) is not None and self._elapsed + wait <= goal:
            deadline, _, waiter = heapq.heappop(self._sleepers)
            self._elapsed = deadline
            waiter.set_result(None)
            await _settle()
        self._elapsed = goal


async def _settle(turns: int = 50) -> None:
    # Woken tasks need several turns of the loop until they sleep again; 50 is far above the longest chain here.
    for _ in range(turns):
        await asyncio.sleep(0)
