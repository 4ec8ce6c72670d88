"""Lines of the log about single messages: read from the ledger's history afterwards, never in the way of sending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

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


async def follow_messages(reading: Reading, clock: Clock, log: Log, *, since: int) -> None:
    """Log what happens to messages, once a second, until cancelled.

    Args:
        reading: opens the ledger for reading.
        since: the number of the last step that is known already; see ``LedgerReader.newest_step``.
    """
    last = since
    while True:
        with suppress(LedgerError):  # whoever writes tells of a ledger that fails; the lines come when it can be read
            last = await asyncio.to_thread(log_steps, reading, log, last)
        await clock.sleep(LOOK_SECONDS)


def log_steps(reading: Reading, log: Log, since: int) -> int:
    """Log every step of a message after that one; the number of the last step then."""
    with reading() as ledger:
        while steps := ledger.steps_after(since, _AT_ONCE):
            for step in steps:
                _log(log, step)
            since = steps[-1].id
    return since


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
