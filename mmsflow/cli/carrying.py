"""Carrying a run out from the command line: progress, the run's marker, the report, the exit code."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from mmsflow.cli.ending import end_run
from mmsflow.cli.progress import following
from mmsflow.cli.session import Session
from mmsflow.errors import LedgerError
from mmsflow.gateway.client import GatewayClient
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.wiring import make_engine
from mmsflow.workflow.guarantees import guaranteed_in
from mmsflow.workflow.guard import leave_marker
from mmsflow.workflow.run import carry_on, what_was_written


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryOptions:
    """How a run is carried out; see the options of ``run``."""

    no_wait: bool = False
    show_numbers: bool = False
    as_json: bool = False


async def carry(session: Session, ledger: Ledger, gateway: GatewayClient, run: RunInfo, options: CarryOptions) -> int:
    """Carry a run out as far as it goes, and write its report; returns the exit code."""
    campaign_file = session.workspace / run.campaign_file

    def mark(taken: RunInfo) -> None:
        leave_marker(ledger, taken, campaign_file)

    with following(quiet=options.as_json) as observer:
        guaranteed = guaranteed_in(session.workspace)
        engine = make_engine(session.settings, ledger, gateway, session.clock, lambda: guaranteed)
        error = await carry_on(
            engine,
            run,
            workspace=session.workspace,
            no_wait=options.no_wait,
            observer=observer,
            taken=mark,
            suppression=session.settings.suppression,
        )
    with suppress(LedgerError):  # what was there before still tells a lost ledger, only a little less sharply
        mark(run)
    with what_was_written(ledger, session.workspace) as reading:
        return end_run(session, reading, run, error, show_numbers=options.show_numbers, as_json=options.as_json)
