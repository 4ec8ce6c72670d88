"""``mmsflow report``: a run's report anew, offline."""

from __future__ import annotations

from pathlib import Path

from mmsflow.cli.ending import report_paths
from mmsflow.cli.output import print_json
from mmsflow.cli.session import Session
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.history import find_run, run_as_json
from mmsflow.workflow.run import report_run


def report(run: str, out: Path | None, *, show_numbers: bool, as_json: bool) -> int:
    """Write the report; returns the exit code."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        found = find_run(ledger, run)
        paths = report_run(
            ledger, found, session.workspace, now=session.clock.now(), out=out, show_numbers=show_numbers
        )
        if as_json:
            held = ledger.holder() is not None
            print_json(run_as_json(ledger, found, held=held) | {"report": report_paths(paths)})
            return 0
    for path in (paths.csv, paths.json, paths.html):
        if path:
            print(path)
    return 0
