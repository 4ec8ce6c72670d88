"""Work that takes its time, such as a question to the gateway, while the sender goes on deciding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from mmsflow.delivery.halt import Halt

Work = Callable[[], Coroutine[None, None, Halt | None]]
"""A piece of work; what it returns is why sending must stop, if it must."""


class Errand:
    """One piece of work beside the sender, whose end wakes it.

    Whoever waits for it in line could not be paused, cancelled or stopped meanwhile, nor keep a deadline.
    """

    def __init__(self, wake: asyncio.Event) -> None:
        self._wake = wake
        self._task: asyncio.Task[Halt | None] | None = None

    def begin(self, work: Work) -> None:
        """Start ``work``; nothing happens while an earlier piece is under way."""
        if self._task is None:
            self._task = asyncio.ensure_future(work())
            self._task.add_done_callback(lambda _: self._wake.set())

    def collect(self) -> Halt | None:
        """What came of it, once it has ended; raises what ended it."""
        if self._task is None or not self._task.done():
            return None
        task, self._task = self._task, None
        return task.result()

    def drop(self) -> None:
        """It is not needed any more."""
        if self._task is not None:
            self._task.cancel()
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
            self._task = None
