"""Huge, dripping and bomb-like replies to a real process: its memory stays within 20 MB of a run without them."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from random import Random

from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.faults import FaultKind, FaultRule
from torture import seeded
from torture.kills_stage import Command, Launch, environment, preload, simulator, until
from torture.kills_workspace import CAMPAIGN_FILE, judge, make_workspace
from torture.results import Figure

PURPOSE = "huge, dripping and bomb-like replies to a real process: its memory stays flat"

_ALLOWED_KIB = 20 * 1024
_PATIENCE_SECONDS = 300.0
_IN_FLIGHT = 16
_BIG = 64 * 1024 * 1024
_FLOODS = (FaultKind.HUGE, FaultKind.GZIP_BOMB, FaultKind.DRIP)


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(1))
    parser.add_argument("--recipients", type=int, default=60, metavar="N")


def main(options: Namespace) -> int:
    """Carry every seed out; returns 1 where something was violated."""
    preload()
    return seeded.carry_out(options, lambda seed, folder: one_seed(seed, folder, options.recipients))


def one_seed(seed: int, folder: Path, recipients: int) -> dict[str, Figure]:
    """A run without faults, then one for each kind of flood: to sends, with odd seeds to status questions as well."""
    began = time.monotonic()
    calm, violations, _ = _run(folder / "calm", seed, recipients, [])
    growth: dict[str, int] = {}
    unknown = 0
    endpoints = ("send", "status") if seed % 2 else ("send",)
    for name in _FLOODS:
        faults = [FaultRule(kind=name, endpoint=endpoint, size=_BIG, seconds=0.4, every=3) for endpoint in endpoints]
        peak, found, maybe = _run(folder / name, seed, recipients, faults)
        growth[name] = max(0, peak - calm)
        unknown += maybe
        violations += [f"{name}: {fault}" for fault in found]
        if growth[name] > _ALLOWED_KIB:
            violations.append(f"{name}: memory grew by {growth[name]} KiB")
    return {
        "kind": "floods",
        "seed": seed,
        "runs": 1 + len(growth),
        "calm_peak_kib": calm,
        **{f"worst_growth_kib_{name}": kib for name, kib in growth.items()},
        "unknown": unknown,
        "seconds": round(time.monotonic() - began, 1),
        "violations": violations,
    }


def _run(folder: Path, seed: int, recipients: int, faults: Sequence[FaultRule]) -> tuple[int, list[str], int]:
    """Peak memory in KiB, what was violated, how many are "maybe sent"."""
    folder.mkdir()
    workspace = make_workspace(folder, Random(seed), recipients, poll_until="5s" if seed % 2 else "")
    config = SimulatorConfig(
        state=str(folder / "simulator.db"),
        seed=seed,
        latency=(0.01, 0.03),
        delivery_delay=(0.2, 1),
        mix={"Retrieved": 1},
        faults=tuple(faults),
    )
    with simulator(config) as server:
        settings = environment(server, in_flight=_IN_FLIGHT, workspace=str(folder), total_deadline="1s")
        process = Launch(folder, settings, workspace.log).start("run", CAMPAIGN_FILE, "--yes")
        peak = Peak(process)
        until(peak.look, process, _PATIENCE_SECONDS)
        code = process.wait(1)
        # Nothing was killed here: every "maybe sent" is a reply without an id, as many as there are floods.
        verdict = judge(workspace, server.by_number(), bound=_IN_FLIGHT)
    if code not in (0, 7):
        verdict.violations.append(f"the run ended with exit code {code}")
    return peak.kib, verdict.violations, verdict.unknown


class Peak:
    """The most memory of a process, as the kernel counts it."""

    def __init__(self, process: Command) -> None:
        self._status = Path(f"/proc/{process.pid}/status")
        self.kib = 0

    def look(self) -> bool:
        """Look; never what is waited for."""
        for line in self._status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                self.kib = max(self.kib, int(line.split()[1]))
        return False
