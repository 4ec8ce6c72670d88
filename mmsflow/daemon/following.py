"""Lines of the log about single messages: read from the ledger's history afterwards, never in the way of sending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from threading import Lock

from mmsflow.clock import Clock
from mmsflow.daemon.events import level_of, message_event
from mmsflow.daemon.logs import Log
from mmsflow.errors import LedgerError
from mmsflow.ledger.operation import Step
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.msisdn import mask_in_text, mask_msisdn

LOOK_SECONDS = 1.0
_AT_ONCE = 500

Reading = Callable[[], AbstractContextManager[LedgerReader]]


class Follower:
    """Logs what happens to messages.

    Args:
        reading: opens the ledger for reading.
        since: the number of the last step that is known already; see ``LedgerReader.newest_step``.
    """

    def __init__(self, reading: Reading, log: Log, since: int) -> None:
        self._reading, self._log, self._last = reading, log, since
        self._one = Lock()

    async def follow(self, clock: Clock) -> None:
        """Catch up once a second, in a thread, until cancelled."""
        while True:
            with suppress(LedgerError):  # whoever writes tells of a ledger that fails; the lines come when it is read
                await asyncio.to_thread(self.catch_up)
            await clock.sleep(LOOK_SECONDS)

    def catch_up(self) -> None:
        """Log every step of a message since the last time, once. For any thread.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        with self._one, self._reading() as ledger:
            while steps := ledger.steps_after(self._last, _AT_ONCE):
                for step in steps:
                    _log(self._log, step)
                self._last = steps[-1].id


def _log(log: Log, step: Step) -> None:
    name = message_event(step.old, step.new)
    if not log.keeps(level_of(name)):
        return
    facts = {
        "campaign": step.campaign,
        "run": step.run,
        "message": step.message,
        "number": mask_msisdn(step.msisdn),
        "attempt": step.attempt,
        "reason": mask_in_text(step.reason, step.msisdn),
    }
    log.note(name, step.at, facts)
