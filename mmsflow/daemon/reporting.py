"""Reports of runs, written in a thread with a connection of its own, so that the loop sends on meanwhile."""

from __future__ import annotations

import asyncio

from mmsflow.clock import Clock
from mmsflow.daemon.telling import Teller
from mmsflow.errors import MmsflowError
from mmsflow.ledger.model import RunInfo
from mmsflow.settings import Settings
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.run import report_run


class Reporting:
    """Writes reports, one at a time.

    Args:
        settings: where the workspace and the ledger are.
        teller: told of what could not be written.
    """

    def __init__(self, settings: Settings, clock: Clock, teller: Teller) -> None:
        self._settings, self._clock, self._teller = settings, clock, teller
        self._one = asyncio.Lock()
        self._begun: set[asyncio.Task[None]] = set()

    def begin(self, run: RunInfo) -> None:
        """Write a run's report soon."""
        task = asyncio.ensure_future(self.write(run))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def write(self, run: RunInfo) -> None:
        """Write a run's report as the ledger is now; what fails is said in the log, and the next one replaces it."""
        try:
            async with self._one:
                await asyncio.to_thread(self._write, run)
        except (MmsflowError, OSError) as error:
            self._teller.event("error", doing=f"writing the report of {run.run}", message=str(error))
        except Exception as error:  # a template of the workspace's own; it must not look like an end of the run
            what = f"writing the report of {run.run}"
            self._teller.event("error", doing=what, message=type(error).__name__, exception=error)

    async def close(self) -> None:
        """Wait for those that were begun."""
        await asyncio.gather(*self._begun, return_exceptions=True)

    def _write(self, run: RunInfo) -> None:
        with reading_ledger(self._settings) as ledger:
            report_run(ledger, run, self._settings.workspace, now=self._clock.now())
