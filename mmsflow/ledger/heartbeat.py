"""A sign of life of the process that holds the ledger: every few seconds its lock file is touched.

A thread of its own does that, beside whatever the process is busy with: a list that takes a minute to plan, a run that
takes seconds to freeze, and a command without an event loop are alive all the same. A process that is stopped, or whose
machine sleeps, touches nothing. The descriptor that holds the lock is used: to open and close the file would drop it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import suppress

BEAT_SECONDS = 4.0
_STUCK_SECONDS = 120.0  # a loop that is held up by a large run's freezing is not stuck


class Heartbeat:
    """Touches an open file until it is stopped.

    Where the thread that makes it runs an event loop, a loop that has not turned for two minutes ends the beat, too.

    Args:
        descriptor: of the file, open for writing until after ``stop``.
        every: seconds between two beats.
    """

    def __init__(self, descriptor: int, *, every: float = BEAT_SECONDS, stuck: float = _STUCK_SECONDS) -> None:
        self._descriptor, self._every, self._stuck = descriptor, every, stuck
        self._over = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        with suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
        self._turned_at = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name="mmsflow-heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until the file is not touched any more; it takes no longer than one beat."""
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        # A signal is for the main thread, which may be waiting in a call that only the signal itself ends.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while not self._over.wait(self._every):
            if self._turns():
                with suppress(OSError):  # such as a file system that has become read-only
                    os.utime(self._descriptor)

    def _turns(self) -> bool:
        if self._loop is None:
            return True
        try:
            self._loop.call_soon_threadsafe(self._turned)
        except RuntimeError:  # the loop has ended, and the process goes on without one
            self._loop = None
            return True
        return time.monotonic() - self._turned_at < self._stuck

    def _turned(self) -> None:
        self._turned_at = time.monotonic()
