"""Bringing notices up to date: what people were to be told and were not, and what they need not be told any more."""

from __future__ import annotations

import asyncio
from datetime import datetime

from mmsflow.daemon.crew import Crew
from mmsflow.daemon.reporting import Reporting
from mmsflow.daemon.run_news import RunNews
from mmsflow.daemon.telling import Teller
from mmsflow.errors import LedgerError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import NewNotice, NoticeKind
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import uncertain_of
from mmsflow.workflow.standing import goes_on

_MOST_NOTICES = 1000
_ASKING = (NoticeKind.NEEDS_PERSON, NoticeKind.PAUSED)


class CatchingUp:
    """Looks for runs whose end, or pause, nobody was told of, and for open notices that ask for nothing any more.

    Only of runs that a daemon has carried is anything told: ``Ledger.owe_news`` remembers those, whatever happens to
    it. One that a terminal carried out has told its end there.

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
        """Write the last report of those runs and tell of them; settle the notices whose matter is over.

        Raises:
            LedgerError: the ledger cannot be read; nothing is lost.
        """
        for name in self._ledger.owed_news(self._account):
            try:
                await self._look_at(name)
            except LedgerError:
                raise
            except Exception as error:  # one run must not keep the others from being told of
                self._teller.error(f"telling of {name}", error)
        told = self._ledger.notices(self._account, _MOST_NOTICES, open_only=True, kinds=_ASKING)
        if over := [each.said.name for each in told if self._is_over(each.said)]:
            self._teller.settle(*over)

    async def _look_at(self, name: str) -> None:
        run = self._at_rest(name)
        if run is not None and run.purged_at is None:
            await asyncio.shield(self._reporting.begin(run))
            run = self._at_rest(name)  # it may have been taken up meanwhile
        if run is not None:
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

    def _is_over(self, said: NewNotice) -> bool:
        """Whether what a notice asks for was done, by whomever: another terminal settles none."""
        about = said.name.partition("/")[0]
        if about == "skipped":
            return self._has_later_run(said.campaign, str(said.detail.get("due", "")))
        if about not in {"paused", "unfinished", "maybe-sent"}:
            return False
        run = self._ledger.find_run(said.run)
        if run is None:
            return True
        if about == "maybe-sent":
            return not uncertain_of(self._ledger.state_counts(run.key))
        return not goes_on(self._ledger, run)

    def _has_later_run(self, campaign: str, due: str) -> bool:
        """Whether the campaign has a run for that time or a later one."""
        runs = self._ledger.runs(account=self._account, campaign=campaign, tests=False, limit=1)
        return bool(due and runs) and (runs[0].due_at or runs[0].created_at) >= datetime.fromisoformat(due)
