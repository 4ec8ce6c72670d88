"""Waiting for an event or for time to pass, whichever comes first."""

from __future__ import annotations

import asyncio
import math

from mmsflow.clock import Clock


async def rest(clock: Clock, wake: asyncio.Event, seconds: float) -> None:
    """Return when ``wake`` is set or ``seconds`` have passed; ``wake`` is clear afterwards.

    Others have a turn of the event loop also where there is nothing to wait for: whoever comes back at once, again and
    again, must not keep replies and people waiting.

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
    else:
        await clock.sleep(0)
    wake.clear()
