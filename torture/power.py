"""Power cuts: the writes and fsyncs of a run are recorded, and disks rebuilt in which the unsynced is lost or torn."""

from __future__ import annotations

import os
import pickle
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from random import Random

from torture import seeded
from torture.kills_stage import Command, become, fork, preload
from torture.kills_workspace import CAMPAIGN_FILE, Workspace, make_workspace
from torture.power_images import LOSSES, faults_of, images
from torture.power_trace import Received, Step, Sync, Tracer, Write, receipts_noted
from torture.results import Figure

PURPOSE = "power cuts: disks rebuilt from the writes and fsyncs of a run, the unsynced lost or torn"

_PATIENCE_SECONDS = 300.0
_CONTROL_SHARE = 5  # to so many images one of a disk that only claims to have synced


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(1))
    parser.add_argument("--images", type=int, default=500, metavar="N", help="images from each seed's run")
    parser.add_argument("--recipients", type=int, default=150, metavar="N")


def main(options: Namespace) -> int:
    """Carry every seed out; returns 1 where something was violated."""
    preload()
    return seeded.carry_out(options, lambda seed, folder: one_seed(seed, folder, options.images, options.recipients))


def one_seed(seed: int, folder: Path, count: int, recipients: int) -> dict[str, Figure]:
    """One run, traced once, and its images."""
    rng, began = Random(seed), time.monotonic()
    workspace = make_workspace(folder, rng, recipients, poll_until="3s")
    steps = trace_of(workspace, in_flight=rng.choice((4, 16)))
    disk = folder / "disk"
    disk.mkdir()
    found: Counter[str] = Counter()
    losses = dict.fromkeys(LOSSES, 0)
    for image in images(steps, rng, count):
        losses[image.loss] += bool(image.received)
        found.update(faults_of(image, disk))
    lied = sum(bool(faults_of(image, disk)) for image in images(steps, rng, count // _CONTROL_SHARE, honest=False))
    violations = [f"in {number} images {fault}" for fault, number in found.items()]
    if not lied:
        violations.append("a disk that does nothing on fsync was not noticed: these images show nothing")
    return {
        "kind": "power",
        "seed": seed,
        "images": count,
        "images_after_a_post": sum(losses.values()),
        "steps": len(steps),
        "syncs": sum(isinstance(step, Sync) for step in steps),
        "database_writes": sum(isinstance(step, Write) and step.name == "ledger.db" for step in steps),
        "received": sum(isinstance(step, Received) for step in steps),
        "bad_images": found.total(),
        "images_of_a_lying_disk": count // _CONTROL_SHARE,
        "bad_images_of_a_lying_disk": lied,
        "seconds": round(time.monotonic() - began, 1),
        "violations": violations,
    }


def trace_of(workspace: Workspace, *, in_flight: int) -> list[Step]:
    """Carry the campaign out in a process of its own, on the simulator inside it, and give its trace."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MMSFLOW_")}
    environment = kept | {
        "MMSFLOW_GATEWAY": "simulator",
        "MMSFLOW_WORKSPACE": str(workspace.folder),
        "MMSFLOW_IN_FLIGHT": str(in_flight),
        "MMSFLOW_SIMULATOR_DELAY": "1s",
    }
    target = workspace.folder / "trace"

    def body() -> int:
        tracer = Tracer(workspace.ledger)
        with tracer.installed(), receipts_noted(tracer.steps):
            code = become(["run", CAMPAIGN_FILE, "--yes"], workspace.folder, environment, workspace.log)
        target.write_bytes(pickle.dumps((code, tracer.steps)))
        return 0

    Command(fork(body)).wait(_PATIENCE_SECONDS)
    _code, steps = pickle.loads(target.read_bytes())
    return list(steps)
