"""Watching a run that another process carries out, through the ledger, up to its end."""

from __future__ import annotations

import asyncio

from mmsflow.cli.ending import end_run
from mmsflow.cli.output import say
from mmsflow.cli.progress import following
from mmsflow.cli.session import Session
from mmsflow.delivery.progress import Snapshot
from mmsflow.engine.embedded import Ended
from mmsflow.ledger.lock import holder_of
from mmsflow.ledger.model import RunInfo, RunState
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import Bucket
from mmsflow.wiring import ledger_file, reading_ledger
from mmsflow.workflow.history import find_run
from mmsflow.workflow.run import Interrupted, verdict

_LOOK_SECONDS = 0.5


def watch(session: Session, name: str, said: str, *, as_json: bool) -> int:
    """Show where a run is until nothing is left of it, or nobody carries it out; returns the exit code.

    Args:
        said: what the process that carries it out has answered, shown first.
    """
    try:
        say(f"the daemon sends it: {said}")
        asyncio.run(_follow(session, name, quiet=as_json))
        error = None
    except KeyboardInterrupt:
        error = Interrupted(
            "not watched any longer; the daemon goes on with it",
            f"`mmsflow status {name}` shows it",
            cause="interrupted",
        )
    with reading_ledger(session.settings) as ledger:
        run = find_run(ledger, name)
        ends = error or verdict(ledger, run, Ended(halt=None, interrupted=False))
        return end_run(session, ledger, run, ends, as_json=as_json)


async def _follow(session: Session, name: str, *, quiet: bool) -> None:
    with following(quiet=quiet) as show:
        while True:
            with reading_ledger(session.settings) as ledger:
                run = find_run(ledger, name)
                snapshot = _snapshot(ledger, run)
            show(snapshot)
            over = run.paused_by.needs_person or not (snapshot.unsent or snapshot.waiting_for_reports)
            if over or holder_of(ledger_file(session.settings)) is None:
                return
            await session.clock.sleep(_LOOK_SECONDS)


def _snapshot(ledger: LedgerReader, run: RunInfo) -> Snapshot:
    buckets = ledger.bucket_counts(run.key)
    waiting = ledger.outstanding(run.key) if run.delivery_report else 0
    notice = run.reason if run.state is RunState.PAUSED else ""
    return Snapshot(sum(buckets.values()), buckets[Bucket.PENDING], buckets, waiting, notice)
