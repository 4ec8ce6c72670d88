"""One simulated process: the engine as ``mmsflow run`` starts it, over its own handle, wire and client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from mmsflow.audience.consent import Refusals
from mmsflow.delivery.progress import ignore
from mmsflow.engine.embedded import Ended, Engine, carry_out
from mmsflow.errors import MmsflowError
from mmsflow.gateway.model import GatewayConfig
from mmsflow.gateway.retry import RetryPolicy
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.plan.quota import ResetRules
from mmsflow.settings import Secret
from torture.simulation.disk import Handle, SimulatedJournal
from torture.simulation.gateway import GatewayModel
from torture.simulation.loop import SimulatedTask, WallClock
from torture.simulation.scenario import TOTAL_DEADLINE_SECONDS, Incident, Scenario
from torture.simulation.wire import Ears, SimulatedClient, SimulatedWire

_WARSAW = ZoneInfo("Europe/Warsaw")
_DEADLINE = timedelta(seconds=TOTAL_DEADLINE_SECONDS)


@dataclass(slots=True, eq=False)
class Process:
    """One simulated process.

    Attributes:
        started_turn: of the loop; incidents count from it.
        killed: its tasks are gone before the loop's next turn.
        stops: signals that it had.
        ended: how it ended by itself; None while it lives and when it was killed.
        events: what happens to it, by the loop's turn.
    """

    number: int
    handle: Handle
    journal: SimulatedJournal
    started_turn: int
    killed: bool = False
    stops: int = 0
    ended: Ended | MmsflowError | None = None
    events: list[tuple[int, RunInfo, Incident]] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return not self.killed and self.ended is None

    def bury(self, tasks: list[SimulatedTask]) -> None:
        """End its tasks without letting them do anything that matters: the handle is dead, and no turn passes."""
        self.handle.die()
        for task in reversed(tasks):
            drop(task)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every process of a story shares."""

    scenario: Scenario
    random: Random
    clock: WallClock
    gateway: GatewayModel
    read_refusals: Callable[[], Refusals] | None


async def carry_out_once(
    around: Surroundings,
    number: int,
    run: RunInfo,
    ledger: Ledger,
    ears: Ears,
    *,
    no_wait: bool,
) -> Ended | MmsflowError:
    """What ``mmsflow run`` does once the ledger is open; how it ended."""
    scenario = around.scenario
    config = GatewayConfig(
        base_url="http://127.0.0.1",
        client_id="id",
        client_secret=Secret("secret"),
        in_flight=scenario.in_flight,
        total_deadline=_DEADLINE,
    )
    wire = SimulatedWire(config, around.clock, around.gateway, number, ears)
    try:
        with ledger:
            async with SimulatedClient(config, around.clock, wire, around.random) as client:
                engine = Engine(
                    ledger=ledger,
                    gateway=client,
                    clock=around.clock,
                    policy=RetryPolicy(),
                    resets=ResetRules(time(0), _WARSAW),
                    in_flight=scenario.in_flight,
                    poll_per_second=scenario.poll_per_second,
                    not_found_grace=scenario.grace,
                    heeds_requests=scenario.people,
                    longest_request=_DEADLINE,
                )
                return await carry_out(
                    engine, run, no_wait=no_wait, observer=ignore, read_refusals=around.read_refusals
                )
    except MmsflowError as error:
        return error


def drop(task: SimulatedTask) -> None:
    """End a task's coroutine where it stands, whatever it wants to do first."""
    task.cancel()
    coro = task.get_coro()
    for _ in range(50):
        try:
            coro.throw(asyncio.CancelledError())
        except BaseException:
            return
