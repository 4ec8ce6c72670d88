"""The audit of a run: its whole history gone through again, and compared with what the ledger says now.

Everything is read in one pass over each table, in the order of an index, so that memory stays flat however large the
run is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, union_all

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import decode_object, decode_texts
from mmsflow.ledger.layouts import Layouts
from mmsflow.ledger.model import RunInfo, RunState
from mmsflow.ledger.purge import still_personal
from mmsflow.ledger.replay import Problem, Replay, Step, Stored
from mmsflow.ledger.runs import run_by_key
from mmsflow.ledger.schema import blobs, events, inputs, layouts, messages, quota_use, set_aside, tallies, waves
from mmsflow.ledger.shared_ids import wrong_fates
from mmsflow.message.model import DrawnPart, StaticPart
from mmsflow.mms.status import BUCKET_OF_STATE, SET_ASIDE_BUCKETS, MessageState

_CHUNK_ROWS = 2_000
_ASIDE = frozenset(bucket.value for bucket in SET_ASIDE_BUCKETS)
_BUCKETS = {state.value: bucket for state, bucket in BUCKET_OF_STATE.items()}
_UNSENT = frozenset(state.value for state in MessageState if state.is_unsent)
_DOUBTFUL = frozenset(state.value for state in MessageState if state.is_uncertain)
_REMOVED = "removed"  # what stands in for the gateway's id, of which a purged run only knows that there was one


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be.

    Attributes:
        rule: a short, stable name of the rule.
        where: the run, or the row of the lists; no number.
        what: one sentence.
    """

    rule: str
    where: str
    what: str


@dataclass(slots=True)
class Figures:
    """How much an audit has gone through."""

    rows: int = 0
    messages: int = 0
    events: int = 0


def audit(connection: Connection, key: int, figures: Figures) -> Iterator[Violation]:
    """Everything that is wrong with a run's books, as of one moment.

    Args:
        connection: in a transaction that sees one state of the ledger.
        key: of the run.
        figures: counted up on the way.
    """
    run = run_by_key(connection, key)
    books = _Books(connection, run, figures)
    for rule, where, what in books.go_through():
        yield Violation(rule, where, what)


_Found = Iterator[tuple[str, str, str]]


