"""Waiting for an event or for time to pass, whichever comes first."""

from __future__ import annotations

import asyncio
import math

from mmsflow.clock import Clock


async def rest(clock: Clock, wake: asyncio.Event, seconds: float) -> None:
    """Return when ``wake`` is set or ``seconds`` have passed; ``wake`` is clear afterwards.

    Args:
        seconds: 0 or more, infinite for as long as it takes.
    """
    if math.isinf(seconds):
        await wake.wait()
    elif seconds > 0:
        woken = asyncio.ensure_future(wake.wait())
        passed = asyncio.ensure_future(clock.sleep(seconds))
        try:
            await asyncio.wait({woken, passed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            passed.cancel()
    wake.clear()
