"""Sending one run: step after step, resting between them, through outages of the ledger, until nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mmsflow.delivery.halt import Halt
from mmsflow.delivery.resting import rest
from mmsflow.delivery.steps import LONGEST_NAP, UNTIL_WOKEN, Steps
from mmsflow.errors import LedgerUnavailable


class Sender(Steps):
    """Sends what is ready of one run until nothing is left, or until something stops it; made as ``Steps`` says."""

    async def send_all(self) -> Halt | None:
        """Send until nothing is ready or on the wire, or until something stops it.

        Returns:
            None when nothing is left to send or ``stop`` was called, else why it stopped.

        Raises:
            LedgerError: it cannot be written; what was on the wire is settled as far as possible.
            CancelledError: what was on the wire is recorded as "maybe sent".
        """
        self.is_active = True
        self._seat.join()
        try:
            await self._through_outages(self._step)
            await self._through_outages(self._land)
        except asyncio.CancelledError:
            await self._flight.abandon()
            raise
        except Exception:
            await self._flight.salvage()
            raise
        finally:
            self.is_active = False
            self._errand.drop()
            self._flight.close()
            self._seat.leave()
        if self._flight.crash is not None:
            raise self._flight.crash
        self._tally.tell()
        return None if self.cancelled else self._halt

    async def _through_outages(self, step: Callable[[], float | None]) -> None:
        """Repeat ``step``, resting as long as it says, until it says None; wait while the ledger cannot be written."""
        while True:
            try:
                pause = step()
                if self._outage.over():
                    # A commit may have become durable although it failed, so the counts are read anew.
                    self._tally.counts = self._ledger.state_counts(self._run.key)
            except LedgerUnavailable as error:
                pause = self._outage.wait(error, patient=not (self._no_wait or self.stopping))
                self._ahead.forget()
            if pause is None:
                return
            await self._rest(pause)

    async def _rest(self, seconds: float) -> None:
        """Wait for a finished request or for the time to pass, not at all when ``seconds`` is 0."""
        if seconds and seconds != UNTIL_WOKEN:
            seconds = min(seconds, LONGEST_NAP)
            if deadline := self._rules.not_after:
                seconds = min(seconds, max(0.05, (deadline - self._clock.now()).total_seconds()))
        await rest(self._clock, self._flight.wake, seconds)
