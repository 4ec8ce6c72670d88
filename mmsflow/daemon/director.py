"""The daemon: one loop that follows files, keeps times, carries runs out side by side, and ends gently."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from mmsflow.clock import Clock
from mmsflow.daemon.alarm import Alarm
from mmsflow.daemon.answering import Answering
from mmsflow.daemon.beginning import Beginner
from mmsflow.daemon.catalogue import Catalogue
from mmsflow.daemon.catching_up import CatchingUp
from mmsflow.daemon.crew import Crew
from mmsflow.daemon.front import Front
from mmsflow.daemon.going_on import unfinished_runs, unfinished_tests
from mmsflow.daemon.hearing import Hearing
from mmsflow.daemon.keeper import Keeper
from mmsflow.daemon.planning import Planner
from mmsflow.daemon.reporting import Reporting
from mmsflow.daemon.retention import keep_purging
from mmsflow.daemon.run_news import RunNews
from mmsflow.daemon.secret_watch import SecretWatch
from mmsflow.daemon.stillness import Stillness
from mmsflow.daemon.stop_watch import StopWatch
from mmsflow.daemon.telling import Changes, OnEvent, Teller, ignore
from mmsflow.daemon.trying import Tester
from mmsflow.daemon.watch import Watch
from mmsflow.delivery.resting import rest
from mmsflow.engine.control import heed_requests
from mmsflow.engine.embedded import Engine
from mmsflow.errors import GatewayRefused, LedgerError, MmsflowError
from mmsflow.gateway.client import GatewayClient
from mmsflow.ledger.operation import NoticeKind
from mmsflow.ledger.requests import Answer, Request
from mmsflow.ledger.store import Ledger
from mmsflow.settings import Settings
from mmsflow.wiring import make_engine, reading_ledger
from mmsflow.workflow.intake import Intake
from mmsflow.workflow.run import vanished

_MOST_NOTICES = 1000
_SETTLING = 5.0  # seconds beyond the longest request, for writing down what came in


@dataclass(frozen=True, slots=True)
class Periods:
    """How often the daemon looks by itself, in seconds.

    Attributes:
        turn: at its campaigns, should no alarm have rung (a machine that slept, a clock that was set).
        requests: at what other terminals ask.
        quota: at the gateway's counter.
        again: how long a helper of the loop rests after an unforeseen error.
        secrets: at the files that hold secrets.
        news: at what people should have been told of by now.
    """

    turn: float = 30.0
    requests: float = 0.5
    quota: float = 900.0
    again: float = 5.0
    secrets: float = 5.0
    news: float = 300.0


def _engine(engine: Engine) -> Engine:
    # Signals and requests are the daemon's own affair, not that of one of its runs.
    return replace(engine, heeds_signals=False, heeds_requests=False)


class Director(Front):
    """Runs the workspace's campaigns by itself; everything in one event loop.

    Args:
        settings: of the workspace.
        ledger: open for writing, as long as ``run`` goes on.
        gateway, clock: adapters.
        alarm: wakes at scheduled times.
        watch: tells of changed files; None where somebody else calls ``files_changed``.
        on_event: told of what happens.
        on_hold: told True before the loop is held up for seconds by work of its own, and False afterwards.
        periods: how often it looks by itself.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        gateway: GatewayClient,
        clock: Clock,
        alarm: Alarm,
        *,
        watch: Watch | None = None,
        on_event: OnEvent = ignore,
        on_hold: Callable[[bool], None] = lambda _: None,
        periods: Periods | None = None,
    ) -> None:
        self.settings, self.clock, self.started_at = settings, clock, clock.now()
        self.beat, self._turned_at, self._ledger_works = 0.0, clock.now(), True
        self._ledger, self._alarm, self._watch = ledger, alarm, watch
        self._periods = periods or Periods()
        self._turn, self._files, self._quota = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._news = asyncio.Event()
        known = settings.known_accounts
        self._answers = (known.answers, known.rotated)
        self._changes = Changes(clock)
        self._teller = Teller(ledger, settings, self._changes, on_event)
        self._engine = engine = _engine(make_engine(settings, ledger, gateway, clock, self._guaranteed))
        self._reporting = Reporting(settings, clock, self._teller)
        news = RunNews(ledger, self._teller)
        self._crew = Crew(engine, settings, self._teller, news, self._reporting, self._rested)
        self._catching_up = CatchingUp(
            ledger, settings.account, crew=self._crew, reporting=self._reporting, news=news, teller=self._teller
        )
        self._planner = Planner(settings, ledger, gateway, clock, self._intake, self._guaranteed)
        self._still = Stillness(engine.account, on_hold)
        self._beginner = Beginner(settings, ledger, clock, self._planner, self._teller, self._still)
        self._catalogue = Catalogue(settings.workspace, self._intake, clock)
        self._keeper = self._make_keeper()
        self._tester = Tester(settings, ledger, clock, self._planner, self._crew, self._teller)
        self._hearing = Hearing(ledger, clock, self._teller, self._periods.requests)
        self._stop_watch = StopWatch(ledger.stop_file, clock, self._teller, self.files_changed)
        self._secret_watch = SecretWatch(settings.secret_files, clock, self._teller, self._secret_rotated)
        self._answering = Answering(
            engine,
            settings,
            crew=self._crew,
            reporting=self._reporting,
            teller=self._teller,
            turn=self._turn.set,
        )

    def _make_keeper(self) -> Keeper:
        return Keeper(
            self.settings,
            self._ledger,
            self.clock,
            catalogue=self._catalogue,
            beginner=self._beginner,
            crew=self._crew,
            teller=self._teller,
            turn=self._turn.set,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until ``stop`` is set, then settle what is on the wire and end; state is safe whenever it ends.

        Cancelled, or after ``cut_off``, it does not wait: what is on the wire becomes "maybe sent".

        Raises:
            LedgerVanished: the ledger's file was removed or replaced; what was written to it is saved.
        """
        self._teller.event("daemon_started", account=self.settings.account, workspace=str(self.settings.workspace))
        helpers = [asyncio.create_task(self._until(stop))]
        try:
            await self._looked_at_files()
            self._go_on()
            helpers += [asyncio.create_task(each) for each in self._helpers()]
            await self._turns(stop)
        except BaseException:
            self.cut_off()
            raise
        finally:
            self._crew.hold()  # before anything that takes time, and before anybody is told that we are stopping
            self._teller.event("daemon_stopping", runs=[run.run for run in self._crew.runs()])
            await self._close(helpers)
        if (gone := vanished(self._ledger, self.settings.workspace)) is not None:
            raise gone

    def cut_off(self) -> None:
        """End at once what ``run`` still waits for."""
        self._crew.cut_off()

    def files_changed(self) -> None:
        """Files of the workspace have changed: look at them again."""
        self._files.set()

    async def _turns(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and self._ledger.vanished is None:
            self.beat, self._turned_at = self.clock.monotonic(), self.clock.now()
            try:
                self._teller.catch_up()
                self._heed_answers()
                self._alarm.set(self._keeper.look(), self._turn.set)
                self._ledger_works = True
            except Exception as error:
                self._failed("looking at what is due", error)
            self._hearing.look()
            self._changes.note()
            await rest(self.clock, self._turn, self._periods.turn)

    def _go_on(self) -> None:
        """Take up what an earlier process left; of a test nothing more is sent, and its reports are followed."""
        for run in unfinished_tests(self._ledger, self.settings.account):
            self._ledger.cancel_run(run.key)
            self._crew.carry(run)
        self._go_on_with_runs()

    def _go_on_with_runs(self, *, rotated: bool = False) -> None:
        carried = {run.run for run in self._crew.runs()}
        for run, blocker in unfinished_runs(self._ledger, self.settings, self.clock.now(), rotated=rotated):
            if run.run in carried:
                continue
            if blocker is None:
                self._crew.carry(run)
                continue
            self._teller.event("run_left_alone", run=run.run, campaign=run.campaign, reason=blocker.message)
            self._teller.people(
                f"unfinished/{run.run}",
                NoticeKind.NEEDS_PERSON,
                f"{run.run} is not finished, and is not gone on with by itself: {blocker.message}",
                blocker.fix or f"`mmsflow resume {run.run}` goes on with it, `mmsflow cancel {run.run}` ends it",
                campaign=run.campaign,
                run=run.run,
                cause=blocker.cause,
            )

    def _heed_answers(self) -> None:
        """What people have said about accounts since the last look holds at once, without a restart."""
        known = self.settings.known_accounts
        if (said := (known.answers, known.rotated)) == self._answers:
            return
        self._answers = said
        # They asked what has been answered; where something still blocks, it is said once more.
        told = self._ledger.notices(self.settings.account, _MOST_NOTICES, open_only=True, prefix="ledger/")
        told += self._ledger.notices(self.settings.account, _MOST_NOTICES, open_only=True, prefix="unfinished/")
        self._teller.settle(*(each.said.name for each in told))
        self._go_on_with_runs()
        self.files_changed()

    def _secret_rotated(self, name: str) -> None:
        """What the gateway refused with the old secret is tried again, without a person."""
        if name == "client_secret":
            self._go_on_with_runs(rotated=True)
            self._quota.set()
            self.files_changed()

    def _helpers(self) -> list[Coroutine[Any, Any, None]]:
        heed = lambda: heed_requests(  # noqa: E731
            self._ledger,
            self.clock,
            self._engine.live,
            reply=self._reply,
            trouble=self._hearing.trouble,
            every=self._periods.requests,
        )
        helpers = [
            self._kept("heeding other terminals", heed),
            self._kept("following a stop of all sending", lambda: self._stop_watch.follow(self._periods.requests)),
            self._kept("reading campaign files", self._read_files),
            self._kept("asking for the quota", self._ask_quota),
            self._kept("telling of what has happened", self._catch_up),
        ]
        if self.settings.secret_files:
            secrets = lambda: self._secret_watch.follow(self._periods.secrets)  # noqa: E731
            helpers.append(self._kept("following secrets' files", secrets))
        if (watch := self._watch) is not None:
            helpers.append(self._kept("watching files", lambda: watch.follow(self.files_changed)))
        if self.settings.retain is not None:
            purging = partial(keep_purging, self._ledger, self.settings, self.clock, self._teller, self._still)
            helpers.append(self._kept("removing old personal data", purging))
        return helpers

    async def _kept(self, doing: str, work: Callable[[], Awaitable[None]]) -> None:
        """Keep a helper going, whatever it meets."""
        while True:
            try:
                await work()
            except Exception as error:
                self._failed(doing, error)
            await self.clock.sleep(self._periods.again)

    async def _read_files(self) -> None:
        while True:
            await self._files.wait()
            if not await self._looked_at_files():
                await self.clock.sleep(self._periods.again)

    async def _looked_at_files(self) -> bool:
        """Whether every campaign is watched as its file has it; where one is not, another look is asked for."""
        self._files.clear()
        done = False
        try:
            done = await self._keeper.read_files()
        finally:
            if not done:
                self._files.set()
        return done

    async def _ask_quota(self) -> None:
        while True:
            try:
                await self._planner.ask_quota()
                self._teller.taken()
                self._changes.note()
            except LedgerError:
                raise
            except GatewayRefused as error:
                self._teller.refused(error)
                self._teller.error("asking for the quota", error)
            except MmsflowError as error:
                self._teller.error("asking for the quota", error)
            await rest(self.clock, self._quota, self._periods.quota)

    async def _catch_up(self) -> None:
        while True:
            await self._catching_up.look()
            await rest(self.clock, self._news, self._periods.news)

    async def _until(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._turn.set()

    async def _close(self, helpers: list[asyncio.Task[None]]) -> None:
        self._alarm.close()
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        await self._keeper.close()
        await self._crew.stop(self.settings.total_deadline.total_seconds() + _SETTLING)
        await self._reporting.close()
        self._teller.catch_up()

    def _reply(self, request: Request) -> Answer | Awaitable[Answer]:
        return self._answering.answer(request) if request.trial is None else self.send_test(request.trial)

    def _rested(self) -> None:
        self._quota.set()
        self._news.set()
        self._turn.set()

    def _failed(self, doing: str, error: Exception) -> None:
        self._ledger_works = self._ledger_works and not isinstance(error, LedgerError)
        self._teller.error(doing, error)

    def _guaranteed(self) -> dict[str, int]:
        """By campaign, as the versions in force have it."""
        versions = [entry.version for entry in self._catalogue.entries.values() if entry.version]
        return {each.name: each.campaign.quota.guaranteed for each in versions if each.campaign.quota.guaranteed}

    def _intake(self, at: datetime | None = None) -> Intake:
        """What a campaign is given beside its file.

        Args:
            at: when it would be sent, where that is later than now: caps are judged as of then.
        """
        return Intake(
            suppression=self.settings.suppression,
            at_most=self.settings.at_most,
            account=self.settings.account,
            ledger=lambda: reading_ledger(self.settings),
            now=max(at, self.clock.now()) if at else self.clock.now(),
            retain=self.settings.retain,
        )