class _Books:
    def __init__(self, connection: Connection, run: RunInfo, figures: Figures) -> None:
        self._connection, self._run, self._figures = connection, run, figures
        self._layouts = Layouts()
        self._counted: Counter[tuple[int, str]] = Counter()
        self._waves: Counter[int] = Counter()
        self._posts = 0
        span = select(func.min(messages.c.id), func.max(messages.c.id)).where(messages.c.run_key == run.key)
        first, last = connection.execute(span).one()
        self._first, self._last = first or 0, last or 0

    def go_through(self) -> _Found:
        yield from self._messages()
        for rule, what in self._of_the_run():
            yield rule, self._run.run, what

    def _of_the_run(self) -> Iterator[Problem]:
        yield from self._rows_of_the_lists()
        yield from self._one_message_a_number()
        yield from self._tallies()
        yield from self._planned_waves()
        yield from self._history_in_order()
        yield from self._end()
        yield from self._quota()
        yield from self._shared_ids()
        if self._run.purged_at:
            yield from self._purged()
        else:
            yield from self._blobs()

    def _purged(self) -> Iterator[Problem]:
        if left := still_personal(self._connection, self._run.key):
            yield "purged", f"its personal data were removed, but {left} rows still hold a number"

    def _stream(self, query: Select[*tuple[Any, ...]]) -> Iterator[Row[*tuple[Any, ...]]]:
        result = self._connection.execution_options(stream_results=True).execute(query)
        while chunk := result.fetchmany(_CHUNK_ROWS):
            yield from chunk

    def _messages(self) -> _Found:
        steps = self._stream(
            select(
                events.c.message_id,
                events.c.run_key,
                events.c.attempt,
                events.c.fence,
                events.c.old,
                events.c.new,
                events.c.detail,
            )
            .where(events.c.message_id.between(self._first, self._last))
            .order_by(events.c.message_id, events.c.id)
        )
        stored = self._stream(
            select(messages)
            .where(messages.c.id.between(self._first, self._last), messages.c.run_key == self._run.key)
            .order_by(messages.c.id)
        )
        event = next(steps, None)
        for message in stored:
            mine = []
            while event is not None and event.message_id <= message.id:
                if event.message_id == message.id:
                    mine.append(event)
                event = next(steps, None)
            where = f"row {message.source_row} of {message.source}"
            for rule, what in self._message(message, mine):
                yield rule, where, what

    def _message(self, message: Row[*tuple[Any, ...]], history: list[Row[*tuple[Any, ...]]]) -> Iterator[Problem]:
        replay = Replay()
        for event in history:
            if event.run_key != self._run.key:
                yield "foreign_event", f"{event.old} → {event.new} is noted as another run's"
            try:
                step = _step(event)
            except LedgerError as error:
                yield "evidence", error.message
                step = Step(event.attempt, event.fence, event.old, event.new)
            yield from replay.step(step)
        yield from replay.compare(
            Stored(
                message.state,
                message.attempt,
                message.unspent,
                message.fence,
                message.gateway_id or (_REMOVED if self._run.purged_at else ""),
                message.final_at is not None,
                message.next_poll_at is not None,
            )
        )
        if replay.fence > self._run.fence:
            yield "fence_went_back", f"it was begun under fence {replay.fence}, the run has {self._run.fence}"
        if message.state not in _BUCKETS:
            yield "no_bucket", f"its state {message.state!r} belongs to no bucket"
        if not self._run.purged_at:
            yield from self._texts(message)
        self._counted[message.wave, message.state] += 1
        self._waves[message.wave] += 1
        self._posts += replay.attempt - replay.given_back
        self._figures.messages += 1
        self._figures.events += len(history)

    def _texts(self, message: Row[*tuple[Any, ...]]) -> Iterator[Problem]:
        try:
            layout = self._layouts.get(self._connection, message.layout_key)
            texts = decode_texts(message.texts)
        except LedgerError as error:
            yield "content", error.message
            return
        own = [part for part in layout if not isinstance(part, StaticPart)]
        if len(own) != len(texts):
            yield "content", f"its layout has {len(own)} texts, it holds {len(texts)}"
            return
        for part, sha256 in zip(own, texts, strict=True):
            if isinstance(part, DrawnPart):
                yield from self._blob(sha256)

    def _rows_of_the_lists(self) -> Iterator[Problem]:
        both = union_all(
            select(messages.c.ordinal).where(messages.c.run_key == self._run.key),
            select(set_aside.c.ordinal).where(set_aside.c.run_key == self._run.key),
        ).order_by("ordinal")
        expected = 1
        for (ordinal,) in self._stream(both):  # type: ignore[arg-type]  # a union reads like a select
            self._figures.rows += 1
            if ordinal < expected:
                yield "rows", f"row {ordinal} of the lists is there twice, or is no row of them"
                continue
            if ordinal > expected:
                yield "rows", f"rows {expected} to {ordinal - 1} of the lists are in no bucket"
            expected = ordinal + 1
        if expected != self._run.rows + 1:
            yield "rows", f"the lists had {self._run.rows} rows, the last one stored is {expected - 1}"

    def _one_message_a_number(self) -> Iterator[Problem]:
        several = (
            select(func.count(), func.min(messages.c.source_row))
            .where(messages.c.run_key == self._run.key)
            .group_by(messages.c.msisdn)
            .having(func.count() > 1)
        )
        for number, row in self._stream(several):
            yield "two_messages", f"the number of row {row} has {number} messages"

    def _tallies(self) -> Iterator[Problem]:
        of_run = set_aside.c.run_key == self._run.key
        aside = select(set_aside.c.bucket, func.count()).where(of_run).group_by(set_aside.c.bucket)
        for bucket, n in self._connection.execute(aside):
            self._counted[0, bucket] += n
            if bucket not in _ASIDE:
                yield "no_bucket", f"{n} rows were set aside as {bucket!r}, which is no bucket for that"
        kept = {
            (row.wave, row.state): row.n
            for row in self._connection.execute(select(tallies).where(tallies.c.run_key == self._run.key))
        }
        for place in sorted(kept.keys() | self._counted.keys()):
            if kept.get(place, 0) != self._counted[place]:
                wave, state = place
                yield (
                    "tallies",
                    f"the ledger counts {kept.get(place, 0)} {state} in wave {wave}, there are {self._counted[place]}",
                )
        if (total := sum(kept.values())) != self._run.rows:
            yield "buckets", f"the buckets add up to {total}, the lists had {self._run.rows} rows"

    def _planned_waves(self) -> Iterator[Problem]:
        planned = select(waves.c.number, waves.c.size).where(waves.c.run_key == self._run.key)
        sizes: dict[int, int] = {row.number: row.size for row in self._connection.execute(planned)}
        for number in sorted(sizes.keys() | self._waves.keys()):
            if sizes.get(number) != self._waves[number]:
                yield "waves", f"wave {number} was planned for {sizes.get(number, 0)}, it has {self._waves[number]}"

    def _history_in_order(self) -> Iterator[Problem]:
        state, fence = RunState.PLANNED.value, 0
        history = self._stream(
            select(events.c.message_id, events.c.fence, events.c.old, events.c.new)
            .where(events.c.run_key == self._run.key)
            .order_by(events.c.id)
        )
        for number, of_fence, old, new in history:
            if number is None:
                if old != state:
                    yield "run_history", f"{old} → {new} was noted while the run was {state}"
                state = new
            elif not self._first <= number <= self._last:
                yield "foreign_event", f"{old} → {new} is about message {number}, which is none of this run"
            if number is None or (new == MessageState.SENDING and old != new):
                if of_fence < fence:
                    yield "fence_went_back", f"{old} → {new} has fence {of_fence} after fence {fence}"
                fence = max(fence, of_fence)
        if state != self._run.state:
            yield "run_history", f"the run is {self._run.state}, its history ends as {state}"
        if fence > self._run.fence:
            yield "fence_went_back", f"the run has fence {self._run.fence}, its history {fence}"

    def _end(self) -> Iterator[Problem]:
        left = sum(n for (_, state), n in self._counted.items() if state in _UNSENT)
        doubtful = sum(n for (_, state), n in self._counted.items() if state in _DOUBTFUL)
        if self._run.state.is_ended and left:
            yield "run_state", f"the run is {self._run.state}, but {left} messages are ready or on the wire"
        if self._run.state is RunState.DONE and doubtful:
            yield "run_state", f"the run is {self._run.state}, but {doubtful} messages were maybe sent"

    def _quota(self) -> Iterator[Problem]:
        posts = select(func.coalesce(func.sum(quota_use.c.posts), 0)).where(quota_use.c.run_key == self._run.key)
        if (kept := self._connection.execute(posts).scalar_one()) != self._posts:
            yield "quota_use", f"{kept} requests are counted against the quota, {self._posts} were begun"

    def _shared_ids(self) -> Iterator[Problem]:
        for row, source, state in wrong_fates(self._connection, self._run.key, self._run.account):
            yield "shared_id", f"row {row} of {source} is {state} by an id that another message has as well"

    def _blobs(self) -> Iterator[Problem]:
        for sha256, size in self._wanted_blobs():
            yield from self._blob(sha256, size)

    def _blob(self, sha256: str, size: int | None = None) -> Iterator[Problem]:
        data = self._connection.execute(select(blobs.c.data).where(blobs.c.sha256 == sha256)).scalar()
        if data is None:
            yield "blobs", f"the content {sha256[:12]}… is missing"
        elif not _is_content(data, sha256, size):
            yield "blobs", f"the content {sha256[:12]}… is not what the run was frozen with"

    def _wanted_blobs(self) -> list[tuple[str, int]]:
        """Digest and size of every content that the run was frozen with."""
        of_run = select(layouts.c.key).where(layouts.c.run_key == self._run.key).order_by(layouts.c.key)
        wanted: dict[tuple[str, int], None] = {}
        for (key,) in self._connection.execute(of_run).all():
            try:
                layout = self._layouts.get(self._connection, key)
            except LedgerError:
                continue  # said of each message that has it
            wanted |= {(part.sha256, part.size_bytes): None for part in layout if isinstance(part, StaticPart)}
        kinds = ("campaign", "template")
        frozen = select(inputs.c.sha256, inputs.c.size_bytes).where(
            inputs.c.run_key == self._run.key, inputs.c.kind.in_(kinds)
        )
        return [*wanted, *((sha256, size) for sha256, size in self._connection.execute(frozen))]


def _step(event: Row[*tuple[Any, ...]]) -> Step:
    detail = {} if event.detail == "{}" else decode_object(event.detail)
    return Step(
        event.attempt,
        event.fence,
        event.old,
        event.new,
        unspent=detail.get("unspent") is True,
        given_back=detail.get("posted") is False and event.old != event.new,
    )


def _is_content(data: object, sha256: str, size: int | None) -> bool:
    return isinstance(data, bytes) and size in (None, len(data)) and hashlib.sha256(data).hexdigest() == sha256
