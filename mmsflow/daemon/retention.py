"""Retention: once a day the personal data of old runs are removed."""

from __future__ import annotations

from collections.abc import Callable

from mmsflow.clock import Clock
from mmsflow.daemon.telling import Teller
from mmsflow.ledger.store import Ledger
from mmsflow.settings import Settings
from mmsflow.workflow.purge import purge_old

_FIRST_SECONDS = 600.0  # after a start other things come first
_DAY_SECONDS = 86_400.0
_LOOK_SECONDS = 5.0


async def keep_purging(
    ledger: Ledger, settings: Settings, clock: Clock, teller: Teller, on_wire: Callable[[], int]
) -> None:
    """Purge ten minutes after a start, and then every day, until cancelled.

    Args:
        settings: ``retain`` is set.
        on_wire: how many requests are on the wire. Purging holds the loop up for seconds, in which the reply to one
            of them could come too late; so it waits for a moment without any.

    Raises:
        MmsflowError: it cannot be done now; what is left is done the next time.
    """
    assert settings.retain is not None
    await clock.sleep(_FIRST_SECONDS)
    while True:
        while on_wire():
            await clock.sleep(_LOOK_SECONDS)
        for purged in purge_old(ledger, settings.workspace, older_than=settings.retain, now=clock.now()):
            teller.event("run_purged", run=purged.run, rows=purged.rows, files=purged.files)
        await clock.sleep(_DAY_SECONDS)
