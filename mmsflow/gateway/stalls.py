"""Deadlines in running time: a process that was frozen, or kept from its event loop, has not waited.

After SIGSTOP, a paused machine or a long computation every deadline has passed at once, while replies lie unread in
the sockets. Time in which nothing could be read is no evidence that nothing came.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

_TICK_SECONDS = 0.5
_LATE_SECONDS = 0.1  # a timer so late tells of a stall; ordinary load stays far below
GRACE_SECONDS = 1.0  # after a stall: what has arrived is read in milliseconds, what was sent again comes a little later


class Stalls:
    """Measures the time in which this process's event loop did not run, while deadlines are set.

    Attributes:
        lost_seconds: sum of the stalls noticed so far.
    """

    def __init__(self) -> None:
        self.lost_seconds = 0.0
        self._deadlines = 0
        self._expected = 0.0
        self._ticking: asyncio.TimerHandle | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure, for one deadline more."""
        self._deadlines += 1
        if self._deadlines == 1:
            self._expected = loop.time() + _TICK_SECONDS
            self._ticking = loop.call_at(self._expected, self._tick, loop)

    def end(self) -> None:
        """Measure for one deadline less."""
        self._deadlines -= 1
        if not self._deadlines and self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None

    def look(self, now: float) -> None:
        """Notice a stall that has just ended.

        Args:
            now: the event loop's time.
        """
        late = now - self._expected
        if late > _LATE_SECONDS:
            self.lost_seconds += late
        if late >= 0:
            self._expected = now + _TICK_SECONDS

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.look(loop.time())
        self._ticking = loop.call_at(self._expected, self._tick, loop)


class Deadline:
    """Ends what is done within its ``with`` block after so many seconds of running time, as ``asyncio.timeout`` does.

    Each stall moves it by its own length, and leaves at least ``GRACE_SECONDS`` to read what has arrived meanwhile.

    Attributes:
        expired: whether it has ended the block.
    """

    __slots__ = (
        "_began", "_cancelling", "_handle", "_loop", "_lost", "_lost_at_begin", "_seconds", "_stalls", "_task", "_when",
        "expired",
    )  # fmt: skip

    def __init__(self, stalls: Stalls, seconds: float) -> None:
        self._stalls, self._seconds = stalls, seconds
        self.expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is set within a task")
        self._task, self._cancelling = task, task.cancelling()
        self._loop = task.get_loop()
        self._stalls.begin(self._loop)
        self._lost = self._lost_at_begin = self._stalls.lost_seconds
        self._began = self._loop.time()
        self._arm(self._began + self._seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.cancel()
        self._stalls.end()
        # As asyncio.timeout does: a cancellation from outside, at the same time, stays one.
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _arm(self, when: float) -> None:
        self._when = when
        self._handle = self._loop.call_at(when, self._due)

    def _due(self) -> None:
        now = self._loop.time()
        self._stalls.look(now)
        lost = self._stalls.lost_seconds
        stalled = lost > self._lost or now - self._when > _LATE_SECONDS
        end = max(self._began + self._seconds + lost - self._lost_at_begin, now + GRACE_SECONDS if stalled else now)
        self._lost = lost
        if end > now:
            self._arm(end)
        else:
            self.expired = True
            self._task.cancel()
