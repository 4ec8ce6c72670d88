"""Making up for what people were to be told, and were not: a daemon that died, a ledger that could not be written."""

from __future__ import annotations

import asyncio

from mmsflow.daemon.crew import Crew
from mmsflow.daemon.reporting import Reporting
from mmsflow.daemon.run_news import RunNews
from mmsflow.daemon.telling import Teller
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.workflow.standing import goes_on

_MOST_NOTICES = 1000


class CatchingUp:
    """Looks for runs whose end, or pause, nobody was told of.

    Only runs that a daemon has carried are looked at: ``Ledger.owe_news`` remembers those, whatever happens to it. One
    that a terminal carried out has told its end there.

    Args:
        ledger: open for writing.
        account: whose runs are looked at.
        crew: knows which runs are carried out now; those tell by themselves.
        reporting, news, teller: bring up to date what is behind.
    """

    def __init__(
        self, ledger: Ledger, account: str, *, crew: Crew, reporting: Reporting, news: RunNews, teller: Teller
    ) -> None:
        self._ledger, self._account, self._crew = ledger, account, crew
        self._reporting, self._news, self._teller = reporting, news, teller

    async def look(self) -> None:
        """Write the last report of those runs, and tell of them.

        Raises:
            LedgerError: the ledger cannot be read; nothing is lost.
        """
        for name in self._ledger.owed_news(self._account):
            run = self._at_rest(name)
            if run is None:
                continue
            if run.purged_at is None:
                await asyncio.shield(self._reporting.begin(run))
            # It may have been taken up while its report was written.
            if (run := self._at_rest(name)) is not None:
                self._tell(run)

    def _at_rest(self, name: str) -> RunInfo | None:
        carried = any(run.run == name for run in self._crew.runs())
        return None if carried else self._ledger.find_run(name)

    def _tell(self, run: RunInfo) -> None:
        name = f"unfinished/{run.run}"
        told = self._ledger.notices(self._account, _MOST_NOTICES, open_only=True, prefix=name)
        if goes_on(self._ledger, run) and any(each.said.name == name for each in told):
            self._teller.told(run)  # that it rests, and why, is known
        else:
            self._news.at_rest(run, None, by_itself=False)
