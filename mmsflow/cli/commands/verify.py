"""``mmsflow verify``: the audit of a run."""

from __future__ import annotations

from mmsflow.cli.output import print_json, table, tell
from mmsflow.cli.session import Session
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.history import find_run
from mmsflow.workflow.verify import verdict_as_json, verify_run

BROKEN = 1


def verify(run: str, *, as_json: bool) -> int:
    """Audit a run; returns the exit code."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        found = find_run(ledger, run)
        verdict = verify_run(ledger, found)
    if as_json:
        print_json(verdict_as_json(found, verdict))
        return 0 if verdict.holds else BROKEN
    figures = verdict.figures
    gone_through = f"{figures.rows} rows, {figures.messages} messages and {figures.events} steps of their history"
    if verdict.holds:
        tell(f"{found.run} holds: {gone_through} were gone through again")
        return 0
    tell(table([(item.rule, item.where, item.what) for item in verdict.violations], ("rule", "where", "what")))
    if verdict.count > len(verdict.violations):
        tell(f"… and {verdict.count - len(verdict.violations)} more")
    tell(f"\n{found.run} does not hold: {verdict.count} violations in {gone_through}")
    return BROKEN
