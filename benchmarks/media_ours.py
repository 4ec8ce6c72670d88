"""Our media: photos fitted into messages, and a code drawn for each recipient of a frozen run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event, Thread

from benchmarks.contender import Measurement, Stopwatch, Task
from benchmarks.memory import peak_bytes_of
from mmsflow.clock import SystemClock
from mmsflow.errors import InvalidInput
from mmsflow.gateway.model import QuotaReply
from mmsflow.media.fitting import Wish
from mmsflow.media.library import MediaLibrary
from mmsflow.mms.content import KIB
from mmsflow.settings import load_settings
from mmsflow.wiring import reset_rules, writing_ledger
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import prepare
from mmsflow.workflow.run import freeze

ROOM = 276 * KIB
CODES_CAMPAIGN = "campaigns/codes.yaml"


def photos(task: Task) -> Measurement:
    """Each photo of the folder into a message of its own, in one pass, without a cache that was filled before."""
    workspace, watch = Path(task.folder), Stopwatch()
    names = sorted(path.name for path in workspace.glob("*.jpg"))[: task.count]
    with _watched_workers() as workers, watch.running(), MediaLibrary(workspace) as media:
        wishes = [Wish((picture,), ROOM) for name in names if (picture := media.picture(name))]
        results = media.fit(wishes)
    if len(results) != task.count or any(isinstance(parts, InvalidInput) for parts in results.values()):
        raise RuntimeError("not every photo was fitted")
    return watch.measurement(task.count, worker_bytes=workers.peak_bytes)


def codes(task: Task) -> Measurement:
    """A campaign with a code for each row, prepared and frozen; the parts are ``draft`` and ``freeze``."""
    workspace = Path(task.folder)
    settings = load_settings(
        workspace, {"MMSFLOW_GATEWAY": "simulator", "MMSFLOW_LEDGER": f"sqlite:///{workspace}/ours.db"}
    )
    whole, draft, freezing = Stopwatch(), Stopwatch(), Stopwatch()
    now = datetime.now(UTC)
    quota = QuotaReply(0, 10**9, date(2038, 1, 22), "Fri Jan 22 2038")
    with writing_ledger(settings, SystemClock(), "bench") as ledger:
        with _watched_workers() as workers, whole.running(), draft.running():
            prepared = prepare(workspace / CODES_CAMPAIGN, workspace)
        with prepared.draft, whole.running(), freezing.running():
            resets = reset_rules(settings)
            made = plan_campaign(prepared, quota, ledger, account=settings.account, resets=resets, now=now)
            run = freeze(prepared, made, ledger, workspace=workspace, now=now)
    if run.rows != task.count:
        raise RuntimeError(f"the list has {task.count} rows, the run {run.rows}")
    return whole.measurement(task.count, draft=draft.seconds, freeze=freezing.seconds, worker_bytes=workers.peak_bytes)


@dataclass
class _Workers:
    """Largest resident size of any descendant; 0 where the system has no /proc."""

    peak_bytes: float = 0.0


@contextmanager
def _watched_workers() -> Iterator[_Workers]:
    seen, done = _Workers(), Event()

    def look() -> None:
        while not done.wait(0.02):
            for pid in _descendants(os.getpid()):
                with suppress(OSError):
                    seen.peak_bytes = max(seen.peak_bytes, float(peak_bytes_of(pid)))

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _descendants(root: int) -> Iterator[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(stat.parent.name))
    waiting = [root]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            waiting.append(child)
            yield child
