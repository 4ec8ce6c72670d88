"""``mmsflow report``: a run's report anew, offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmsflow.cli.ending import report_paths
from mmsflow.cli.output import print_json, say, show_error, show_findings, tell
from mmsflow.cli.session import Session
from mmsflow.report.model import ReportFailed
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.history import find_run, run_as_json
from mmsflow.workflow.run import report_run


def report(run: str, out: Path | None, formats: Sequence[str], *, show_numbers: bool, as_json: bool) -> int:
    """Write the report; returns the exit code: 3 where the workspace's own look is broken and was not used."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        found = find_run(ledger, run)
        failed = None
        try:
            paths = report_run(
                ledger,
                found,
                session.workspace,
                now=session.clock.now(),
                out=out,
                show_numbers=show_numbers,
                formats=formats,
            )
        except ReportFailed as error:  # what of it was written is still named
            failed, paths = error, error.paths
        if as_json:
            held = ledger.holder() is not None
            problems = [finding.as_json() for finding in paths.look_problems]
            document = run_as_json(ledger, found, held=held) | {"report": report_paths(paths)}
            document |= failed.as_json() if failed else {}
            print_json(document | ({"errors": problems} if problems else {}))
    if not as_json:
        for path in (paths.csv, paths.xlsx, paths.json, paths.html):
            if path:
                tell(str(path))
    if failed:
        show_error(failed, as_json=False)
        return failed.exit_code
    if not paths.look_problems:
        return 0
    show_findings(paths.look_problems)
    say("the report has the built-in look, because that of the workspace is broken")
    return 3
