"""Opt-outs and consent at the moment of sending: the lists may have changed since the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from mmsflow.audience.consent import Refusals
from mmsflow.clock import Clock
from mmsflow.errors import InvalidInput
from mmsflow.ledger.model import ReadyMessage, Refusal

_LOOK_SECONDS = 1.0
_READINGS = 4  # whoever saves a list may leave it half written for a moment
_BETWEEN_SECONDS = 0.5


class RefusalWatch:
    """The refusals in force, read again as soon as a list has been touched.

    Args:
        read: reads all lists anew; raises InvalidInput where one cannot be read.
        clock: files are looked at once a second at most.
    """

    def __init__(self, read: Callable[[], Refusals], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._known: Refusals | None = None
        self._look_at = 0.0

    def is_current(self) -> bool:
        """Whether what was read last still holds; else ``read`` comes before anything is sent."""
        if self._known is not None and self._clock.monotonic() >= self._look_at:
            self._look_at = self._clock.monotonic() + _LOOK_SECONDS
            if not self._known.is_current():
                self._known = None
        return self._known is not None

    async def read(self) -> None:
        """Read the lists.

        Raises:
            InvalidInput: a list cannot be read, also after a while; no empty set takes its place.
        """
        for reading in range(1, _READINGS + 1):
            if reading > 1:
                await self._clock.sleep(_BETWEEN_SECONDS)
            try:
                # In a thread: a list of a million rows takes seconds, and replies must be read meanwhile.
                found = await asyncio.to_thread(self._read)
            except InvalidInput:
                if reading == _READINGS:
                    raise
                continue
            if found.is_current() or reading == _READINGS:
                break
        self._known = found
        self._look_at = self._clock.monotonic() + _LOOK_SECONDS

    def refused(self, messages: Sequence[ReadyMessage]) -> list[Refusal]:
        """Those of ``messages`` that must not be sent, by what was read last."""
        if self._known is None:
            raise AssertionError("the lists are read before anything is sent")
        found = ((message.id, self._known.find(int(message.msisdn[3:]))) for message in messages)
        return [Refusal(number, *refusal) for number, refusal in found if refusal is not None]
