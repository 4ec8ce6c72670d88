"""Whether all sending is stopped, followed by the daemon: people are told once, and what waited goes on at once."""

from __future__ import annotations

from collections.abc import Callable

from mmsflow.clock import Clock
from mmsflow.daemon.telling import Teller
from mmsflow.ledger.operation import NoticeKind
from mmsflow.ledger.stop_file import ALL_STOPPED, START_ALL, Stop, StopFile


class StopWatch:
    """Tells of a stop of all sending, and of its end.

    The senders look at the stop file themselves; nothing here keeps anything from going out.

    Args:
        file: the ledger's.
        lifted: called when sending may go on.
    """

    def __init__(self, file: StopFile, clock: Clock, teller: Teller, lifted: Callable[[], None]) -> None:
        self._file, self._clock, self._teller, self._lifted = file, clock, teller, lifted
        self._known: Stop | None = None
        self._looked = False

    async def follow(self, every: float) -> None:
        """Look every so many seconds, until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(every)

    def look(self) -> None:
        """Tell what has changed since the last look."""
        stop, before, first = self._file.read(), self._known, not self._looked
        self._known, self._looked = stop, True
        if stop == before and not first:
            return
        if stop is not None:
            self._tell(stop)
            return
        self._teller.settle(ALL_STOPPED)  # also what an earlier process has told
        if before is not None:
            self._teller.event("sending_started")
            self._lifted()

    def _tell(self, stop: Stop) -> None:
        facts = stop.as_json()
        self._teller.event("sending_stopped", **facts)
        text = f"{stop.reason}; nothing goes out, and delivery reports are still followed"
        kind = NoticeKind.NEEDS_PERSON
        self._teller.people(ALL_STOPPED, kind, text, START_ALL, detail=facts, anew_for="since")
