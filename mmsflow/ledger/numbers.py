"""What became of the same numbers in two runs: both are read in the order of the numbers, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, literal_column, select, union_all

from mmsflow.ledger.runs import is_purged
from mmsflow.ledger.schema import messages, set_aside
from mmsflow.mms.status import BUCKET_OF_STATE, Bucket, MessageState

_CHUNK_ROWS = 2_000

Fate = tuple[str, Bucket | None, Bucket | None]
"""A number (E.164), its bucket in the first run and in the second; None where it is not in that run."""


def fates(connection: Connection, first: int, second: int) -> Iterator[Fate]:
    """Every number of two runs, in the order of the numbers; memory stays flat.

    Nothing where the personal data of one of them were removed.

    A number stands for the row that counts: its message, else the row that left it out on purpose. Rows that repeat
    another one, and rows that hold no number that can be sent to, are in neither.

    Args:
        connection: of one moment, so that both runs are as they were then.
        first, second: keys of two different runs.
    """
    if any(is_purged(connection, key) for key in (first, second)):
        return
    mine, theirs = _numbers(connection, first), _numbers(connection, second)
    one, other = next(mine, None), next(theirs, None)
    while one or other:
        if other is None or (one and one[0] < other[0]):
            assert one is not None
            yield one[0], one[1], None
            one = next(mine, None)
        elif one is None or other[0] < one[0]:
            yield other[0], None, other[1]
            other = next(theirs, None)
        else:
            yield one[0], one[1], other[1]
            one, other = next(mine, None), next(theirs, None)


def _numbers(connection: Connection, key: int) -> Iterator[tuple[str, Bucket]]:
    for number, rows in groupby(_rows(connection, key), itemgetter(0)):
        state = next(rows)[2]
        yield number, Bucket.EXCLUDED if state == Bucket.EXCLUDED else BUCKET_OF_STATE[MessageState(state)]


def _rows(connection: Connection, key: int) -> Iterator[tuple[str, int, str]]:
    sent = select(messages.c.msisdn.label("number"), literal_column("0").label("rank"), messages.c.state)
    left_out = select(set_aside.c.number, literal_column("1"), set_aside.c.bucket)
    both = union_all(
        sent.where(messages.c.run_key == key),
        left_out.where(set_aside.c.run_key == key, set_aside.c.bucket == Bucket.EXCLUDED.value),
    ).order_by("number", "rank")
    result = connection.execution_options(stream_results=True).execute(both)
    while chunk := result.fetchmany(_CHUNK_ROWS):
        yield from chunk
