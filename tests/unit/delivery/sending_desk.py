"""A run in a real ledger, the real client over the simulator in this process, and a clock that a test owns."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from mmsflow.audience.consent import Refusals
from mmsflow.clock import ManualClock
from mmsflow.delivery.progress import Snapshot
from mmsflow.delivery.rules import RunRules
from mmsflow.engine.embedded import Ended, Engine, ask_once, carry_out
from mmsflow.errors import LedgerUnavailable
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import Evidence, GatewayConfig, OutgoingMessage, QuotaReply, StatusReply
from mmsflow.gateway.retry import RetryPolicy
from mmsflow.ledger.audit import Figures
from mmsflow.ledger.model import NewRun, ReportRow, RunInfo
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.message.model import PlannedMessage
from mmsflow.mms.status import MessageState
from mmsflow.plan.quota import QuotaRules, ResetRules
from mmsflow.settings import Secret
from mmsflow.simulator.app import close_app, create_app
from mmsflow.simulator.config import SimulatorConfig

START = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)  # 09:00 in Warsaw
WARSAW = ZoneInfo("Europe/Warsaw")
ACCOUNT = "simulator"
PROMPT: dict[str, Any] = {"delivery_delay": (1, 1), "mix": {"Retrieved": 1}}
_TURNS = 100  # of the event loop, many times what one exchange with the simulator takes

T = TypeVar("T")


class PlantedGateway(GatewayClient):
    """The real client, with a hand on what it is asked and what it learns."""

    before: Callable[[OutgoingMessage], None] = staticmethod(lambda _: None)
    evidence: Callable[[OutgoingMessage], Evidence | None] = staticmethod(lambda _: None)
    reply: Callable[[str], StatusReply | None] = staticmethod(lambda _: None)
    quota: Callable[[], Awaitable[QuotaReply]] | None = None
    hold: asyncio.Event | None = None

    def __init__(self, config: GatewayConfig, clock: ManualClock, app: Any) -> None:
        super().__init__(config, clock, app=app)
        self.sent: list[tuple[float, str]] = []
        self.asked: list[tuple[float, str]] = []
        self.limits: list[float] = []
        self.on_wire = self.most_on_wire = 0

    async def send(self, message: OutgoingMessage) -> Evidence:
        self.before(message)
        self.sent.append((self._clock.monotonic(), message.msisdn))
        self.on_wire += 1
        self.most_on_wire = max(self.most_on_wire, self.on_wire)
        try:
            if self.hold is not None:
                await self.hold.wait()
            return self.evidence(message) or await super().send(message)
        finally:
            self.on_wire -= 1

    async def status(self, gateway_id: str) -> StatusReply:
        self.asked.append((self._clock.monotonic(), gateway_id))
        return self.reply(gateway_id) or await super().status(gateway_id)

    async def limit(self, **options: Any) -> Any:
        self.limits.append(self._clock.monotonic())
        if self.quota is not None:
            return await self.quota()
        return await super().limit(**options)


@dataclass
class Desk:
    """One run and everything it is carried out with."""

    clock: ManualClock
    ledger: Ledger
    gateway: PlantedGateway
    app: Any
    run: RunInfo
    seen: list[Snapshot] = field(default_factory=list)
    in_flight: int = 4
    read_refusals: Callable[[], Refusals] | None = None
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    resets: ResetRules = field(default_factory=lambda: ResetRules(time(0), WARSAW))

    @property
    def engine(self) -> Engine:
        return Engine(
            ledger=self.ledger,
            gateway=self.gateway,
            clock=self.clock,
            policy=self.policy,
            resets=self.resets,
            in_flight=self.in_flight,
            poll_per_second=50,
            not_found_grace=timedelta(minutes=10),
        )

    async def carry_out(self, *, no_wait: bool = False, observer: Callable[[Snapshot], None] | None = None) -> Ended:
        """Carry the run out; the clock moves whenever nothing else can."""
        return await drive(self.clock, self.carrying_out(no_wait=no_wait, observer=observer))

    def carrying_out(
        self, *, no_wait: bool = False, observer: Callable[[Snapshot], None] | None = None
    ) -> Coroutine[Any, Any, Ended]:
        """The same, for tests that move the clock themselves."""
        watch, read = observer or self.seen.append, self.read_refusals
        return carry_out(self.engine, self.run, no_wait=no_wait, observer=watch, read_refusals=read)

    async def ask_once(self) -> None:
        await drive(self.clock, ask_once(self.engine, self.run, observer=self.seen.append))

    @property
    def states(self) -> dict[str, int]:
        return {state.value: n for state, n in self.ledger.state_counts(self.run.key).items() if n}

    @property
    def now(self) -> RunInfo:
        """The run as the ledger has it now."""
        found = self.ledger.find_run(self.run.run)
        assert found is not None
        return found

    @property
    def violations(self) -> list[str]:
        """What the audit finds. These runs are frozen without planned waves, so it says nothing of waves."""
        found = self.ledger.audit(self.run.key, Figures())
        return [f"{each.rule}: {each.what}" for each in found if each.rule != "waves"]

    @property
    def times_sent(self) -> set[int]:
        """How often the numbers that were sent to at all were sent to."""
        return set(Counter(to for _, to in self.gateway.sent).values())

    @property
    def rows(self) -> list[ReportRow]:
        return list(self.ledger.report_rows(self.run.key))

    @property
    def received(self) -> Counter[str]:
        """What handsets got, by number: the simulator's own record."""
        return Counter(entry.number for entry in self.app.state.record.entries(None, -1, 0))

    def in_state(self, state: MessageState) -> int:
        return self.ledger.state_counts(self.run.key).get(state, 0)


