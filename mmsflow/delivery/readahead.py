"""Messages that may be sent soon, read in blocks; they have no intent, so a crash leaves no trace of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from itertools import islice

from mmsflow.clock import Clock
from mmsflow.ledger.model import ReadyMessage, RunInfo
from mmsflow.ledger.store import Ledger

_BLOCK = 500


class ReadAhead:
    """The ready messages of one run in sending order, from the one after the last that was taken.

    What came back to be tried again stands before it, and is seen only after ``forget``.
    """

    def __init__(self, ledger: Ledger, run: RunInfo, clock: Clock) -> None:
        self._ledger, self._run, self._clock = ledger, run, clock
        self._buffer: deque[ReadyMessage] = deque()
        self._after = 0
        self._at_end = False

    def look(self, wanted: int) -> list[ReadyMessage]:
        """The next ``wanted`` messages, or as many as there are."""
        if len(self._buffer) < wanted and not self._at_end:
            found = self._ledger.ready(self._run.key, now=self._clock.now(), after=self._after, limit=_BLOCK)
            self._buffer.extend(found)
            self._at_end = len(found) < _BLOCK
            self._after = found[-1].id if found else self._after
        return list(islice(self._buffer, wanted))

    def take(self, count: int) -> list[ReadyMessage]:
        """Take the next ``count`` of those that were looked at."""
        return [self._buffer.popleft() for _ in range(count)]

    def drop(self, ids: Container[int]) -> None:
        """These are not ready any more."""
        self._buffer = deque(message for message in self._buffer if message.id not in ids)

    def forget(self) -> None:
        """Begin again with the first message that is ready."""
        self._buffer.clear()
        self._after = 0
        self._at_end = False
