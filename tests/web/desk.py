"""A board over a real ledger, real plans and runs that are really carried out against the simulator in this process.

It watches no files and keeps no times: what the daemon does by itself is left out, what people may do is all there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from mmsflow.campaign.load import load_campaign
from mmsflow.clock import Clock, SystemClock
from mmsflow.daemon.model import CampaignCard, CardState, PlanView
from mmsflow.daemon.trying import refusal
from mmsflow.delivery.progress import Snapshot
from mmsflow.engine.control import answer, stop_all_here
from mmsflow.engine.embedded import Engine
from mmsflow.errors import InvalidInput, MmsflowError, UsageError
from mmsflow.gateway.client import GatewayClient
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import Approval
from mmsflow.ledger.requests import Action, Answer, Request, Trial
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.settings import Settings
from mmsflow.showing.search import Names, SearchIndex
from mmsflow.web.server import serving
from mmsflow.wiring import make_engine, open_gateway, reading_ledger, reset_rules, writing_ledger
from mmsflow.workflow.aside import prepare_aside
from mmsflow.workflow.other_account import AccountQuestion, account_question, answer_question
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import Prepared, prepare
from mmsflow.workflow.preview import Wish, preview, write_page
from mmsflow.workflow.run import carry_on, freeze, report_run

T = TypeVar("T")
_PATIENCE = 60


class MovedClock(SystemClock):
    """The machine's clock, some time ahead of it, which can be made to stand still."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._stands_at: datetime | None = None

    def now(self) -> datetime:
        return (self._stands_at or datetime.now(UTC)) + self.ahead

    @contextmanager
    def standing(self) -> Iterator[None]:
        """However long what happens in the block takes, no time passes but what ``ahead`` adds."""
        self._stands_at = datetime.now(UTC)
        try:
            yield
        finally:
            self._stands_at = None


