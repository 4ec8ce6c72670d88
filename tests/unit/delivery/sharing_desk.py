"""Several runs on one engine: a real ledger, a gateway with a counter of its own, and a clock that a test owns."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from sending_desk import START, WARSAW, drive, freeze, rules

from mmsflow.clock import ManualClock
from mmsflow.engine.embedded import Ended, Engine, carry_out
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import Evidence, OutgoingMessage, QuotaReply, StatusReply, Wire
from mmsflow.gateway.retry import RetryPolicy
from mmsflow.ledger.audit import Figures
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import DeliveryStatus, MessageState
from mmsflow.plan.quota import ResetRules

TOMORROW = date(2026, 12, 2)
LIMIT_REACHED = Evidence(Wire.ANSWERED, http_status=403, code=53, text="Too many requests")


class CountingGateway(GatewayClient):
    """Takes every message after ``latency`` seconds until its counter is used up; knows a run by its sender.

    Attributes:
        sent: the moment and the run of each request, in order.
        begun: hears of each request when it begins.
        had: by number, the runs whose message it has, or may have because its request is on the wire.
        refusals: requests beyond the counter.
        readings: moments at which the counter was asked for.
        questions: the moment and the run of each question for a delivery status, in order.
    """

    def __init__(self, clock: ManualClock, quota: int, latency: float) -> None:
        self._clock = clock
        self.quota, self.used, self.latency = quota, 0, latency
        self.sent: list[tuple[float, str]] = []
        self.readings: list[float] = []
        self.questions: list[tuple[float, str]] = []
        self.status_latency = 0.0
        self.refusals = self.on_wire = self.most_on_wire = 0
        self.reset_on: date | None = TOMORROW
        self.evidence: Callable[[OutgoingMessage], Evidence | None] = lambda _: None
        self.begun: Callable[[OutgoingMessage], None] = lambda _: None
        self.had: dict[str, list[str]] = {}

    async def send(self, message: OutgoingMessage) -> Evidence:
        self.begun(message)
        self.had.setdefault(message.msisdn, []).append(message.sender)
        found = await self._send(message)
        if found.gateway_id == "":
            self.had[message.msisdn].remove(message.sender)
        return found

    async def _send(self, message: OutgoingMessage) -> Evidence:
        self.sent.append((self._clock.monotonic(), message.sender))
        self.on_wire += 1
        self.most_on_wire = max(self.most_on_wire, self.on_wire)
        await self._clock.sleep(self.latency)
        self.on_wire -= 1
        if (planted := self.evidence(message)) is not None:
            return planted
        if self.used >= self.quota:
            self.refusals += 1
            return LIMIT_REACHED
        self.used += 1
        return Evidence(
            Wire.ANSWERED, http_status=200, gateway_id=f"{message.sender}/{len(self.sent)}/{message.msisdn}"
        )

    async def limit(self, **_: Any) -> QuotaReply:
        self.readings.append(self._clock.monotonic())
        await self._clock.sleep(0.05)
        return QuotaReply(self.used, self.quota - self.used, self.reset_on, str(self.reset_on))

    async def status(self, gateway_id: str) -> StatusReply:
        self.questions.append((self._clock.monotonic(), gateway_id.partition("/")[0]))
        await self._clock.sleep(self.status_latency)
        return StatusReply(DeliveryStatus("Retrieved", MessageState.DELIVERED, "delivered"), http_status=200)

    def reset(self, quota: int) -> None:
        """A new period begins."""
        self.quota, self.used = quota, 0


@dataclass
class Street:
    """Several runs and what they share."""

    clock: ManualClock
    ledger: Ledger
    gateway: CountingGateway
    engine: Engine
    runs: list[RunInfo] = field(default_factory=list)

    def run(self, name: str, messages: int, *, campaign: str = "", report: bool = False, **changes: Any) -> RunInfo:
        """Freeze a run; its campaign has its name unless said otherwise."""
        made = freeze(
            self.ledger, messages, rules(**changes), name, report=report, campaign=campaign or name, sender=name
        )
        self.runs.append(made)
        return made

    async def carry_out(self, run: RunInfo, after: float = 0.0, *, no_wait: bool = False) -> Ended:
        await self.clock.sleep(after)
        return await carry_out(self.engine, run, no_wait=no_wait, observer=lambda _: None)

    async def all(self, until: float | None = None) -> None:
        """Carry all out at once, to their ends or up to a moment."""
        work = asyncio.gather(*(self.carry_out(run) for run in self.runs))
        await (drive(self.clock, work) if until is None else self.up_to(until, work))

    async def up_to(self, moment: float, work: asyncio.Future[Any]) -> None:
        """Let time pass, then cut off what is left of ``work``."""
        await self.passing(moment, work)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    async def passing(self, moment: float, work: asyncio.Future[Any]) -> None:
        """Let time pass up to a moment."""
        while (left := moment - self.clock.monotonic()) > 0 and not work.done():
            await self.clock.advance(min(left, 0.5))

    def sent(self, upto: float = float("inf")) -> Counter[str]:
        """Requests of each run, by its name."""
        return Counter(name for moment, name in self.gateway.sent if moment <= upto)

    def asked(self, upto: float = float("inf")) -> Counter[str]:
        """Questions of each run, by its name."""
        return Counter(name for moment, name in self.gateway.questions if moment <= upto)

    def now(self, run: RunInfo) -> RunInfo:
        found = self.ledger.find_run(run.run)
        assert found is not None
        return found

    def accepted(self, run: RunInfo) -> int:
        return self.ledger.state_counts(run.key)[MessageState.ACCEPTED]

    @property
    def violations(self) -> list[str]:
        found = [each for run in self.runs for each in self.ledger.audit(run.key, Figures())]
        return [f"{each.rule}: {each.what}" for each in found if each.rule != "waves"]


@contextmanager
def street(
    folder: Path, *, quota: int = 100_000, latency: float = 0.5, in_flight: int = 4, **limits: Any
) -> Iterator[Street]:
    """A street without runs; everything is closed afterwards."""
    clock = ManualClock(START)
    gateway = CountingGateway(clock, quota, latency)
    with Ledger.open(f"sqlite:///{folder / 'ledger.db'}", clock=clock) as ledger:
        engine = Engine(
            ledger=ledger,
            gateway=gateway,
            clock=clock,
            policy=RetryPolicy(),
            resets=ResetRules(time(0), WARSAW),
            in_flight=in_flight,
            not_found_grace=timedelta(minutes=10),
            heeds_signals=False,
            **{"poll_per_second": 50.0} | limits,
        )
        yield Street(clock, ledger, gateway, engine)
