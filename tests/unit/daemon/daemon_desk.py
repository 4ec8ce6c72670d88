"""A workspace with the real director over the simulator in this process, on a clock that a test owns."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sending_desk import PROMPT, Inline, PlantedGateway

from mmsflow.clock import ManualClock
from mmsflow.daemon.alarm import ClockAlarm
from mmsflow.daemon.board import Board
from mmsflow.daemon.director import Director, Periods
from mmsflow.daemon.model import CampaignCard
from mmsflow.gateway.model import GatewayConfig
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import Skipped
from mmsflow.ledger.requests import Action, Answer, Request
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.secret import Secret
from mmsflow.settings import Settings
from mmsflow.simulator.app import close_app, create_app
from mmsflow.simulator.config import SimulatorConfig

START = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)  # a Tuesday, 08:00 in Warsaw
ACCOUNT = "simulator"
NUMBERS = ("+48501000101", "+48601000102", "+48731000103")
_TURNS = 100  # of the event loop, many times what one exchange with the simulator takes


def campaign(name: str = "news", schedule: str = "every: '0 9 * * mon-fri'", more: str = "", **changes: str) -> str:
    """A campaign file; ``schedule`` is the inside of that block, ``more`` further lines."""
    subject = changes.get("subject", "Hello {{ name }}")
    return f"""\
version: 1
campaign: {name}
purpose: transactional
sender: ACME
recipients:
  - csv: lists/a.csv
message:
  subject: "{subject} {name}"
  attachments:
    - text: templates/hello.txt.j2
