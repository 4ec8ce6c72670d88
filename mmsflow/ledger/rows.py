"""The rows of the source lists as a report shows them, and what each of them went through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from operator import itemgetter

from sqlalchemy import ColumnClause, Connection, literal_column, select, union_all

from mmsflow.ledger.codec import decode_cells, maybe_instant
from mmsflow.ledger.events import events_of_message
from mmsflow.ledger.model import ReportRow, Story
from mmsflow.ledger.runs import find_runs, is_purged, waves_of
from mmsflow.ledger.schema import messages, runs, set_aside, tallies
from mmsflow.mms.status import BUCKET_OF_STATE, Bucket, MessageState

_CHUNK_ROWS = 2_000

# Rows that were set aside have their bucket's name where messages have their state's.
_BUCKETS: dict[str, Bucket] = {bucket.value: bucket for bucket in Bucket} | {
    state.value: bucket for state, bucket in BUCKET_OF_STATE.items()
}
_STATES = frozenset(state.value for state in MessageState)
_NEVER_BEGUN = frozenset(state.value for state in MessageState if state.never_left)
_NOT_BEGUN = _NEVER_BEGUN | {state.value for state in MessageState if state.is_unsent}

_EMPTY: ColumnClause[str] = literal_column("''")
_ZERO: ColumnClause[int] = literal_column("0")
_NULL: ColumnClause[int | None] = literal_column("NULL")

_MESSAGE_ROWS = select(
    messages.c.ordinal,
    messages.c.source_row,
    messages.c.source,
    messages.c.msisdn,
    messages.c.variant,
    messages.c.state,
    messages.c.status,
    messages.c.reason,
    messages.c.code,
    messages.c.gateway_id,
    messages.c.wave,
    messages.c.attempt,
    messages.c.sent_at,
    messages.c.final_at,
    messages.c.subject,
    messages.c.run_key,
    messages.c.id,
    messages.c.segments,
    messages.c.consent,
)
_SET_ASIDE_ROWS = select(
    set_aside.c.ordinal,
    set_aside.c.source_row,
    set_aside.c.source,
    set_aside.c.number,
    _EMPTY,
    set_aside.c.bucket,
    _EMPTY,
    set_aside.c.reason,
    set_aside.c.code,
    _EMPTY,
    _ZERO,
    _ZERO,
    _NULL,
    _NULL,
    _EMPTY,
    set_aside.c.run_key,
    _NULL,
    set_aside.c.segments,
    _EMPTY,
)
# fmt: off
_Raw = tuple[
    int, int, str, str, str, str, str, str, str, str, int, int, int | None, int | None, str, int, int | None, str, str
]
# fmt: on


def report_rows(connection: Connection, key: int) -> Iterator[ReportRow]:
    """Every row of a run's lists, in their order; memory stays flat."""
    starts = {wave.number: wave.starts_at for wave in waves_of(connection, key)}
    purged = is_purged(connection, key)
    both = union_all(
        _MESSAGE_ROWS.where(messages.c.run_key == key), _SET_ASIDE_ROWS.where(set_aside.c.run_key == key)
    ).order_by("ordinal")
    result = connection.execution_options(stream_results=True).execute(both)
    while chunk := result.fetchmany(_CHUNK_ROWS):
        for raw in chunk:
            row = _row(raw, starts)
            yield replace(row, number="") if purged else row  # what stands in for it says nothing to anybody


def stories(connection: Connection, msisdn: str) -> list[Story]:
    """What happened to a number, newest run first; within a run in the order of the lists."""
    everywhere = select(runs.c.key)
    both = union_all(
        _MESSAGE_ROWS.where(messages.c.run_key.in_(everywhere), messages.c.msisdn == msisdn),
        _SET_ASIDE_ROWS.where(set_aside.c.run_key.in_(everywhere), set_aside.c.number == msisdn),
    )
    found: dict[int, list[_Raw]] = {}
    for raw in connection.execute(both):
        found.setdefault(raw[15], []).append(raw)
    told: list[Story] = []
    for run in find_runs(connection):
        if run.key in found:
            starts = {wave.number: wave.starts_at for wave in waves_of(connection, run.key)}
            told += [
                (run, _row(row, starts), events_of_message(connection, row[16]) if row[16] else [])
                for row in sorted(found[run.key], key=itemgetter(0))
            ]
    return told


def state_counts(connection: Connection, key: int) -> dict[MessageState, int]:
    """Messages by state, zeros included."""
    counts = dict.fromkeys(MessageState, 0)
    for _, state, n in _counted(connection, key):
        if state in _STATES:
            counts[MessageState(state)] += n
    return counts


def bucket_counts(connection: Connection, key: int) -> dict[Bucket, int]:
    """Rows of the lists by bucket, zeros included."""
    counts = dict.fromkeys(Bucket, 0)
    for _, state, n in _counted(connection, key):
        counts[_BUCKETS[state]] += n
    return counts


def wave_progress(connection: Connection, key: int) -> dict[int, int]:
    """Messages of each wave that have left us, or may have."""
    progress: dict[int, int] = {}
    for wave, state, n in _counted(connection, key):
        if state in _STATES:
            progress[wave] = progress.get(wave, 0) + (n if state not in _NOT_BEGUN else 0)
    return progress


def waves_not_sent(connection: Connection, key: int) -> dict[int, int]:
    """Messages of each wave that are never sent: cancelled, late, or suppressed; only waves that have any."""
    found: dict[int, int] = {}
    for wave, state, n in _counted(connection, key):
        if n and state in _NEVER_BEGUN:
            found[wave] = found.get(wave, 0) + n
    return found


def _counted(connection: Connection, key: int) -> Iterator[tuple[int, str, int]]:
    query = select(tallies.c.wave, tallies.c.state, tallies.c.n).where(tallies.c.run_key == key)
    for row in connection.execute(query.order_by(tallies.c.wave)):
        yield row.wave, row.state, row.n


def _row(raw: _Raw, starts: dict[int, datetime | None]) -> ReportRow:
    (ordinal, row, source, number, variant, state, status, reason, code, gateway_id, wave, attempts) = raw[:12]
    return ReportRow(
        ordinal,
        row,
        source,
        number,
        variant,
        _BUCKETS[state],
        status or state,
        reason,
        code,
        gateway_id,
        wave,
        attempts,
        starts.get(wave),
        maybe_instant(raw[12]),
        maybe_instant(raw[13]),
        raw[14],
        decode_cells(raw[17]),
        decode_cells(raw[18]),
    )
