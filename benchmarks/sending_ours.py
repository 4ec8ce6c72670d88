"""Our whole way of sending: a frozen run in a durable ledger, the engine, the client, the wire."""

from __future__ import annotations

import asyncio
import hashlib
import random
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contender import Measurement, Stopwatch, Task
from mmsflow.clock import SystemClock
from mmsflow.engine.embedded import carry_out
from mmsflow.ledger.model import Blob, NewRun, RunInfo, WaveRecord
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage, StaticPart
from mmsflow.mms.content import Part
from mmsflow.mms.status import MessageState
from mmsflow.settings import Settings, load_settings
from mmsflow.wiring import make_engine, open_gateway, writing_ledger

_RULES = {
    "start": "2026-01-01T00:00:00+00:00",
    "not_after": None,
    "per_second": None,
    "reserve": 0,
    "share": 1.0,
    "attempts": 5,
    "poll_until_seconds": 259200.0,
    "timezone": "Europe/Warsaw",
    "formats": ["csv"],
}


def picture(size_bytes: int) -> Part:
    """The attachment that everybody sends: bytes that do not compress, the same every time."""
    return Part("image/jpeg", "winter.jpg", random.Random(1).randbytes(size_bytes))


def subject(number: int) -> str:
    """The subject of one message."""
    return f"Kod {number:07d}: 20% taniej do niedzieli"


def msisdn(number: int) -> str:
    """The recipient of one message."""
    return f"+48501{number:06d}" if number < 1_000_000 else f"+4860{number:07d}"


def send(task: Task) -> Measurement:
    """Send ``task.count`` messages; freezing the run is not part of the time."""
    settings = load_settings(
        Path(task.folder),
        {
            "MMSFLOW_GATEWAY_URL": task.url,
            "MMSFLOW_CLIENT_ID": "bench",
            "MMSFLOW_CLIENT_SECRET": "bench-secret",
            "MMSFLOW_IN_FLIGHT": str(task.in_flight),
            "MMSFLOW_WITNESS": str(Path(task.folder).with_name("mmsflow-bench-witness")),
        },
    )
    with writing_ledger(settings, SystemClock(), "bench") as ledger:
        run = _frozen(ledger, task, settings)
        watch = Stopwatch()
        asyncio.run(_carry_out(settings, ledger, run, watch))
        counts = ledger.state_counts(run.key)
    if counts.get(MessageState.ACCEPTED, 0) != task.count:
        raise RuntimeError(f"{task.count} messages were to be accepted: {counts}")
    return watch.measurement(task.count)


async def _carry_out(settings: Settings, ledger: Ledger, run: RunInfo, watch: Stopwatch) -> None:
    clock = SystemClock()
    async with open_gateway(settings, clock) as gateway:
        engine = make_engine(settings, ledger, gateway, clock)
        with watch.running():
            await carry_out(engine, run, no_wait=True, observer=lambda _: None)


def _frozen(ledger: Ledger, task: Task, settings: Settings) -> RunInfo:
    part = picture(task.attachment_bytes)
    layout = (StaticPart(part.content_type, part.filename, part.sha256, part.size_bytes),)
    now = datetime.now(UTC)
    nothing = hashlib.sha256(b"").hexdigest()
    name = f"bench-{now:%Y%m%d%H%M%S%f}"
    new = NewRun(
        run=name,
        campaign=name,
        account=settings.account,
        occurrence=name,
        test=False,
        campaign_file="campaigns/bench.yaml",
        campaign_sha256=nothing,
        plan_sha256=nothing,
        git_commit="",
        git_clean=False,
        sender="ACME",
        priority="Normal",
        delivery_report=True,
        config=_RULES,
        created_at=now,
        rows=task.count,
        blobs=[Blob(part.sha256, part.content_type, part.data)],
        waves=[WaveRecord(1, now, task.count)],
    )
    planned = (
        (PlannedMessage(number, "bench.csv", number + 1, msisdn(number), subject(number), layout), 1)
        for number in range(1, task.count + 1)
    )
    return ledger.freeze_run(new, planned, ())