@dataclass
class Desk:
    """See ``mmsflow.daemon.board.Board``; ``cards_added`` stand beside those of the workspace's files."""

    settings: Settings
    clock: Clock
    ledger: Ledger
    gateway: GatewayClient
    engine: Engine
    started_at: datetime
    cards_added: list[CampaignCard] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    trial_answer: Answer = field(default_factory=lambda: Answer("offer-test-1 has begun", run="offer-test-1"))
    made_up_for: datetime | None = None
    is_healthy: bool = True
    beat: float = 0.0
    refusals: dict[str, int] = field(default_factory=dict)
    _version: int = 0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _snapshots: dict[str, Snapshot] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _plans: dict[str, tuple[Prepared, PlanView]] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        return self.is_healthy

    @property
    def version(self) -> int:
        return self._version

    def reading(self) -> AbstractContextManager[LedgerReader]:
        return reading_ledger(self.settings)

    def snapshot(self, run: str) -> Snapshot | None:
        return self._snapshots.get(run)

    def cards(self) -> tuple[CampaignCard, ...]:
        files = sorted((self.settings.workspace / "campaigns").glob("*.yaml"))
        return (*map(self._card, files), *self.cards_added)

    def moved(self) -> None:
        """Something has changed."""
        self._version += 1
        self._moved.set()
        self._moved = asyncio.Event()

    async def changed(self, since: int, seconds: float) -> int:
        if self._version <= since:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), seconds)
        return self._version

    async def ask(self, request: Request) -> Answer:
        self.asked.append(request)
        run = self.ledger.find_run(request.run)
        if run is not None and request.action is Action.RESUME and self.engine.live.get(request.run) is None:
            self.carry(run)
            return Answer(f"{run.run} goes on")
        said = answer(self.ledger, request, self.engine.live)
        self.moved()
        return said

    async def seen(self, notice: str) -> Answer:
        self.ledger.settle_notices(self.settings.account, [notice])
        self.moved()
        return Answer("the notice is put away")

    async def plan(self, file: str) -> PlanView:
        if file in self._plans:
            return self._approved(self._plans[file][1])
        path = self._path(file)
        prepared = await prepare_aside(path, self.settings.workspace)
        plan = plan_campaign(
            prepared,
            await self.gateway.limit(),
            self.ledger,
            account=self.settings.account,
            resets=reset_rules(self.settings),
            now=self.clock.now(),
        )
        campaign = prepared.loaded.campaign
        required = campaign.approval == "required"
        view = PlanView(file, campaign.schedule.timezone, plan, required, None, (), None, not required, "")
        self._plans[file] = (prepared, view)
        return self._approved(view)

    def _approved(self, view: PlanView) -> PlanView:
        last = self.ledger.last_approval(self.settings.account, view.plan.campaign)
        changes = ("the list lists/people.csv has changed",) if last and last.digest != view.plan.digest else ()
        asks = self._question(view.file)
        return replace(
            view,
            approval=last,
            changes=changes,
            by_hand_for=self.made_up_for,
            by_hand_until=self.made_up_for,
            asks=asks if asks.blockers() else None,
        )

    async def approve(self, file: str, digest: str, who: str) -> Answer:
        view = await self.plan(file)
        if view.plan.digest != digest:
            return Answer("the plan is another one by now", "look at it again", refused=True)
        self.ledger.approve(
            self.settings.account, view.plan.campaign, Approval(digest, self.clock.now(), who, {"messages": 1})
        )
        self.moved()
        return Answer(f"the plan of {view.plan.campaign} is approved")

    async def begin(self, file: str, digest: str, who: str) -> Answer:
        view = await self.plan(file)
        if view.plan.digest != digest:
            return Answer("the plan is another one by now", "look at it again", refused=True)
        prepared, _ = self._plans.pop(file)
        run = freeze(prepared, view.plan, self.ledger, workspace=self.settings.workspace, now=self.clock.now())
        prepared.draft.close()
        self.ledger.begun_by_hand(run.key, who)
        self.carry(run)
        return Answer(f"{run.run} has begun", run=run.run)

    async def answer_account(self, file: str, said: str, asked: str, who: str) -> Answer:
        try:
            answer_question(self._question(file), self.settings, said, asked=asked, who=who)
        except MmsflowError as error:
            return refusal(error)
        self.moved()
        return Answer(f"the answer is kept: {said}")

    def _question(self, file: str) -> AccountQuestion:
        return account_question(self.ledger, self.settings, Path(file).stem, self._path(file))

    async def send_test(self, trial: Trial) -> Answer:
        self.trials.append(trial)
        return self.trial_answer

    async def stop_all(self, who: str, why: str) -> Answer:
        said = await stop_all_here(self.ledger, self.clock, self.engine.live, who=who, why=why)
        self.moved()
        return said

    async def start_all(self, who: str) -> Answer:
        lifted = self.ledger.stop_file.lift()
        self.moved()
        return Answer("sending may go on" if lifted else "nothing was stopped")

    async def preview(self, file: str) -> str:
        return await asyncio.to_thread(self._preview, self._path(file))

    def _preview(self, path: Path) -> str:
        names = Names()
        prepared = prepare(path, self.settings.workspace, seen=names)
        index = SearchIndex(names.by_ordinal, show_numbers=False)
        seen = preview(prepared, Wish(), index)
        out = self.settings.workspace / ".mmsflow" / "preview.html"
        write_page(prepared, seen, index, out, now=self.clock.now())
        prepared.draft.close()
        return out.read_text("utf-8")

    def carry(self, run: RunInfo) -> None:
        """Carry a run out beside everything else, and write its report at the end."""

        def observe(snapshot: Snapshot) -> None:
            self._snapshots[run.run] = snapshot
            self.moved()

        async def carrying() -> None:
            workspace = self.settings.workspace
            try:
                await carry_on(self.engine, run, workspace=workspace, no_wait=False, observer=observe)
                report_run(self.ledger, run, workspace, now=self.clock.now())
            finally:
                self._snapshots.pop(run.run, None)
                self.moved()

        self._tasks[run.run] = asyncio.ensure_future(carrying())

    async def close(self) -> None:
        """Stop what is carried out."""
        for live in self.engine.live:
            live.stop()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for prepared, _ in self._plans.values():
            prepared.draft.close()

    def _path(self, file: str) -> Path:
        path = self.settings.workspace / file
        if path not in (self.settings.workspace / "campaigns").glob("*.yaml"):
            raise UsageError(f"the daemon knows no file {file}", "the overview lists them")
        return path

    def _card(self, path: Path) -> CampaignCard:
        file = str(path.relative_to(self.settings.workspace))
        try:
            campaign = load_campaign(path, self.settings.workspace).campaign
        except InvalidInput as error:
            return a_card(file, state=CardState.FAULTY, errors=error.findings)
        runs = tuple(live.run.run for live in self.engine.live if live.run.campaign == campaign.campaign)
        last = self.ledger_reader_approval(campaign.campaign)
        waits = campaign.approval == "required" and last is None
        state = CardState.RUNNING if runs else CardState.AWAITS_APPROVAL if waits else CardState.BY_HAND
        return a_card(
            file,
            campaign=campaign.campaign,
            description=campaign.description,
            state=state,
            approval_required=campaign.approval == "required",
            next_due=self.started_at if waits else None,
            runs=runs,
        )

    def ledger_reader_approval(self, campaign: str) -> Approval | None:
        """As a worker thread may ask it, on a connection of its own."""
        with self.reading() as ledger:
            return ledger.last_approval(self.settings.account, campaign)


