"""Waking at an instant: by APScheduler on the machine's time, or by a clock that somebody moves by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from mmsflow.clock import Clock

_JOB = "next"


class Alarm(Protocol):
    """Calls once at an instant; belongs to one event loop, where it calls."""

    def set(self, at: datetime | None, ring: Callable[[], None]) -> None:
        """Call ``ring`` at that instant (aware; at once when it has passed), instead of what was set before."""
        ...

    def close(self) -> None:
        """Call nothing any more; again is harmless."""
        ...


class SchedulerAlarm:
    """APScheduler's; instants are in UTC, so that no machine's zone and no change of the clocks moves them."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._at: datetime | None = None

    def set(self, at: datetime | None, ring: Callable[[], None]) -> None:
        if at == self._at:
            return
        self._at = at
        if not self._scheduler.running:
            self._scheduler.start()
        if at is None:
            self._remove()
            return

        async def call() -> None:  # a plain function would be called in a thread
            self._at = None
            ring()

        trigger = DateTrigger(at.astimezone(UTC), timezone=UTC)
        # However late the loop comes to it: a scheduled time must never be lost.
        self._scheduler.add_job(call, trigger, id=_JOB, misfire_grace_time=None, replace_existing=True)

    def _remove(self) -> None:
        try:
            self._scheduler.remove_job(_JOB)
        except JobLookupError:
            return

    def close(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


class ClockAlarm:
    """A sleeper on a Clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: datetime | None = None
        self._sleeper: asyncio.Task[None] | None = None

    def set(self, at: datetime | None, ring: Callable[[], None]) -> None:
        if at == self._at:
            return
        self.close()
        self._at = at
        if at is not None:
            self._sleeper = asyncio.ensure_future(self._ring(at, ring))

    async def _ring(self, at: datetime, ring: Callable[[], None]) -> None:
        await self._clock.sleep((at - self._clock.now()).total_seconds())
        self._at = None
        ring()

    def close(self) -> None:
        self._at = None
        if self._sleeper is not None:
            self._sleeper.cancel()
            self._sleeper = None
