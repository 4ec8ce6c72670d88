"""SIGSTOP for longer than a request may last, then SIGCONT; meanwhile a second process tries to take over."""

from __future__ import annotations

import signal
import time
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from random import Random

from mmsflow.simulator.config import SimulatorConfig
from torture import seeded
from torture.kills_stage import Command, Launch, Server, audit, environment, preload, simulator, until
from torture.kills_workspace import CAMPAIGN_FILE, judge, make_workspace
from torture.results import Figure

PURPOSE = "SIGSTOP for longer than a request may last, then SIGCONT, with a second process that tries to take over"

_DEADLINE_SECONDS = 1.0
_PATIENCE_SECONDS = 300.0
_STOPS = 3
_HELD = 8


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(2))


def main(options: Namespace) -> int:
    """Carry every seed out; returns 1 where something was violated."""
    preload()
    return seeded.carry_out(options, one_seed)


def one_seed(seed: int, folder: Path) -> dict[str, Figure]:
    """One campaign, whose process is stopped a few times."""
    rng, began = Random(seed), time.monotonic()
    in_flight = rng.choice((4, 16))
    workspace = make_workspace(folder, rng, rng.randint(100, 200), poll_until="")
    config = SimulatorConfig(
        state=str(folder / "simulator.db"),
        seed=seed,
        latency=(0.02, 0.08),
    )
    with simulator(config) as server:
        settings = environment(
            server, in_flight=in_flight, workspace=str(folder), total_deadline=f"{_DEADLINE_SECONDS}s"
        )
        launch = Launch(folder, settings, workspace.log)
        stopper = Stopper(rng, launch, server)
        code = stopper.carry_through(len(workspace.valid))
        verdict = judge(workspace, server.by_number(), bound=in_flight)
        verdict.violations += audit(launch)
    if verdict.unknown:  # every reply came while the process was stopped, and lay unread in a socket
        verdict.violations.append(f"{stopper.stops} stops left {verdict.unknown} unknown")
    if code:
        verdict.violations.append(f"the run ended with exit code {code}")
    return {
        "kind": "stops",
        "seed": seed,
        "in_flight": in_flight,
        "stops": stopper.stops,
        "second_processes_refused": stopper.refused,
        "received": verdict.received,
        "duplicates": verdict.duplicates,
        "lost": verdict.lost,
        "unknown": verdict.unknown,
        "seconds": round(time.monotonic() - began, 1),
        "violations": verdict.violations + stopper.violations,
    }


class Stopper:
    """Stops one process again and again while it sends.

    Attributes:
        stops: how often it did; refused: second processes that were refused; violations: those that were not.
    """

    def __init__(self, rng: Random, launch: Launch, server: Server) -> None:
        self._rng, self._launch, self._server = rng, launch, server
        self.stops = self.refused = 0
        self.violations: list[str] = []

    def carry_through(self, recipients: int) -> int:
        """Run to the end; returns the exit code."""
        process = self._launch.start("run", CAMPAIGN_FILE, "--yes")
        for part in range(_STOPS):
            target = 1 + self._rng.randint(part * recipients // _STOPS, (part + 1) * recipients // _STOPS - 20)
            if not until(lambda wanted=target: self._server.received() >= wanted, process, _PATIENCE_SECONDS):  # type: ignore[misc]
                break
            self._stop(process)
        return process.wait(_PATIENCE_SECONDS)

    def _stop(self, process: Command) -> None:
        process.signal(signal.SIGSTOP)
        end = time.monotonic() + self._rng.uniform(1.2, 2.5) * _DEADLINE_SECONDS
        if self._rng.random() < 0.5:
            self._try_to_take_over()
        until(lambda: time.monotonic() >= end, process, _PATIENCE_SECONDS)
        process.signal(signal.SIGCONT)
        self.stops += 1

    def _try_to_take_over(self) -> None:
        before = self._server.received()
        code = replace(self._launch, log=self._launch.log.with_name("second.log")).start(
            "run", CAMPAIGN_FILE, "--yes"
        ).wait(_PATIENCE_SECONDS)  # fmt: skip
        self.refused += code == _HELD
        if code != _HELD or self._server.received() > before + 16:
            self.violations.append(f"a second process ended with exit code {code}")
