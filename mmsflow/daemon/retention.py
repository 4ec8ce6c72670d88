"""Retention: once a day the personal data of old runs are removed."""

from __future__ import annotations

from mmsflow.clock import Clock
from mmsflow.daemon.stillness import Stillness
from mmsflow.daemon.telling import Teller
from mmsflow.errors import LedgerError, MmsflowError, RunUnfinished
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import NoticeKind
from mmsflow.ledger.store import Ledger
from mmsflow.settings import Settings
from mmsflow.workflow.purge import PurgeInSteps, due_runs

_FIRST_SECONDS = 600.0  # after a start other things come first
_DAY_SECONDS = 86_400.0
_BREATH_SECONDS = 0.1  # between two steps, which take about as long


async def keep_purging(ledger: Ledger, settings: Settings, clock: Clock, teller: Teller, still: Stillness) -> None:
    """Purge ten minutes after a start, and then every day, until cancelled.

    Args:
        settings: ``retain`` is set.
        still: for rewriting the ledger, which takes seconds.

    Raises:
        LedgerError: it cannot be done now; what is left is done the next time.
    """
    await clock.sleep(_FIRST_SECONDS)
    while True:
        await purge_old(ledger, settings, clock, teller, still)
        await clock.sleep(_DAY_SECONDS)


async def purge_old(ledger: Ledger, settings: Settings, clock: Clock, teller: Teller, still: Stillness) -> None:
    """Remove the personal data of every run that ended long ago; those that still need a person keep theirs.

    Where a report cannot be deleted, people are told, that run keeps its data, and the others are purged all the same.

    Raises:
        LedgerError: the ledger cannot be written.
    """
    assert settings.retain is not None
    due = due_runs(ledger, older_than=settings.retain, now=clock.now()).runs
    for run in (*ledger.half_purged(), *due):
        try:
            await _purge(ledger, settings, clock, teller, run, still)
        except LedgerError:
            raise
        except RunUnfinished:
            continue  # something of it has been asked for since
        except MmsflowError as error:
            teller.error(f"removing the personal data of {run.run}", error)
            teller.people(
                f"purge/{run.run}",
                NoticeKind.NEEDS_PERSON,
                f"the personal data of {run.run} are still there: {error.message}",
                f"{error.advice}; it is tried again every day",
                campaign=run.campaign,
                run=run.run,
            )
    if ledger.scrub_owed:
        async with still.moment():
            ledger.scrub()


async def _purge(
    ledger: Ledger, settings: Settings, clock: Clock, teller: Teller, run: RunInfo, still: Stillness
) -> None:
    steps = PurgeInSteps(ledger, settings.workspace, run, now=clock.now())
    going = iter(steps)
    async with still.for_rows(run.rows):  # the first one looks at all messages of the run, for what others share
        next(going, None)
    for _ in going:
        await clock.sleep(_BREATH_SECONDS)
    teller.event("run_purged", run=run.run, rows=steps.purged.rows, files=steps.purged.files)
    teller.settle(f"purge/{run.run}")
