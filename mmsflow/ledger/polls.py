"""Accepted messages whose delivery status is asked until it is final."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, bindparam, func, literal_column, select, update

from mmsflow.ledger.codec import maybe_micros, to_instant, to_micros
from mmsflow.ledger.database import Prepared
from mmsflow.ledger.events import Current, History, current_messages
from mmsflow.ledger.model import DuePoll, PollResult, Unanswered
from mmsflow.ledger.schema import IS_POLLED, messages
from mmsflow.mms.status import MessageState

_RECORD = Prepared(
    update(messages)
    .values(
        state=bindparam("new_state"),
        status=bindparam("new_status"),
        reason=bindparam("new_reason"),
        code=bindparam("new_code"),
        polls=messages.c.polls + literal_column("1"),
        next_poll_at=bindparam("new_next_poll_at"),
        final_at=bindparam("new_final_at"),
    )
    .where(messages.c.id == bindparam("of_id"), messages.c.state == literal_column("'accepted'")),
    "new_state",
    "new_status",
    "new_reason",
    "new_code",
    "new_next_poll_at",
    "new_final_at",
    "of_id",
)


def due_polls(connection: Connection, key: int, *, now: datetime, limit: int) -> list[DuePoll]:
    """The messages whose next question is due, the longest due first, ``limit`` at most."""
    query = (
        _POLLS.where(messages.c.run_key == key, IS_POLLED, messages.c.next_poll_at <= to_micros(now))
        .order_by(messages.c.next_poll_at, messages.c.id)
        .limit(limit)
    )
    return _read(connection, query)


def sample_polls(connection: Connection, key: int, *, now: datetime | None, after: int, limit: int) -> list[DuePoll]:
    """Draw some that wait for their report, spread over all of them, in no order.

    Args:
        now: only what is due by then; all, due or not, when None.
        after: only ids above it.
    """
    where = [messages.c.run_key == key, IS_POLLED]
    if now is not None:
        where.append(messages.c.next_poll_at <= to_micros(now))
    if after:
        where.append(messages.c.id > after)
    there = connection.execute(select(func.count()).select_from(messages).where(*where)).scalar_one()
    places = random.sample(range(there), min(limit, there))
    in_order = _POLLS.where(*where).order_by(messages.c.next_poll_at, messages.c.id)
    return [poll for place in places for poll in _read(connection, in_order.offset(place).limit(1))]


_POLLS = select(messages.c.id, messages.c.gateway_id, messages.c.accepted_at, messages.c.polls, messages.c.status)


def _read(connection: Connection, query: Select[int, str, int, int, str]) -> list[DuePoll]:
    return [
        DuePoll(number, gateway_id, to_instant(accepted_at), polls, status)
        for number, gateway_id, accepted_at, polls, status in connection.execute(query)
    ]


def outstanding(connection: Connection, key: int) -> int:
    """Accepted messages that are still to be asked for."""
    query = select(func.count()).select_from(messages).where(messages.c.run_key == key, IS_POLLED)
    return connection.execute(query).scalar_one()


def awaited_since(connection: Connection, key: int, accepted_after: int) -> bool:
    """Whether a message that was accepted after that instant is still to be asked for."""
    query = select(messages.c.id).where(messages.c.run_key == key, IS_POLLED, messages.c.accepted_at > accepted_after)
    return connection.execute(query.limit(1)).first() is not None


def answered_one(connection: Connection, key: int) -> DuePoll | None:
    """A message whose status the gateway told for good: asked about again, it shows whether the gateway answers."""
    finals = [state.value for state in (MessageState.DELIVERED, MessageState.FAILED, MessageState.EXPIRED)]
    query = _POLLS.where(
        messages.c.run_key == key, messages.c.state.in_(finals), messages.c.gateway_id != "", messages.c.status != ""
    )
    return next(iter(_read(connection, query.order_by(messages.c.id.desc()).limit(1))), None)


def mark_unasked(connection: Connection, key: int, reason: str) -> int:
    """Give this reason to each message that was never asked about; how many."""
    never = (messages.c.run_key == key, IS_POLLED, messages.c.polls == 0)
    return connection.execute(update(messages).where(*never).values(reason=reason)).rowcount


def unanswered(connection: Connection, key: int) -> Unanswered:
    """What is still to be asked for, by what the last questions came to; the most frequent reasons first."""
    of_run = (messages.c.run_key == key, IS_POLLED)
    query = select(messages.c.polls > 0, messages.c.code, func.count()).where(*of_run)
    asked, unasked, answers = 0, 0, Counter[str]()
    for was_asked, code, count in connection.execute(query.group_by(messages.c.polls > 0, messages.c.code)):
        if not was_asked:
            unasked += count
            continue
        asked += count
        answers[code or "no final status"] += count
    return Unanswered(asked, unasked, dict(answers.most_common()))


def polls_by_id(connection: Connection, key: int, *, after: int, limit: int) -> list[DuePoll]:
    """Accepted messages that are still to be asked for, due or not, with ids above ``after``, by id."""
    query = _POLLS.where(messages.c.run_key == key, IS_POLLED, messages.c.id > after).order_by(messages.c.id)
    return _read(connection, query.limit(limit))


def next_poll(connection: Connection, key: int) -> int | None:
    """When the earliest question is due."""
    query = select(func.min(messages.c.next_poll_at)).where(messages.c.run_key == key, IS_POLLED)
    return connection.execute(query).scalar()


def record_polls(connection: Connection, key: int, results: Sequence[PollResult]) -> None:
    """Write answers down; one that comes after the end changes nothing but the history.

    Raises:
        LedgerError: an id is not of this run.
        IllegalTransition: a result names a state that a delivery status cannot lead to.
    """
    if not results:
        return
    current = current_messages(connection, key, {result.id for result in results})
    history = History(key)
    _RECORD.many(
        connection,
        [change for result in results if (change := _record(current[result.id], result, history)) is not None],
    )
    history.write(connection)


def _record(message: Current, result: PollResult, history: History) -> tuple[object, ...] | None:
    at = to_micros(result.at)
    if message.state is not MessageState.ACCEPTED:
        if result.state not in (None, message.state):
            said = f"the status {result.status!r} came after the end and changed nothing"
            history.learn(message, at, said, result.detail)
        return None
    status = result.status or message.status
    if result.state is not None:
        history.move(message, result.state, at, result.reason or status, result.detail)
    elif status != message.status:
        history.learn(message, at, result.reason or status, result.detail)
    message.status = status
    final = result.state is not None
    return (
        message.state.value,
        status,
        result.reason,
        (result.code or status) if final else result.code,
        None if final else maybe_micros(result.next_poll_at),
        at if final else None,
        message.id,
    )
