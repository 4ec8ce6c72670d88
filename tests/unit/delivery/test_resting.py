"""Resting for no time at all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from mmsflow.clock import ManualClock
from mmsflow.delivery.resting import rest


async def test_whoever_rests_for_no_time_leaves_a_turn_to_the_others() -> None:
    clock, wake, seen = ManualClock(datetime(2026, 12, 1, tzinfo=UTC)), asyncio.Event(), []

    async def other() -> None:
        for _ in range(3):
            seen.append("other")
            await asyncio.sleep(0)

    beside = asyncio.ensure_future(other())
    for _ in range(3):
        await rest(clock, wake, 0)
        seen.append("rested")
    await beside
    assert seen == ["other", "rested"] * 3
