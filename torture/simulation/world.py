"""A story from its seed to its end: processes are started, disturbed, killed and started again until all is settled."""

from __future__ import annotations

import asyncio
import atexit
import random as global_random
from collections import Counter
from collections.abc import Coroutine
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from pathlib import Path
from random import Random
from signal import SIGTERM
from tempfile import TemporaryDirectory

from mmsflow.engine.embedded import Ended
from mmsflow.errors import LedgerError
from mmsflow.ledger.model import NewRun, PausedBy, RunInfo, WaveRecord
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage
from torture.simulation.disk import Disk
from torture.simulation.final import check_end
from torture.simulation.gateway import GatewayModel, Post
from torture.simulation.lists import OptOutList
from torture.simulation.loop import SIMULATED_PROCESS, Stuck, VirtualLoop, WallClock
from torture.simulation.people import RUN, People
from torture.simulation.process import Process, Surroundings, carry_out_once, drop
from torture.simulation.scenario import Incident, Life, Scenario, draw
from torture.simulation.watch import Violation, Watch
from torture.simulation.wire import Begun, Ears

# Two processes that look for requests once a second take eight turns a second, also through a clock set back an hour.
MOST_TURNS = 60_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a story came to.

    Attributes:
        violations: promises that were broken; empty when all held.
        counts: kills, posts, messages by final state and the like, to be added up over seeds.
        trace: what happened, a line each; empty unless it was asked for.
    """

    seed: int
    violations: tuple[str, ...]
    counts: Counter[str]
    trace: tuple[str, ...]


class World:
    """Everything of one story."""

    def __init__(self, scenario: Scenario, *, traced: bool) -> None:
        self.scenario, self._traced = scenario, traced
        self.trace: list[str] = []
        self.counts: Counter[str] = Counter()
        random = Random(scenario.seed ^ 0x5EED)
        self.loop = VirtualLoop(MOST_TURNS)
        self.loop.before_turn = self._before_turn
        self.clock = WallClock(self.loop, scenario.start)
        self.disk = Disk(_folder() / "simulated.db")
        self.gateway = GatewayModel(scenario, random, self.loop, self.clock)
        self.opt_outs = OptOutList(scenario.opt_outs, self.clock) if scenario.opt_outs else None
        self.watch = Watch(scenario, self.disk, self.clock, self.opt_outs)
        self.watch.alive = lambda: any(process.alive for process in self._processes)
        self.people = People(self.disk, self.clock, random, self.watch)
        read = self.opt_outs.read if self.opt_outs else None
        self._around = Surroundings(scenario, random, self.clock, self.gateway, read)
        self._processes: list[Process] = []
        self._numbers = count(1)
        self._dying: list[Process] = []
        self._beside: list[asyncio.Task[None]] = []

    def close(self) -> None:
        """Drop what is left of it."""
        for task in reversed(self.loop.tasks):
            if not task.done():
                drop(task)
        self.loop.close()
        self.disk.close()

    async def story(self) -> None:
        """Live through it, then check what is left.

        Raises:
            Violation: it does not come to an end.
        """
        run = self._freeze()
        for life in self.scenario.lives:
            self.gateway.calm = False
            clearing = self.loop.call_later(self.scenario.weather.storm_seconds, self._calm_down)
            await self._live(run, life)
            while self._beside:
                await self._beside.pop()
            clearing.cancel()
            await asyncio.sleep(life.pause_seconds)
            if self.scenario.people:
                self.people.resolve_alone()
        self._calm_down()
        await self._end(run)
        check_end(self.scenario, self.disk, self.gateway, self.watch)

    async def _end(self, run: RunInfo) -> None:
        """Nothing is in its way any more: only the campaign's own brakes may stop it, once for each message."""
        for _ in range(self.scenario.messages + 3):
            process = await self._live(run, Life())
            ended = process.ended
            if isinstance(ended, Ended) and ended.halt is None:
                return
            if not (isinstance(ended, Ended) and ended.halt and ended.halt.by is PausedBy.BREAKER):
                break
        raise Violation(f"it does not end when nothing is in its way: {ended!r}")

    def _calm_down(self) -> None:
        self.note("the storm is over")
        self.gateway.calm_down()
        if self.opt_outs is not None:
            self.opt_outs.heal()

    def note(self, what: str) -> None:
        """A line of the trace."""
        if self._traced:
            self.trace.append(f"{self.loop.time():10.3f} {self.loop.turns:6} {what}")

    def _freeze(self) -> RunInfo:
        scenario = self.scenario
        ledger, _, _ = self.disk.open(self.clock)
        new = NewRun(
            run=RUN,
            campaign="storm",
            account="simulated",
            occurrence=RUN,
            test=False,
            campaign_file="campaigns/storm.yaml",
            campaign_sha256="c" * 64,
            plan_sha256="d" * 64,
            git_commit="",
            git_clean=False,
            sender="ACME",
            priority="Normal",
            delivery_report=scenario.delivery_report,
            config=scenario.rules.as_config(),
            created_at=self.clock.now(),
            rows=scenario.messages,
            waves=(WaveRecord(1, None, scenario.messages),),
        )
        ordinals = range(1, scenario.messages + 1)
        with ledger:
            return ledger.freeze_run(
                new, ((PlannedMessage(n, "l.csv", n, _number(n), "s", ()), 1) for n in ordinals), ()
            )

    async def _live(self, run: RunInfo, life: Life) -> Process:
        """One process from its start to its end, or until it is killed."""
        ledger, handle, journal = self.disk.open(self.clock)
        process = Process(next(self._numbers), handle, journal, self.loop.turns)
        self._processes.append(process)
        self.note(f"process {process.number} starts: {life}")
        context = copy_context()
        context.run(SIMULATED_PROCESS.set, process)
        body = self._body(process, run, ledger, no_wait=life.no_wait)
        task = asyncio.get_running_loop().create_task(body, context=context)
        for incident in life.incidents:
            self._arm(process, run, incident)
        await asyncio.wait({task})
        if process.killed:
            await asyncio.sleep(0)  # it is buried before the next turn
        if not process.killed:
            task.result()
        return process

    async def _body(self, process: Process, run: RunInfo, ledger: Ledger, *, no_wait: bool) -> None:
        ears = Ears(
            self._told_of_posts(process),
            partial(self.watch.question, process.number),
            partial(self.watch.limit_told, process.number),
        )
        ended = await carry_out_once(self._around, process.number, run, ledger, ears, no_wait=no_wait)
        process.ended = ended
        self.note(f"process {process.number} ends: {ended!r}")
        self.counts["ended_by_ledger"] += isinstance(ended, LedgerError)
        self.watch.process_ended(process.stops, ended)

    def _told_of_posts(self, process: Process) -> Begun:
        def begun(post: Post) -> None:
            self.note(
                f"process {process.number} POST …{post.msisdn[-3:]} → {post.reply.status} {set(post.reply.means)}"
            )
            self.watch.post_begins(post, process)

        return begun

    def _arm(self, process: Process, run: RunInfo, incident: Incident) -> None:
        if incident.turn:
            process.events.append((process.started_turn + incident.turn, run, incident))
        elif incident.seconds:
            self.loop.call_later(incident.seconds, self._happen, process, run, incident)
        else:
            process.handle.faults[incident.commit] = lambda: self._at_commit(process, incident)

    def _at_commit(self, process: Process, incident: Incident) -> tuple[str, bool]:
        self.note(f"process {process.number} {incident.kind} at a commit {incident.fault}")
        if incident.kind == "kill":
            self._doom(process)
            process.handle.dying = True
            return incident.fault, incident.size > 1
        self.counts["commits_failed"] += 1
        return incident.fault, incident.kind == "break_commit"

    def _happen(self, process: Process, run: RunInfo, incident: Incident) -> None:
        if not process.alive:
            return
        kind, size = incident.kind, incident.size
        self.note(f"process {process.number} {kind} {size}")
        self.counts[kind] += 1
        if kind == "kill":
            self._doom(process)
        elif kind in ("stop", "stop_twice"):
            for _ in range(2 if kind == "stop_twice" else 1):
                self._signal(process)
        elif kind == "takeover":
            self.watch.takeovers += 1
            self._go_beside(self._second(run))
        elif kind in ("outage", "journal", "deaf"):
            self._fail_disk(process, incident)
        elif kind == "jump":
            self.clock.offset_seconds += size
            self.watch.jumps += 1
        elif kind == "others":
            self.gateway.take_for_others(int(size))
        else:
            doing = {"cancel": self.people.cancel, "resolve": self.people.resolve}
            self._go_beside(doing[kind]() if kind in doing else self.people.pause_for(size))

    def _go_beside(self, doing: Coroutine[object, object, None]) -> None:
        self._beside.append(asyncio.ensure_future(doing))

    async def _second(self, run: RunInfo) -> None:
        taker = await self._live(run, Life())
        # In the world outside, a process that lost the run is dead. Here it may still wait for a person who has
        # spoken to the taker only.
        for process in self._processes:
            if process.alive and process.number < taker.number:
                self._signal(process)

    def _fail_disk(self, process: Process, incident: Incident) -> None:
        process.handle.failing = incident.fault if incident.kind != "journal" else process.handle.failing
        process.journal.failing = incident.kind != "outage" or process.journal.failing
        self.watch.deaf += incident.kind != "outage"

        def heal() -> None:
            if incident.kind != "journal":
                process.handle.failing = ""
            if incident.kind != "outage":
                process.journal.failing = False

        self.loop.call_later(incident.size, heal)

    def _signal(self, process: Process) -> None:
        handler = self.loop.handlers.get((process, SIGTERM))
        if handler is not None:
            process.stops += 1
            self.watch.cut_off += process.stops == 2
            handler[0](*handler[1])

    def _doom(self, process: Process) -> None:
        """Killed now; its tasks are gone before the next turn."""
        if process.alive:
            process.killed = True
            self.counts["kills"] += 1
            self.watch.kills += 1
            self.watch.killed_at[process.number] = self.loop.time()
            self._dying.append(process)

    def _before_turn(self, turn: int) -> None:
        for process in self._processes:
            if process.events and process.alive:
                for event in [event for event in process.events if event[0] <= turn]:
                    process.events.remove(event)
                    self._happen(process, *event[1:])
        while self._dying:
            process = self._dying.pop()
            process.bury(self.loop.tasks_of(process))


@cache
def _folder() -> Path:
    # In memory where there is such a place: what a power cut does to files is another proof's matter.
    memory = Path("/dev/shm")
    folder = TemporaryDirectory(prefix="mmsflow-", dir=memory if memory.is_dir() else None)
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _number(ordinal: int) -> str:
    return f"+48501{ordinal:06d}"


def play(seed: int, *, traced: bool = False) -> Outcome:
    """One story. Everything random comes from the seed."""
    global_random.seed(seed)
    world = World(draw(seed), traced=traced)
    broken: tuple[str, ...] = ()
    try:
        asyncio.set_event_loop(world.loop)
        world.loop.run_until_complete(world.story())
    except (Violation, Stuck) as error:
        broken = (f"{type(error).__name__}: {error}",)
    except Exception as error:
        broken = (f"an unforeseen error: {error!r}",)
    finally:
        asyncio.set_event_loop(None)
        world.close()
    return Outcome(seed, (*world.watch.violations, *broken), world.counts + world.watch.counts, tuple(world.trace))
