"""Reports of runs, written in a thread with a connection of its own, so that the loop sends on meanwhile."""

from __future__ import annotations

import asyncio

from mmsflow.clock import Clock
from mmsflow.daemon.telling import Teller
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import Settings
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
        self._reader: LedgerReader | None = None
        self._begun: set[asyncio.Task[None]] = set()

    def begin(self, run: RunInfo) -> asyncio.Task[None]:
        """Write a run's report soon; ``close`` waits for it."""
        task = asyncio.ensure_future(self.write(run))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return task

    async def write(self, run: RunInfo) -> None:
        """Write a run's report as the ledger is now; what fails is said in the log, and the next one replaces it."""
        try:
            async with self._one:
                await asyncio.to_thread(self._write, run)
        except Exception as error:  # also of a template of the workspace's own; it must not look like an end of the run
            self._teller.error(f"writing the report of {run.run}", error)

    async def close(self) -> None:
        """Wait for those that were begun; nothing is written afterwards."""
        await asyncio.gather(*self._begun, return_exceptions=True)
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _write(self, run: RunInfo) -> None:
        if self._reader is None:
            self._reader = LedgerReader.open(self._settings.ledger_url)
        report_run(self._reader, run, self._settings.workspace, now=self._clock.now())
