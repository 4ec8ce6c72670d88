"""A full disk: files may grow no further from some point on; nothing may be sent that is not on record."""

from __future__ import annotations

import resource
import sqlite3
import time
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path
from random import Random

from mmsflow.simulator.config import SimulatorConfig
from torture import seeded
from torture.kills_stage import Command, Launch, Server, audit, become, environment, fork, preload, simulator, until
from torture.kills_workspace import CAMPAIGN_FILE, Workspace, judge, make_workspace
from torture.results import Figure

PURPOSE = "a disk that fills up in the middle of a run, and room that is made later"

_PATIENCE_SECONDS = 300.0
_QUIET_SECONDS, _STARTING_SECONDS = 1.0, 5.0
_MAYBE_SENT = 7
_SMALLEST, _LARGEST = 400_000, 2_500_000
_UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(4))


def main(options: Namespace) -> int:
    """Carry every seed out; returns 1 where something was violated."""
    preload()
    return seeded.carry_out(options, one_seed)


def one_seed(seed: int, folder: Path) -> dict[str, Figure]:
    """One campaign, whose files may not grow above a limit drawn from the seed; then there is room, or a kill first."""
    rng, began = Random(seed), time.monotonic()
    in_flight = rng.choice((4, 16))
    workspace = make_workspace(folder, rng, 300, poll_until="")
    limit = rng.randint(_SMALLEST, _LARGEST)
    config = SimulatorConfig(
        state=str(folder / "simulator.db"),
        seed=seed,
        latency=(0.01, 0.05),
    )
    with simulator(config) as server:
        launch = Launch(folder, environment(server, in_flight=in_flight, workspace=str(folder)), workspace.log)
        process = _start_limited(launch, limit)
        until(_Quiet(server).reached, process, _PATIENCE_SECONDS)
        stopped_at, ended_by_itself = server.received(), process.poll() is not None
        violations = _unrecorded(workspace, server)
        code = _make_room(process, launch, kill=rng.random() < 0.5)
        verdict = judge(workspace, server.by_number(), bound=in_flight)
        verdict.violations += audit(launch)
    if code != (_MAYBE_SENT if verdict.unknown else 0):
        violations.append(f"the run ended with exit code {code}")
    if verdict.unknown > in_flight:
        violations.append(f"the outage left {verdict.unknown} unknown, {in_flight} are allowed")
    return {
        "kind": "disk",
        "seed": seed,
        "in_flight": in_flight,
        "stopped_before_the_end": int(stopped_at < len(workspace.valid)),
        "stopped_while_sending": int(0 < stopped_at < len(workspace.valid)),
        "ended_by_itself": int(ended_by_itself),
        "received": verdict.received,
        "duplicates": verdict.duplicates,
        "lost": verdict.lost,
        "unknown": verdict.unknown,
        "seconds": round(time.monotonic() - began, 1),
        "violations": violations + verdict.violations,
    }


def _start_limited(launch: Launch, limit: int) -> Command:
    def body() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        return become(("run", CAMPAIGN_FILE, "--yes"), launch.folder, launch.environment, launch.log)

    return Command(fork(body))


def _make_room(process: Command, launch: Launch, *, kill: bool) -> int:
    """Lift the limit of the living process, or kill it first; whoever is left ends the run. Returns the exit code."""
    if kill:
        process.kill()
    elif process.poll() is None:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, _UNLIMITED)
        code = process.wait(_PATIENCE_SECONDS)
        if code in (0, _MAYBE_SENT):
            return code
    return launch.start("run", CAMPAIGN_FILE, "--yes").wait(_PATIENCE_SECONDS)


class _Quiet:
    """Whether the gateway has received nothing more for a while."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._seen, self._since = -1, time.monotonic()

    def reached(self) -> bool:
        if (now := self._server.received()) != self._seen:
            self._seen, self._since = now, time.monotonic()
        return time.monotonic() - self._since > (_QUIET_SECONDS if now else _STARTING_SECONDS)


def _unrecorded(workspace: Workspace, server: Server) -> list[str]:
    """Messages at the gateway that the ledger, as a next process would find it, calls ready."""
    got = server.by_number()
    if not got:
        return []
    with closing(sqlite3.connect(f"{workspace.ledger.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        ready = {number for (number,) in connection.execute("SELECT msisdn FROM messages WHERE state = 'ready'")}
    unsent = len(ready & set(got))
    return [f"{unsent} messages that the gateway has are ready to be sent"] if unsent else []