def a_card(file: str, **more: Any) -> CampaignCard:
    """A card with what is named, and nothing else."""
    plain: dict[str, Any] = {
        "campaign": "",
        "description": "",
        "state": CardState.BY_HAND,
        "errors": (),
        "version_at": None,
        "sha256": "",
        "recurring": False,
        "approval_required": False,
        "zone": "Europe/Warsaw",
        "next_due": None,
        "due": None,
        "digest": "",
        "reason": "",
        "runs": (),
    }
    return CampaignCard(file, **{**plain, **more})


@asynccontextmanager
async def a_desk(settings: Settings, clock: Clock, prepare_ledger: Callable[[Ledger], None]) -> AsyncIterator[Desk]:
    """A desk with its ledger held and its gateway open."""
    with writing_ledger(settings, SystemClock(), "daemon") as ledger:
        prepare_ledger(ledger)
        async with open_gateway(settings, SystemClock()) as gateway:
            engine = replace(
                make_engine(settings, ledger, gateway, SystemClock()), heeds_signals=False, heeds_requests=False
            )
            desk = Desk(settings, clock, ledger, gateway, engine, clock.now())
            try:
                yield desk
            finally:
                await desk.close()


@dataclass
class Served:
    """A desk and its page, in a thread of their own."""

    desk: Desk
    url: str
    clock: MovedClock
    loop: asyncio.AbstractEventLoop

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry it out in the desk's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_PATIENCE)


@contextmanager
def served(settings: Settings, prepare_ledger: Callable[[Ledger], None] = lambda _: None) -> Iterator[Served]:
    """Serve a desk's page over a real port, as long as the block goes on."""
    up, down, found, trouble = threading.Event(), asyncio.Event(), [], []

    async def serve() -> None:
        clock = MovedClock()
        async with AsyncExitStack() as stack:
            desk = await stack.enter_async_context(a_desk(settings, clock, prepare_ledger))
            url = await stack.enter_async_context(serving(desk, port=0))
            found.append(Served(desk, url, clock, asyncio.get_running_loop()))
            up.set()
            await down.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            trouble.append(error)
            up.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert up.wait(60)
    if trouble:
        raise trouble[0]
    try:
        yield found[0]
    finally:
        found[0].loop.call_soon_threadsafe(down.set)
        thread.join(_PATIENCE)
        assert not thread.is_alive()
        assert not trouble, trouble
