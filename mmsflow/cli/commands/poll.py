"""``mmsflow poll``: ask once more for all outstanding delivery reports."""

from __future__ import annotations

import asyncio

from mmsflow.cli.ending import end_run
from mmsflow.cli.progress import following
from mmsflow.cli.session import Session
from mmsflow.engine.embedded import ask_once
from mmsflow.errors import MmsflowError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.wiring import make_engine, open_gateway, writing_ledger
from mmsflow.workflow.history import find_run
from mmsflow.workflow.other_account import refuse_other_account


def poll(run: str, *, as_json: bool) -> int:
    """Poll a run once and write its report; returns the exit code."""
    session = Session.start()
    with writing_ledger(session.settings, session.clock, f"poll {run}") as ledger:
        found = find_run(ledger, run)
        refuse_other_account(session.settings, found)
        error = asyncio.run(_poll(session, ledger, found, as_json=as_json))
        return end_run(session, ledger, found, error, as_json=as_json)


async def _poll(session: Session, ledger: Ledger, run: RunInfo, *, as_json: bool) -> MmsflowError | None:
    async with open_gateway(session.settings, session.clock) as gateway:
        engine = make_engine(session.settings, ledger, gateway, session.clock)
        try:
            with following(quiet=as_json) as observer:
                await ask_once(engine, run, observer=observer)
        except MmsflowError as error:
            return error
    return None