schedule: {{{schedule}}}
poll: {{until: 60s}}
report: {{formats: [csv]}}
{more}"""


@dataclass
class Desk:
    """The workspace, and the daemon while one is up."""

    workspace: Path
    clock: ManualClock
    app: Any
    settings: Settings
    periods: Periods
    simulated: SimulatorConfig
    generation: int = 0
    events: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    heard: Callable[[str, Mapping[str, object]], None] = lambda *_: None
    held: Callable[[bool], None] = lambda _: None
    ledger: Ledger = field(init=False)
    gateway: PlantedGateway = field(init=False)
    director: Director = field(init=False)
    stop: asyncio.Event = field(init=False)
    task: asyncio.Task[None] | None = None

    def write(self, name: str, text: str) -> None:
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    async def change(self, name: str, text: str | None) -> None:
        """Write or remove a file, and let the daemon notice it."""
        if text is None:
            (self.workspace / name).unlink()
        else:
            self.write(name, text)
        self.director.files_changed()
        await self.settle()

    async def start(self) -> None:
        """Begin a daemon on the ledger as it is."""
        self.ledger = Ledger.open(self.settings.ledger_url, clock=self.clock)
        secret = self.settings.client_secret or Secret("simulator")
        config = GatewayConfig(base_url="http://gateway.test", client_id="simulator", client_secret=secret, in_flight=4)
        self.gateway = PlantedGateway(config, self.clock, self.app)
        await self.gateway.__aenter__()
        self.director = Director(
            self.settings,
            self.ledger,
            self.gateway,
            self.clock,
            ClockAlarm(self.clock),
            on_event=self._heard,
            on_hold=lambda begins: self.held(begins),
            periods=self.periods,
        )
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(self.director.run(self.stop))
        await self.settle()

    def _heard(self, name: str, facts: Mapping[str, object]) -> None:
        self.events.append((name, facts))
        self.heard(name, facts)

    @property
    def board(self) -> Board:
        return self.director

    async def end(self) -> None:
        """Stop gently; the clock moves as far as it must."""
        if self.task is None:
            return
        self.stop.set()
        await self.settle()
        while not self.task.done():
            await self._step(None)
        await self._closed()

    def snapshot(self) -> None:
        """Keep what is durable now, which is all that a daemon finds that begins after a SIGKILL at this instant."""
        kept = self._kept
        shutil.copytree(self.workspace / ".mmsflow", kept, ignore=shutil.ignore_patterns("*.lock"))
        if (markers := self.workspace / "campaigns" / ".runs").exists():
            shutil.copytree(markers, kept / "runs")

    async def kill(self) -> None:
        """End the daemon without any grace, at this instant or at that of the snapshot."""
        assert self.task is not None
        if not self._kept.exists():
            self.snapshot()
        kept, markers = self._kept, self.workspace / "campaigns" / ".runs"
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self._closed()
        shutil.rmtree(self.workspace / ".mmsflow")
        shutil.rmtree(markers, ignore_errors=True)
        if (kept / "runs").exists():
            (kept / "runs").rename(markers)
        kept.rename(self.workspace / ".mmsflow")
        self.generation += 1

    @property
    def _kept(self) -> Path:
        return self.workspace / f".kept-{self.generation}"

    @property
    def dies(self) -> bool:
        """Whether a snapshot was made, whose instant is the daemon's last."""
        return self._kept.exists()

    async def _closed(self) -> None:
        task, self.task = self.task, None
        await self.gateway.__aexit__(None, None, None)
        self.ledger.close()
        if task is not None and not task.cancelled() and (error := task.exception()):
            raise error

    async def restart(self, after: timedelta = timedelta(0)) -> None:
        """Kill, let time pass with nobody there, and begin again."""
        await self.kill()
        await self.clock.advance(after.total_seconds())
        await self.start()

    async def until(self, moment: datetime) -> None:
        """Let time pass up to that moment, or to the daemon's end."""
        await self.settle()
        while self.clock.now() < moment and not self.dies and self.task is not None and not self.task.done():
            await self._step((moment - self.clock.now()).total_seconds())

    async def over(self, passed: timedelta) -> None:
        await self.until(self.clock.now() + passed)

    async def _step(self, most: float | None) -> None:
        wake = self.clock.next_wake
        assert wake is not None or most is not None, "it waits for something that never comes"
        await self.clock.advance(min(each for each in (wake, most) if each is not None))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def rotate(self, secret: str) -> None:
        """The gateway takes another client secret from now on, and none of the tokens that it gave out."""
        object.__setattr__(self.simulated, "client_secret", secret)
        self.app.state.record.revoke_tokens()

    def ask(self, action: Action, run: str) -> Answer:
        return self.director._answering.answer(Request(run, action, self.clock.now()))

    def reading(self) -> LedgerReader:
        return LedgerReader.open(self.settings.ledger_url)

    def runs(self, name: str = "news") -> list[RunInfo]:
        """Oldest first."""
        with self.reading() as ledger:
            return ledger.runs(account=ACCOUNT, campaign=name)[::-1]

    def skips(self, name: str = "news") -> list[Skipped]:
        """Oldest first."""
        with self.reading() as ledger:
            return ledger.skips(ACCOUNT, name, 10_000)[::-1]

    def notices(self, *, open_only: bool = True) -> list[str]:
        with self.reading() as ledger:
            return [each.said.name for each in ledger.notices(ACCOUNT, 10_000, open_only=open_only)][::-1]

    def card(self, file: str = "campaigns/news.yaml") -> CampaignCard:
        return next(card for card in self.board.cards() if card.file == file)

    def happened(self, name: str) -> list[Mapping[str, object]]:
        return [facts for event, facts in self.events if event == name]

    @property
    def received(self) -> Counter[tuple[str, str]]:
        """What handsets got, by number and subject: the simulator's own record."""
        return Counter((entry.number, entry.subject) for entry in self.app.state.record.entries(None, -1, 0))


@asynccontextmanager
async def desk(
    folder: Path,
    *,
    start: datetime = START,
    periods: Periods | None = None,
    simulator: dict[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Desk]:
    """A workspace without a campaign yet; whatever is up is ended afterwards."""
    asyncio.get_running_loop().set_default_executor(Inline())
    clock = ManualClock(start)
    simulated = SimulatorConfig(**PROMPT | (simulator or {}))
    app = create_app(simulated, clock=clock)
    it = Desk(
        folder,
        clock,
        app,
        Settings(workspace=folder, gateway="simulator", **settings),
        periods or Periods(turn=3600, requests=3600, quota=6 * 3600, news=3600),
        simulated,
    )
    it.write("lists/a.csv", "number,name\n" + "".join(f"{number},Ola\n" for number in NUMBERS))
    it.write("templates/hello.txt.j2", "Hello {{ name }}\n")
    try:
        yield it
        await it.end()
    finally:
        if it.task is not None:
            it.task.cancel()
            await asyncio.gather(it.task, return_exceptions=True)
            await it._closed()
        close_app(app)
