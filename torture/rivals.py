"""Three processes at once on one campaign, before there is a run and in the middle of it: one wins, two are refused."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from random import Random

from mmsflow.simulator.config import SimulatorConfig
from torture import seeded
from torture.kills_stage import Launch, Server, audit, environment, preload, simulator, until
from torture.kills_workspace import CAMPAIGN_FILE, judge, make_workspace
from torture.results import Figure

PURPOSE = "three processes at once on one campaign: one wins, the others are refused"

_RIVALS = 3
_PATIENCE_SECONDS = 300.0
_HELD, _MAYBE_SENT = 8, 7


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(3))


def main(options: Namespace) -> int:
    """Carry every seed out; returns 1 where something was violated."""
    preload()
    return seeded.carry_out(options, one_seed)


def one_seed(seed: int, folder: Path) -> dict[str, Figure]:
    """A fight for the start of a run, a kill, and a fight for the rest of it."""
    rng, began = Random(seed), time.monotonic()
    workspace = make_workspace(folder, rng, 150, poll_until="")
    config = SimulatorConfig(
        state=str(folder / "simulator.db"),
        seed=seed,
        latency=(0.03, 0.09),
    )
    with simulator(config) as server:
        launch = Launch(folder, environment(server, in_flight=4, workspace=str(folder)), workspace.log)
        violations = _fight(rng, launch, server, kill_at=rng.randint(1, 100))
        violations += _fight(rng, launch, server, kill_at=None)
        verdict = judge(workspace, server.by_number(), bound=4)
        verdict.violations += audit(launch)
    return {
        "kind": "rivals",
        "seed": seed,
        "fights": 2,
        "received": verdict.received,
        "duplicates": verdict.duplicates,
        "lost": verdict.lost,
        "unknown": verdict.unknown,
        "seconds": round(time.monotonic() - began, 1),
        "violations": violations + verdict.violations,
    }


def _fight(rng: Random, launch: Launch, server: Server, *, kill_at: int | None) -> list[str]:
    """Start them within a few milliseconds; the winner is killed at ``kill_at`` messages, or ends its work."""
    logs = [launch.log.with_name(f"rival-{number}.log") for number in range(_RIVALS)]
    rivals = []
    for log in logs:
        log.unlink(missing_ok=True)
        rivals.append(replace(launch, log=log).start("run", CAMPAIGN_FILE, "--yes"))
        time.sleep(rng.choice((0, 0, 0.002, 0.01)))
    end = time.monotonic() + _PATIENCE_SECONDS
    while sum(rival.poll() is None for rival in rivals) > 1 and time.monotonic() < end:
        time.sleep(0.002)
    standing = [rival for rival in rivals if rival.poll() is None]
    refused = [(rival.code, log) for rival, log in zip(rivals, logs, strict=True) if rival.code is not None]
    faults = [f"a rival ended with exit code {code}" for code, _ in refused if code != _HELD]
    if len(standing) != 1:
        return [*faults, f"{len(standing)} of {_RIVALS} processes went on"]
    (winner,) = standing
    faults += [
        "the holder was not named" for _, log in refused if f"process {winner.pid}" not in log.read_text("utf-8")
    ]
    if kill_at is not None:
        until(lambda: server.received() >= kill_at, winner, _PATIENCE_SECONDS)
        winner.kill()
    elif (code := winner.wait(_PATIENCE_SECONDS)) not in (0, _MAYBE_SENT):
        faults.append(f"the winner ended with exit code {code}")
    return faults
