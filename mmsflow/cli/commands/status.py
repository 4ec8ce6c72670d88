"""``mmsflow status`` and ``mmsflow runs``: where runs stand; works while another process sends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from datetime import datetime, tzinfo

from mmsflow.cli.ending import buckets_table, state_in_words, way_on
from mmsflow.cli.output import local, paint, print_json, table, tell
from mmsflow.cli.session import Session
from mmsflow.ledger.model import Holder, RunInfo
from mmsflow.ledger.stop_file import START_ALL
from mmsflow.ledger.store import LedgerReader
from mmsflow.report.moments import zone_of
from mmsflow.report.wording import PAUSE_WORDS
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.history import find_run, run_as_json
from mmsflow.workflow.standing import has_work
from mmsflow.workflow.stopping import described

_WATCH_SECONDS = 1.0
_CLEAR = "\033[H\033[J"


def status(run: str | None, *, watch: bool, as_json: bool) -> int:
    """Show one run, or all that are not finished; returns the exit code."""
    session = Session.start()
    while True:
        with reading_ledger(session.settings) as ledger:
            chosen = [find_run(ledger, run)] if run else _unfinished(ledger)
            holder, now = ledger.holder(), session.clock.now()
            held = holder is not None
            stop = ledger.stop_file.read()
            if as_json:
                print_json(_document(ledger, chosen, holder, now))
            else:
                text = "\n\n".join(_describe(ledger, each, held=held) for each in chosen)
                if watch and sys.stdout.isatty():
                    print(_CLEAR, end="")
                if stop is not None:
                    tell(f"{described(stop, session.settings.quota_timezone)}; {START_ALL}\n")
                if holder is not None:
                    tell(f"{holder_in_words(holder, now, session.settings.quota_timezone)}\n")
                tell(text or "no runs yet")
            busy = any(has_work(ledger, each) for each in chosen)
        if not watch or not busy:
            return 0
        # An event that is never set: a wait that Ctrl-C ends at once.
        threading.Event().wait(_WATCH_SECONDS)


def runs(*, as_json: bool) -> int:
    """List all runs, newest first; returns the exit code."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        found = ledger.runs()
        holder, now = ledger.holder(), session.clock.now()
        held = holder is not None
        if as_json:
            print_json(_document(ledger, found, holder, now))
            return 0
        if holder is not None:
            tell(f"{holder_in_words(holder, now, session.settings.quota_timezone)}\n")
        if (stop := ledger.stop_file.read()) is not None:
            tell(f"{described(stop, session.settings.quota_timezone)}; {START_ALL}\n")
        rows = []
        for each in found:
            counts = {bucket.value: number for bucket, number in ledger.bucket_counts(each.key).items()}
            state = state_in_words(ledger, each, held=held)
            rows.append(
                (each.run, each.account, state, each.rows, counts["delivered"], counts["maybe_sent"], counts["pending"])
            )
    tell(
        table(rows, ("run", "account", "state", "rows", "delivered", "maybe sent", "pending"))
        if rows
        else "no runs yet"
    )
    return 0


def _document(ledger: LedgerReader, runs: Sequence[RunInfo], holder: Holder | None, now: datetime) -> dict[str, object]:
    stop = ledger.stop_file.read()
    shown = [run_as_json(ledger, each, held=holder is not None) for each in runs]
    return {
        "holder": holder.as_json(now) if holder else None,
        "all_stopped": stop.as_json() if stop else None,
        "runs": shown,
    }


def holder_in_words(holder: Holder, now: datetime, zone: tzinfo) -> str:
    """Say which process holds the ledger, when it last gave a sign of life, and what to do where it gives none."""
    doing = f" ({holder.command})" if holder.command else ""
    since = f" since {local(holder.since, zone)}" if holder.since else ""
    text = f"process {holder.pid} on {holder.host}{doing} holds the ledger{since}"
    if holder.last_seen is None or (answers := holder.answers(now)) is None:
        return text
    seen = local(holder.last_seen, zone)
    if answers:
        return f"{text}; it last gave a sign of life at {seen}"
    warning = paint(f"{text}, and does not answer since {seen}", "warning", sys.stdout)
    return (
        f"{warning}\nIt may be stopped (`kill -CONT {holder.pid}` wakes it), or its machine. To end it is safe, too: "
        f"`kill -9 {holder.pid}`, and `mmsflow resume` goes on"
    )


def _unfinished(ledger: LedgerReader) -> list[RunInfo]:
    found = ledger.runs()
    return [each for each in found if has_work(ledger, each)] or found[:1]


def _describe(ledger: LedgerReader, run: RunInfo, *, held: bool) -> str:
    zone = zone_of(run.config)
    state = state_in_words(ledger, run, held=held)
    lines = [
        f"{paint(run.run, 'strong', sys.stdout)}  {state}"
        + (f" ({PAUSE_WORDS[run.paused_by]})" if run.paused_by else "")
    ]
    lines.append(f"account {run.account}, begun {local(run.created_at, zone)}")
    if run.due_at:
        lines.append(f"due {local(run.due_at, zone)}")
    if approval := ledger.approval_for(run.key):
        lines.append(f"approved by {approval.who}, {local(approval.at, zone)}")
    if run.reason:
        lines.append(run.reason)
    if run.resumes_at:
        lines.append(f"can go on from {local(run.resumes_at, zone)}")
    if not held and (way := way_on(ledger, run)):
        lines.append(way)
    return "\n".join([*lines, "", buckets_table(ledger, run), "", _waves(ledger, run, zone)]).rstrip()


def _waves(ledger: LedgerReader, run: RunInfo, zone: tzinfo) -> str:
    progress, not_sent = ledger.wave_progress(run.key), ledger.waves_not_sent(run.key)
    rows = [
        (
            wave.number,
            f"{progress.get(wave.number, 0)} of {wave.size}"
            + (f", {left} not sent" if (left := not_sent.get(wave.number, 0)) else ""),
            local(wave.starts_at, zone) or "after the next reset",
        )
        for wave in ledger.waves(run.key)
    ]
    return table(rows, ("wave", "done", "planned for"))
