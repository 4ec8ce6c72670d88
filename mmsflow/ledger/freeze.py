"""Freezing a run: everything that is to be sent and everything that is not, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from mmsflow.audience.model import SetAside
from mmsflow.errors import LedgerError
from mmsflow.ledger.approvals import use_up
from mmsflow.ledger.codec import encode_cells, encode_layout, encode_texts
from mmsflow.ledger.database import Prepared
from mmsflow.ledger.model import NewRun
from mmsflow.ledger.runs import already_there, find_runs, insert_run
from mmsflow.ledger.schema import layouts, messages, runs, set_aside, tallies
from mmsflow.message.model import Layout, PlannedMessage
from mmsflow.mms.status import MessageState

_CHUNK_ROWS = 2_000
_BULK_ROWS = 10_000

_INSERT_MESSAGE = Prepared(
    insert(messages),
    "run_key",
    "ordinal",
    "source_row",
    "source",
    "msisdn",
    "variant",
    "subject",
    "layout_key",
    "texts",
    "wave",
    "state",
    "consent",
    "segments",
)
_INSERT_SET_ASIDE = Prepared(
    insert(set_aside), "run_key", "ordinal", "source_row", "source", "number", "bucket", "code", "reason", "segments"
)
_INSERT_TALLY = Prepared(insert(tallies), "run_key", "wave", "state", "n")


def freeze(
    connection: Connection,
    new: NewRun,
    planned: Iterable[tuple[PlannedMessage, int]],
    aside: Iterable[SetAside],
    names: Collection[str],
) -> int:
    """Store a run with all its rows; ``planned`` is consumed to its end before ``aside`` is begun.

    Args:
        connection: in the transaction that makes or breaks the whole.
        new: the run; ``new.rows`` is what both iterables have together.
        planned: messages in sending order, each with the number of its wave.
        aside: rows that get no message.
        names: every name of the run's account.

    Returns:
        The key of the run.

    Raises:
        LedgerError: a row is missing or there twice, a number has two messages, or the occurrence has its run.
    """
    if find_runs(connection, accounts=names, campaign=new.campaign, occurrence=new.occurrence):
        raise already_there(new)
    bulk = _is_bulk(connection, new)
    key = insert_run(connection, new)
    use_up(connection, key, new, names)
    rows = _Rows(new.rows)
    waves: Counter[int] = Counter({wave.number: 0 for wave in new.waves})
    with _one_message_a_number(), _indexes_afterwards(connection) if bulk else nullcontext():
        for chunk in _chunks(_message_rows(connection, key, planned, rows, waves)):
            _INSERT_MESSAGE.many(connection, chunk)
    buckets: Counter[str] = Counter()
    for chunk in _chunks(_set_aside_rows(key, aside, rows, buckets)):
        _INSERT_SET_ASIDE.many(connection, chunk)
    rows.check_complete()
    _insert_tallies(connection, key, waves, buckets)
    return key


class _Rows:
    """Proves that every row of the lists is stored exactly once: a byte a row."""

    def __init__(self, total: int) -> None:
        self._seen = bytearray(total + 1)
        self._seen[0] = 1  # ordinals count from 1

    def add(self, ordinal: int) -> None:
        seen = self._seen
        if not 0 < ordinal < len(seen) or seen[ordinal]:
            what = "twice" if 0 < ordinal < len(seen) else f"beyond the {len(seen) - 1} rows of the lists"
            raise LedgerError(f"the plan names row {ordinal} {what}; nothing was stored", "Plan again.")
        seen[ordinal] = 1

    def check_complete(self) -> None:
        missing = self._seen.find(0)
        if missing >= 0:
            raise LedgerError(
                f"the plan leaves out {self._seen.count(0)} rows of the lists, the first is row {missing}; "
                "nothing was stored",
                "Plan again; the lists may have changed meanwhile.",
            )


def _message_rows(
    connection: Connection,
    key: int,
    planned: Iterable[tuple[PlannedMessage, int]],
    rows: _Rows,
    waves: Counter[int],
) -> Iterator[tuple[object, ...]]:
    known: dict[Layout, int] = {}
    last: Layout | None = None
    layout_key = 0
    ready = MessageState.READY.value
    for message, wave in planned:
        rows.add(message.ordinal)
        waves[wave] += 1
        if message.layout is not last:
            last = message.layout
            layout_key = _layout_key(connection, key, last, known)
        yield (
            key,
            message.ordinal,
            message.row,
            message.source,
            message.msisdn,
            message.variant,
            message.subject,
            layout_key,
            encode_texts(message.texts),
            wave,
            ready,
            encode_cells(message.consent),
            encode_cells(message.segments),
        )


def _layout_key(connection: Connection, key: int, layout: Layout, known: dict[Layout, int]) -> int:
    if (found := known.get(layout)) is None:
        values = {"run_key": key, "layout": encode_layout(layout)}
        found = int(connection.execute(insert(layouts).returning(layouts.c.key), values).scalar_one())
        known[layout] = found
    return found


def _set_aside_rows(
    key: int, aside: Iterable[SetAside], rows: _Rows, buckets: Counter[str]
) -> Iterator[tuple[object, ...]]:
    for row in aside:
        rows.add(row.ordinal)
        buckets[row.bucket.value] += 1
        segments = encode_cells(row.segments)
        yield key, row.ordinal, row.row, row.source, row.number, row.bucket.value, row.code, row.reason, segments


def _is_bulk(connection: Connection, new: NewRun) -> bool:
    # Making the indexes anew also reads what earlier runs stored: it pays where this run is the larger part.
    held = int(connection.execute(select(func.coalesce(func.sum(runs.c.rows), 0))).scalar_one())
    return new.rows >= max(_BULK_ROWS, held)


@contextmanager
def _indexes_afterwards(connection: Connection) -> Iterator[None]:
    """Leave the indexes on messages out of the way within, and make them anew at the end of the same transaction."""
    indexes = sorted(messages.indexes, key=lambda index: str(index.name))
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)


@contextmanager
def _one_message_a_number() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise LedgerError(
            "the plan has two messages for one number; nothing was stored",
            "Plan again; a number gets at most one message in a run.",
        ) from error


def _insert_tallies(connection: Connection, key: int, waves: Counter[int], buckets: Counter[str]) -> None:
    rows: list[tuple[object, ...]] = [(key, 0, bucket, n) for bucket, n in buckets.items()]
    for wave, size in waves.items():
        rows += [(key, wave, state.value, size if state is MessageState.READY else 0) for state in MessageState]
    _INSERT_TALLY.many(connection, rows)


def _chunks(rows: Iterator[tuple[object, ...]]) -> Iterator[list[tuple[object, ...]]]:
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield chunk
