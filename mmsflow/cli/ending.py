"""How commands that move a run end: report, document or table, exit code."""

from __future__ import annotations

import sys

from mmsflow.cli.output import paint, print_json, say, show_error, table
from mmsflow.cli.session import Session
from mmsflow.errors import MmsflowError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.report.model import ReportPaths
from mmsflow.workflow.history import run_as_json, shown_state
from mmsflow.workflow.run import report_run


def end_run(
    session: Session,
    ledger: LedgerReader,
    run: RunInfo,
    error: MmsflowError | None,
    *,
    show_numbers: bool = False,
    as_json: bool = False,
) -> int:
    """Write the report whatever the end, show where the run stands, return the exit code."""
    paths = report_run(ledger, run, session.workspace, now=session.clock.now(), show_numbers=show_numbers)
    current = ledger.find_run(run.run) or run
    if as_json:
        document = run_as_json(ledger, current, held=False) | {"report": report_paths(paths)}
        if error is not None:
            document |= {"error": error.message, "advice": error.advice, "exit_code": error.exit_code}
        print_json(document)
    else:
        print(buckets_table(ledger, current))
        print(f"{paint(current.run, 'strong', sys.stdout)} is {shown_state(current, held=False).replace('_', ' ')}")
        if (waiting := ledger.outstanding(current.key)) and current.delivery_report:
            print(f"{waiting} messages wait for their delivery report; `mmsflow poll {current.run}` asks again")
    if error is not None:
        show_error(error, as_json=False)
    if not as_json:
        say(f"report  {paths.html or paths.csv or paths.json}")
    return error.exit_code if error is not None else 0


def buckets_table(ledger: LedgerReader, run: RunInfo) -> str:
    """Rows by bucket, without the empty buckets, and their sum."""
    counts = ledger.bucket_counts(run.key)
    rows = [(bucket.value.replace("_", " "), str(number)) for bucket, number in counts.items() if number]
    rows.append(("rows of the lists", str(sum(counts.values()))))
    return table(rows, ("bucket", "rows"))


def report_paths(paths: ReportPaths) -> dict[str, str | None]:
    """The paths as ``--json`` gives them."""
    return {
        "csv": str(paths.csv) if paths.csv else None,
        "html": str(paths.html) if paths.html else None,
        "json": str(paths.json) if paths.json else None,
    }