def rules(**changes: Any) -> RunRules:
    defaults: dict[str, Any] = {
        "start": START,
        "not_after": None,
        "per_second": None,
        "quota": QuotaRules(),
        "attempts": 5,
        "poll_until": timedelta(hours=1),
        "timezone": "Europe/Warsaw",
        "formats": ("csv",),
    }
    return RunRules(**defaults | changes)


def number(ordinal: int) -> str:
    return f"+48501{ordinal:06d}"


def freeze(
    ledger: Ledger,
    messages: int,
    carried: RunRules,
    name: str = "sale-1",
    *,
    report: bool = True,
    campaign: str = "sale",
    sender: str = "ACME",
) -> RunInfo:
    """A run of so many plain messages."""
    new = NewRun(
        run=name,
        campaign=campaign,
        account=ACCOUNT,
        occurrence=name,
        test=False,
        campaign_file="campaigns/sale.yaml",
        campaign_sha256="c" * 64,
        plan_sha256="d" * 64,
        git_commit="",
        git_clean=False,
        sender=sender,
        priority="Normal",
        delivery_report=report,
        config=json.loads(json.dumps(carried.as_config())),
        created_at=START,
        rows=messages,
    )
    planned = ((PlannedMessage(n, "lists/a.csv", n + 1, number(n), f"Kod {n}", ()), 1) for n in range(1, messages + 1))
    return ledger.freeze_run(new, planned, [])


@asynccontextmanager
async def desk(
    folder: Path,
    messages: int = 3,
    *,
    carried: RunRules | None = None,
    simulator: dict[str, Any] | None = None,
    in_flight: int = 4,
    report: bool = True,
    clock: ManualClock | None = None,
) -> AsyncIterator[Desk]:
    """A desk with a frozen run; everything is closed afterwards."""
    clock = clock or ManualClock(START)
    app = create_app(SimulatorConfig(**PROMPT | (simulator or {})), clock=clock)
    config = GatewayConfig(
        base_url="http://gateway.test",
        client_id="simulator",
        client_secret=Secret("simulator"),
        in_flight=in_flight,
    )
    with Ledger.open(f"sqlite:///{folder / 'ledger.db'}", clock=clock) as ledger:
        run = freeze(ledger, messages, carried or rules(), report=report)
        async with PlantedGateway(config, clock, app) as gateway:
            try:
                yield Desk(clock, ledger, gateway, app, run, in_flight=in_flight)
                assert audited(folder, run) == []
            finally:
                close_app(app)


def audited(folder: Path, run: RunInfo) -> list[str]:
    """What the audit finds in the ledger as it was left, whatever a test has done to the run."""
    with LedgerReader.open(f"sqlite:///{folder / 'ledger.db'}") as reader:
        found = list(reader.audit(run.key, Figures()))
    # These runs are frozen without planned waves.
    return [f"{each.rule} at {each.where}: {each.what}" for each in found if each.rule != "waves"]


@asynccontextmanager
async def after_a_crash(it: Desk, folder: Path) -> AsyncIterator[Desk]:
    """The ledger as a process finds it that starts after this one was killed now; clock and gateway go on."""
    _copy_ledger(it.ledger.path.parent, folder)
    with Ledger.open(f"sqlite:///{folder / 'ledger.db'}", clock=it.clock) as ledger:
        yield replace(it, ledger=ledger, seen=[])


def _copy_ledger(source: Path, folder: Path) -> None:
    folder.mkdir()
    for file in source.glob("ledger.db*"):
        if file.is_file() and file.suffix != ".lock":
            shutil.copy(file, folder / file.name)


@dataclass
class Trouble:
    """Makes a ledger's transactions fail: all of them while ``lasts``, else those that ``of`` names by their number.

    Attributes:
        lasts: every transaction that writes fails.
        of: the nth of them, from 1, fails ``before`` or ``after`` it has become durable.
        count: of transactions so far.
    """

    ledger: Ledger
    lasts: bool = False
    of: dict[int, str] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        write = self.ledger._database.write

        @contextmanager
        def troubled() -> Iterator[Any]:
            self.count += 1
            how = "before" if self.lasts else self.of.get(self.count, "")
            if how == "before":
                raise LedgerUnavailable("the ledger has no room left")
            with write() as connection:
                yield connection
            if how == "after":
                raise LedgerUnavailable("the ledger cannot be read or written")

        self.ledger._database.write = troubled  # type: ignore[method-assign]


class Inline(ThreadPoolExecutor):
    """Does at once what is given to a thread, so that the manual clock need not wait for one."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **named))
        except Exception as error:
            future.set_exception(error)
        return future


async def drive(clock: ManualClock, work: Awaitable[T]) -> T:
    """Run ``work`` to its end, moving the clock to the next sleeper whenever nothing else can go on.

    A piece of work that would wait for ever fails, instead of hanging the test.
    """
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await advance(clock, task)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def advance(clock: ManualClock, task: asyncio.Future[Any]) -> None:
    """One step: let everything run until it waits, then wake the next sleeper."""
    await settle(task)
    if task.done():
        return
    wake = clock.next_wake
    assert wake is not None, "it waits for something that never comes"
    await clock.advance(wake)


async def until(it: Desk, task: asyncio.Future[Any], moment: float) -> None:
    """Let time pass up to that moment, or to the end of ``task``."""
    await settle(task)
    while not task.done() and (left := moment - it.clock.monotonic()) > 0:
        wake = it.clock.next_wake
        await it.clock.advance(left if wake is None else min(left, wake))
        await settle(task)


async def settle(task: asyncio.Future[Any]) -> None:
    for _ in range(_TURNS):
        if task.done():
            return
        await asyncio.sleep(0)
