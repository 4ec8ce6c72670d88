"""SIGKILL at random points: a campaign is started, killed and started again until it is done, then judged."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from random import Random
from signal import SIGKILL

from mmsflow.simulator.config import SimulatorConfig
from torture import seeded
from torture.kills_stage import Command, Launch, Server, audit, environment, preload, simulator, until
from torture.kills_workspace import CAMPAIGN_FILE, Workspace, judge, make_workspace
from torture.results import Figure

PURPOSE = "SIGKILL at random points of a run, started again until it is done"

_MIX = {"Retrieved": 90, "Expired": 4, "Rejected": 3, "Address Error": 3}
_FRESH_EVERY = 25  # the program is started as a shell would do it in every 25th seed
_FRESH_START_SECONDS, _FORKED_START_SECONDS = 3.0, 0.35
_PATIENCE_SECONDS = 900.0  # a starved machine is no fault of the program's
_UNTIL_KILLED_SECONDS = 30.0
_DONE, _FINISHED_BEFORE, _MAYBE_SENT = 0, 6, 7


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(3))


def main(options: Namespace) -> int:
    """Carry every seed out; returns 1 where something was violated."""
    preload()
    return seeded.carry_out(options, one_seed)


def one_seed(seed: int, folder: Path) -> dict[str, Figure]:
    """One campaign, from its seed alone (but for the machine's timing)."""
    rng = Random(seed)
    in_flight = rng.choice((4, 16))
    workspace = make_workspace(folder, rng, rng.randint(100, 240))
    config = SimulatorConfig(
        state=str(folder / "simulator.db"),
        seed=seed,
        quota=1_000_000,
        latency=(0.01, 0.06),
        delivery_delay=(0.2, 1.5),
        mix=_MIX,
    )
    began = time.monotonic()
    with simulator(config) as server:
        launch = Launch(
            folder,
            environment(server, in_flight=in_flight, workspace=str(folder)),
            workspace.log,
            fresh=seed % _FRESH_EVERY == 0,
        )
        killer = Killer(rng, launch, server, workspace)
        code = killer.carry_through(rng.randint(6, 14))
        verdict = judge(workspace, server.by_number(), bound=in_flight)
        verdict.violations += _ending(code, verdict.unknown) + audit(launch)
    return {
        "kind": "kills",
        "seed": seed,
        "in_flight": in_flight,
        "recipients": len(workspace.valid),
        "kills": killer.kills.total(),
        **{f"kills_{phase}": killer.kills[phase] for phase in ("starting", "sending", "settling")},
        "received": verdict.received,
        "duplicates": verdict.duplicates,
        "lost": verdict.lost,
        "unknown": verdict.unknown,
        "worst_unknown": verdict.worst_unknown,
        "seconds": round(time.monotonic() - began, 1),
        "violations": verdict.violations,
    }


def _ending(code: int, unknown: int) -> list[str]:
    # 6 after a kill between the run's end and its report: nothing is left to do but the report, which is written.
    expected = {_MAYBE_SENT} if unknown else {_DONE, _FINISHED_BEFORE}
    return [] if code in expected else [f"the run ended with exit code {code}, with {unknown} maybe sent"]


class Killer:
    """Starts the run again and again; where it kills is drawn from the seed.

    Attributes:
        kills: how many, by phase: until the first message, while sending, and once all are sent.
    """

    def __init__(self, rng: Random, launch: Launch, server: Server, workspace: Workspace) -> None:
        self._rng, self._launch, self._server = rng, launch, server
        self._recipients = len(workspace.valid)
        self._start_seconds = _FRESH_START_SECONDS if launch.fresh else _FORKED_START_SECONDS
        self.kills: Counter[str] = Counter()

    def carry_through(self, kills: int) -> int:
        """Kill so often, as far as the run lasts, then let it end; returns its last exit code."""
        for number in range(kills):
            process = self._launch.start("run", CAMPAIGN_FILE, "--yes")
            if not self._wait_for_the_moment(process, last=number >= kills - 2, first=number < 2):
                return process.wait(_PATIENCE_SECONDS)
            if not self._kill(process, settling=number >= kills - 2):
                return process.wait(0)
            if self._rng.random() < 0.15:
                self._kill_at_once()
        return self._launch.start("run", CAMPAIGN_FILE, "--yes").wait(_PATIENCE_SECONDS)

    def _kill(self, process: Command, *, settling: bool = False) -> bool:
        """False when it ended by itself in the last moment."""
        process.kill()
        if process.code != -SIGKILL:
            return False
        self.kills["settling" if settling else "sending" if self._server.received() else "starting"] += 1
        return True

    def _kill_at_once(self) -> None:
        """A second kill, while the next process takes the run over."""
        process = self._launch.start("run", CAMPAIGN_FILE, "--yes")
        if self._pass(process, self._rng.uniform(0, self._start_seconds)):
            self._kill(process)

    def _wait_for_the_moment(self, process: Command, *, first: bool, last: bool) -> bool:
        """False when the process ended before its moment came."""
        if first:  # planning, freezing, the first intents
            return self._pass(process, self._rng.uniform(0, 1.2 * self._start_seconds))
        if last:  # what is left is sent, and delivery reports are asked for
            self._until_quiet(process)
            return self._pass(process, self._rng.uniform(0, 1.0))
        more = self._rng.randint(0, self._recipients // 8)
        target = self._server.received() + more
        until(lambda: self._server.received() >= target, process, _UNTIL_KILLED_SECONDS)
        return self._pass(process, self._rng.uniform(0, 0.04))

    def _until_quiet(self, process: Command) -> None:
        seen, since = -1, time.monotonic()

        def quiet() -> bool:
            nonlocal seen, since
            if (now := self._server.received()) != seen:
                seen, since = now, time.monotonic()
            return time.monotonic() - since > self._start_seconds

        until(quiet, process, _PATIENCE_SECONDS)

    def _pass(self, process: Command, seconds: float) -> bool:
        end = time.monotonic() + seconds
        until(lambda: time.monotonic() >= end, process, seconds + 1)
        return process.poll() is None
