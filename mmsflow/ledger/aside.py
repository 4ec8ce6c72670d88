"""Rows of a run that got no message, a page at a time, in the order of the lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from sqlalchemy import ColumnClause, Connection, Row, Select, Table, func, literal_column, select

from mmsflow.ledger.codec import maybe_instant
from mmsflow.ledger.schema import messages, set_aside, tallies
from mmsflow.mms.status import SET_ASIDE_BUCKETS, Bucket, MessageState

ASIDE_BUCKETS: tuple[Bucket, ...] = SET_ASIDE_BUCKETS[::-1]
"""The buckets of rows that get no message, those that somebody can fix first."""

LOOKED_AT = 1_000_000
"""Rows of the lists that are looked at for one page at most: half a second for those that have messages."""

_SUPPRESSED = MessageState.SUPPRESSED.value
_BUCKETS = {bucket.value: bucket for bucket in ASIDE_BUCKETS} | {_SUPPRESSED: Bucket.EXCLUDED}
_NULL: ColumnClause[int | None] = literal_column("NULL")
_Columns = Select[int, int, str, str, str, str, str, int | None]


@dataclass(frozen=True, slots=True)
class AsideRow:
    """A row that got no message: set aside when the run was planned, or suppressed before its message was sent.

    Attributes:
        ordinal: its place in the lists.
        number: full, or the cell as it stands where it is no number.
        code: short reason for counting.
        suppressed_at: when its message was suppressed; None for a row that never had one.
    """

    ordinal: int
    row: int
    source: str
    number: str
    bucket: Bucket
    reason: str
    code: str
    suppressed_at: datetime | None


@dataclass(frozen=True, slots=True)
class AsidePage:
    """Some of them; ``next_after`` is the ordinal to go on after, 0 where nothing follows."""

    rows: Sequence[AsideRow]
    next_after: int


def aside_page(connection: Connection, key: int, buckets: Collection[Bucket], after: int, limit: int) -> AsidePage:
    """The next rows of a run that got no message.

    Args:
        buckets: of ASIDE_BUCKETS; others hold nothing here.
        after: the ordinal of the last row seen; 0 from the beginning.
        limit: at most so many rows. Fewer, even none, where ``LOOKED_AT`` rows of the lists hold no more.
    """
    chosen = [bucket.value for bucket in ASIDE_BUCKETS if bucket in buckets]
    there = _left_out(connection, key)
    looks: list[tuple[int, _Columns, Table]] = []
    if count := sum(there.get(bucket, 0) for bucket in chosen):
        looks.append((count, aside_query(key, chosen, after, min(limit + 1, count)), set_aside))
    if Bucket.EXCLUDED in buckets and (count := there.get(_SUPPRESSED, 0)):
        looks.append((count, suppressed_query(key, after, min(limit + 1, count)), messages))
    found = [[_row(raw) for raw in connection.execute(query)] for _, query, _ in looks]
    rows = sorted((row for each in found for row in each), key=attrgetter("ordinal"))
    if len(rows) > limit:
        return AsidePage(rows[:limit], rows[limit - 1].ordinal)
    unseen = [table for (count, _, table), each in zip(looks, found, strict=True) if len(each) < count]
    more = any(_goes_on(connection, table, key, after + LOOKED_AT) for table in unseen)
    return AsidePage(rows, after + LOOKED_AT if more else 0)


def aside_query(key: int, buckets: Sequence[str], after: int, limit: int) -> _Columns:
    """Rows that were set aside: the primary key gives them in their order."""
    its = set_aside.c
    return (
        select(its.ordinal, its.source_row, its.source, its.number, its.bucket, its.reason, its.code, _NULL)
        .where(its.run_key == key, its.ordinal > after, its.ordinal <= after + LOOKED_AT, its.bucket.in_(buckets))
        .order_by(its.ordinal)
        .limit(limit)
    )


def suppressed_query(key: int, after: int, limit: int) -> _Columns:
    """Messages that were suppressed. They have no index of their own: the messages are looked through."""
    its = messages.c
    return (
        select(its.ordinal, its.source_row, its.source, its.msisdn, its.state, its.reason, its.code, its.final_at)
        .where(its.run_key == key, its.ordinal > after, its.ordinal <= after + LOOKED_AT, its.state == _SUPPRESSED)
        .order_by(its.ordinal)
        .limit(limit)
    )


def _left_out(connection: Connection, key: int) -> dict[str, int]:
    """Rows without a message by bucket, and messages that were suppressed; without those of which there is none."""
    query = select(tallies.c.state, func.sum(tallies.c.n)).where(tallies.c.run_key == key).group_by(tallies.c.state)
    return {state: int(n) for state, n in connection.execute(query) if state in _BUCKETS}


def _row(raw: Row[int, int, str, str, str, str, str, int | None]) -> AsideRow:
    return AsideRow(*raw[:4], _BUCKETS[raw[4]], *raw[5:7], maybe_instant(raw[7]))


def _goes_on(connection: Connection, table: Table, key: int, after: int) -> bool:
    beyond = select(table.c.ordinal).where(table.c.run_key == key, table.c.ordinal > after)
    return connection.execute(beyond.order_by(table.c.ordinal).limit(1)).first() is not None
