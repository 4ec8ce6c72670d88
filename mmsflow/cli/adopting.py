"""A person's word that this ledger is the one from now on: carried out, and what it has done shown."""

from __future__ import annotations

from mmsflow.cli.output import warn
from mmsflow.cli.session import Session
from mmsflow.ledger.store import Ledger
from mmsflow.workflow.blocking import Decided
from mmsflow.workflow.ledger_check import adopt_ledger, moved_notice


def go_on_from_here(session: Session, ledger: Ledger, decided: Decided) -> None:
    """Adopt the ledger where a person has said so and there is something to decide; else note that it was moved.

    Raises:
        LedgerError: ledger or witness cannot be written; nothing may be sent.
    """
    if not (decided.adopt or decided.again):
        if notice := moved_notice(ledger):
            warn(notice)
        return
    if (adopted := adopt_ledger(ledger, session.workspace, session.clock.now())) is not None:
        for line in adopted.as_lines():
            warn(line)
