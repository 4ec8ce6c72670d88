"""A finished run in a ledger, and the ways of turning it into a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.contender import Measurement, Stopwatch, Task
from mmsflow.audience.model import SetAside
from mmsflow.ledger.model import NewRun, Outcome, PollResult, ReportRow, RunInfo, WaveRecord
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.message.model import PlannedMessage, StaticPart
from mmsflow.mms.status import Bucket, MessageState
from mmsflow.report.write import write_report

_NAME = "bench-20260101-1"
_START = datetime(2026, 1, 1, 8, tzinfo=UTC)
_CHUNK = 2_000
_SOURCE = "lists/bench.csv"
_LAYOUT = (StaticPart("image/jpeg", "winter.jpg", "0" * 64, 100_000),)


def make_run(task: Task) -> Measurement:
    """Store a run of ``task.count`` rows: a tenth set aside, a fiftieth of the rest failed, the others delivered."""
    watch = Stopwatch()
    with watch.running(), Ledger.open(_url(task)) as ledger:
        run = ledger.take_run(_freeze(ledger, task.count).key)
        after = 0
        while ready := ledger.ready(run.key, now=_START, after=after, limit=_CHUNK):
            after = ready[-1].id
            _settle(ledger, run, [message.id for message in ready])
    return watch.measurement(task.count)


def report(task: Task) -> Measurement:
    """Our report in all three formats."""
    watch = Stopwatch()
    with LedgerReader.open(_url(task)) as reader:
        run = _run(reader)
        with watch.running():
            write_report(reader, run, Path(task.folder, "report"), now=_START)
    return watch.measurement(task.count)


def csv_alone(task: Task) -> Measurement:
    """csv.writer on the same rows, which are in memory already."""
    watch = Stopwatch()
    with LedgerReader.open(_url(task)) as reader:
        rows = list(reader.report_rows(_run(reader).key))
    with watch.running():
        _write(task, rows)
    return watch.measurement(task.count)


def read_and_csv(task: Task) -> Measurement:
    """Reading the rows from the ledger and csv.writer, nothing else."""
    watch = Stopwatch()
    with LedgerReader.open(_url(task)) as reader, watch.running():
        _write(task, reader.report_rows(_run(reader).key))
    return watch.measurement(task.count)


def _write(task: Task, rows: Sequence[ReportRow] | Iterator[ReportRow]) -> None:
    with Path(task.folder, "plain.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            (
                _NAME,
                "bench",
                row.row,
                row.source,
                row.number,
                row.variant,
                row.bucket,
                row.status,
                row.reason,
                row.gateway_id,
                row.wave,
                row.attempts,
                row.planned_at,
                row.sent_at,
                row.final_at,
                row.subject,
            )
            for row in rows
        )


def _url(task: Task) -> str:
    return f"sqlite:///{task.folder}/ledger.db"


def _run(reader: LedgerReader) -> RunInfo:
    run = reader.find_run(_NAME)
    if run is None:
        raise RuntimeError("make_run has not been carried out here")
    return run


def _freeze(ledger: Ledger, rows: int) -> RunInfo:
    sent = [number for number in range(1, rows + 1) if number % 10]
    aside = (number for number in range(1, rows + 1) if not number % 10)
    new = NewRun(
        run=_NAME,
        campaign="bench",
        account="bench",
        occurrence=_NAME,
        test=False,
        campaign_file="campaigns/bench.yaml",
        campaign_sha256="0" * 64,
        plan_sha256="0" * 64,
        git_commit="",
        git_clean=False,
        sender="ACME",
        priority="Normal",
        delivery_report=True,
        config={"timezone": "Europe/Warsaw"},
        created_at=_START,
        rows=rows,
        waves=[WaveRecord(1, _START, len(sent))],
    )
    messages = (
        (PlannedMessage(number, _SOURCE, number + 1, f"+4850{number:07d}", f"Kod {number:07d}", _LAYOUT), 1)
        for number in sent
    )
    why = f"same number as {_SOURCE} row 2"
    others = (
        SetAside(number, _SOURCE, number + 1, f"+4851{number:07d}", Bucket.DUPLICATE, "duplicate", why)
        for number in aside
    )
    return ledger.freeze_run(new, messages, others)


def _settle(ledger: Ledger, run: RunInfo, ids: list[int]) -> None:
    period = "2026-01-22"
    ledger.commit(run.key, run.fence, outcomes=(), intents=ids, now=_START, period=period)
    outcomes = [
        Outcome(each, 1, MessageState.ACCEPTED, _sent_at(each), gateway_id=f"bench-{each:09d}", next_poll_at=_START)
        for each in ids
    ]
    ledger.commit(run.key, run.fence, outcomes=outcomes, intents=(), now=_START, period=period)
    ledger.record_polls(run.key, [_answer(each) for each in ids])


def _sent_at(number: int) -> datetime:
    return _START + timedelta(milliseconds=7 * number)


def _answer(number: int) -> PollResult:
    at = _sent_at(number) + timedelta(seconds=number % 977, microseconds=number % 1000)
    if number % 50:
        return PollResult(number, at, MessageState.DELIVERED, "Retrieved")
    return PollResult(number, at, MessageState.FAILED, "Rejected", reason="the network refused it")
