"""How commands that move a run end: report, document or table, exit code."""

from __future__ import annotations

import sys

from mmsflow.cli.output import local, paint, print_json, say, show_error, table, tell, warn
from mmsflow.cli.session import Session
from mmsflow.errors import MmsflowError
from mmsflow.first_failure import FirstFailure
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import MessageState
from mmsflow.report.model import NOTHING_WRITTEN, ReportFailed, ReportPaths
from mmsflow.report.moments import zone_of
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
    ends = FirstFailure(error)
    paths = reported(ends, ledger, run, session, show_numbers=show_numbers)
    warn_of_look(paths)
    current = ends.attempt(lambda: ledger.find_run(run.run), None) or run
    if as_json:
        known: dict[str, object] = {"run": current.run, "campaign": current.campaign}
        document = ends.attempt(lambda: run_as_json(ledger, current, held=False), known)
        failed = ends.error.as_json() if ends.error else {}
        ends.attempt(lambda: print_json(document | {"report": report_paths(paths)} | failed), None)
    else:
        ends.attempt(lambda: _tell_where(ledger, current), None)
    if ends.error is not None:
        show_error(ends.error, as_json=False)
    written = paths.html or paths.csv or paths.xlsx or paths.json
    if written and not as_json:
        say(f"report  {written}")
    return ends.exit_code


def reported(
    ends: FirstFailure, ledger: LedgerReader, run: RunInfo, session: Session, *, show_numbers: bool = False
) -> ReportPaths:
    """Write the run's report, whatever came before; where its files are, those of a failed one included."""

    def write() -> ReportPaths:
        return report_run(ledger, run, session.workspace, now=session.clock.now(), show_numbers=show_numbers)

    latest = ends.latest
    paths = ends.attempt(write, NOTHING_WRITTEN)
    failed = ends.latest if ends.latest is not latest else None
    return failed.paths if isinstance(failed, ReportFailed) else paths


def _tell_where(ledger: LedgerReader, run: RunInfo) -> None:
    tell(buckets_table(ledger, run))
    tell(f"{paint(run.run, 'strong', sys.stdout)} is {state_in_words(ledger, run, held=False)}")
    if way := way_on(ledger, run):
        tell(way)


def warn_of_look(paths: ReportPaths) -> None:
    """Say why the page has the built-in look although the workspace has its own; silent where it has that."""
    for problem in paths.look_problems:
        warn(f"{problem.place}: {problem.message}; the report has the built-in look")


def state_in_words(ledger: LedgerReader, run: RunInfo, *, held: bool) -> str:
    """The run's state for people, who do not take a run for done while delivery reports are outstanding."""
    state = shown_state(run, held=held)
    if state == RunState.DONE and run.delivery_report and ledger.outstanding(run.key):
        return "sent, not all of it reported"
    return state.replace("_", " ") + (", personal data removed" if run.purged_at else "")


def way_on(ledger: LedgerReader, run: RunInfo) -> str:
    """What carries on a run that nobody carries out, and from when; empty where nothing is left to do."""
    counts = ledger.state_counts(run.key)
    if unsent := counts.get(MessageState.READY, 0) + counts.get(MessageState.SENDING, 0):
        noun = "message is" if unsent == 1 else "messages are"
        since = f", from {local(run.resumes_at, zone_of(run.config))}" if run.resumes_at else ""
        way = f"`mmsflow run {run.campaign_file}` goes on{since}"
        if run.test:
            way = "`mmsflow send-test` makes a new test"
        elif run.paused_by is PausedBy.USER:
            way = f"`mmsflow resume {run.run}` goes on"
        return f"{unsent} {noun} not sent yet; {way}"
    waiting = ledger.outstanding(run.key) if run.delivery_report else 0
    noun = "message waits for its" if waiting == 1 else "messages wait for their"
    return f"{waiting} {noun} delivery report; `mmsflow poll {run.run}` asks again" if waiting else ""


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
        "xlsx": str(paths.xlsx) if paths.xlsx else None,
    }
