"""What a page shows of a long history: a few rows at a time, found through indexes, and counts made by the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import attrgetter

from sqlalchemy import Connection, Select, case, func, literal_column, select

from mmsflow.ledger.codec import maybe_instant, to_instant
from mmsflow.ledger.events import events_of_message
from mmsflow.ledger.model import Event
from mmsflow.ledger.schema import IS_PROBLEM, PROBLEMS, messages, runs
from mmsflow.mms.status import BUCKET_OF_STATE, Bucket, MessageState


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A message that ended badly, or whose end is not known; ``number`` is full.

    Attributes:
        id, attempt: which attempt of which message.
        status: the operator's last word; empty where there was none.
        code: short reason for counting.
    """

    id: int
    attempt: int
    state: MessageState
    row: int
    source: str
    number: str
    subject: str
    sent_at: datetime | None
    final_at: datetime | None
    status: str
    reason: str
    code: str

    @property
    def bucket(self) -> Bucket:
        return BUCKET_OF_STATE[self.state]


@dataclass(frozen=True, slots=True)
class CurveCounts:
    """Messages sent, and delivered, in each of the equal bins that ``edges`` (seconds since 1970) part."""

    edges: range
    sent: Sequence[int]
    delivered: Sequence[int]


_COLUMNS = (
    messages.c.id,
    messages.c.attempt,
    messages.c.state,
    messages.c.source_row,
    messages.c.source,
    messages.c.msisdn,
    messages.c.subject,
    messages.c.sent_at,
    messages.c.final_at,
    messages.c.status,
    messages.c.reason,
    messages.c.code,
)
_Columns = Select[int, int, str, int, str, str, str, int | None, int | None, str, str, str]


def problem_rows(
    connection: Connection, key: int, buckets: Collection[Bucket], after: int, limit: int
) -> list[ProblemRow]:
    """The next messages of a run in these buckets, in sending order.

    Args:
        buckets: of PROBLEM_BUCKETS; others hold nothing here.
        after: the id of the last one seen; 0 from the beginning.
        limit: at most so many; from each of the six states no more are read.
    """
    states = [state for state in PROBLEMS if BUCKET_OF_STATE[MessageState(state)] in buckets]
    found = [_of_state(connection, key, state, after, limit) for state in states]
    return list(islice(merge(*found, key=attrgetter("id")), limit))


def _of_state(connection: Connection, key: int, state: str, after: int, limit: int) -> list[ProblemRow]:
    # One state at a time: the index then gives exactly these rows in their order, whatever else has gone wrong.
    rows = connection.execute(problem_query(key, state, after, limit))
    return [
        ProblemRow(
            raw[0], raw[1], MessageState(raw[2]), *raw[3:7], maybe_instant(raw[7]), maybe_instant(raw[8]), *raw[9:]
        )
        for raw in rows
    ]


def problem_query(key: int, state: str, after: int, limit: int) -> _Columns:
    """The query for one state; the literal condition lets the database use the partial index."""
    return (
        select(*_COLUMNS)
        .where(messages.c.run_key == key, IS_PROBLEM, messages.c.state == state, messages.c.id > after)
        .order_by(messages.c.id)
        .limit(limit)
    )


def history_of(connection: Connection, ids: Collection[int]) -> dict[int, tuple[Event, ...]]:
    """The history of a few messages with all evidence, each oldest first."""
    return {number: tuple(events_of_message(connection, number)) for number in ids}


def span_query(key: int) -> Select[int | None, int | None, int | None]:
    """First and last submission, last delivery, in microseconds; one pass over the run's messages."""
    delivered = case((messages.c.state == literal_column("'delivered'"), messages.c.final_at))
    return select(func.min(messages.c.sent_at), func.max(messages.c.sent_at), func.max(delivered)).where(
        messages.c.run_key == key
    )


def curve_span(connection: Connection, key: int) -> tuple[datetime, datetime] | None:
    """From the first submission to the last submission or delivery; None before the first."""
    first, sent, delivered = connection.execute(span_query(key)).one()
    if first is None or sent is None:
        return None
    return to_instant(first), to_instant(max(sent, delivered or sent))


def first_submissions(connection: Connection, key: int, count: int) -> list[datetime]:
    """When those of a run's first ``count`` messages were submitted that were, in the order of its lists.

    It reads no more than ``count`` rows, however long the run is. Of a message that was tried again it is the last try.
    """
    return [to_instant(at) for (at,) in connection.execute(submissions_query(key, count)) if at is not None]


def submissions_query(key: int, count: int) -> Select[int | None]:
    """Submissions of the first ``count`` messages, in microseconds; by ordinal, for which there is an index."""
    return select(messages.c.sent_at).where(messages.c.run_key == key).order_by(messages.c.ordinal).limit(count)


def curve_counts(connection: Connection, key: int, edges: range) -> CurveCounts:
    """Counts by bin, made by the database: it returns two small tables whatever the run's size."""
    bins = len(edges) - 1
    start, width = edges.start * 1_000_000, edges.step * 1_000_000
    sent = _by_bin(connection, binned_query(key, "sent_at", start, width), bins)
    delivered = _by_bin(connection, binned_query(key, "final_at", start, width), bins)
    return CurveCounts(edges, sent, delivered)


def binned_query(key: int, column: str, start: int, width: int) -> Select[int, int]:
    """Messages by bin of an instant (microseconds); of ``final_at`` only those that were delivered."""
    at = messages.c[column]
    slot = (at - start) // width
    query = select(slot, func.count()).where(messages.c.run_key == key, at.is_not(None)).group_by(slot)
    return query.where(messages.c.state == literal_column("'delivered'")) if column == "final_at" else query


def _by_bin(connection: Connection, query: Select[int, int], bins: int) -> list[int]:
    found = [0] * bins
    for slot, count in connection.execute(query):
        found[min(max(int(slot), 0), bins - 1)] += count
    return found


def run_names(connection: Connection, accounts: Collection[str], before: int, limit: int) -> list[tuple[int, str]]:
    """Key and id of an account's runs, newest first; ``before`` is the key of the last one seen, 0 for none."""
    query = select(runs.c.key, runs.c.run).where(runs.c.account.in_(accounts)).order_by(runs.c.key.desc()).limit(limit)
    if before:
        query = query.where(runs.c.key < before)
    return [(key, run) for key, run in connection.execute(query)]
