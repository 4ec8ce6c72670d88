"""Messages on their way to the gateway: what is ready, intents, and what the end of a run or a crash leaves.

Each change is read, checked against the transition table and written in one transaction of the only writer; the
condition is repeated in the UPDATE, so that a second writer could do no harm even if there were one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, literal, literal_column, null, select, update

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import decode_texts, to_micros
from mmsflow.ledger.database import Prepared
from mmsflow.ledger.events import Current, History, current_messages
from mmsflow.ledger.layouts import Layouts
from mmsflow.ledger.model import Outcome, ReadyMessage
from mmsflow.ledger.quota import add_posts
from mmsflow.ledger.schema import IS_READY, MUST_WAIT, events, messages, runs, tallies
from mmsflow.ledger.settling import settle_all, write_all
from mmsflow.mms.status import MessageState, check_transition

_CRASHED = "the process ended while the request may have been on the wire"

_INTEND = Prepared(
    update(messages)
    .values(
        state=literal_column(f"'{MessageState.SENDING}'"),
        attempt=messages.c.attempt + literal_column("1"),
        fence=bindparam("new_fence"),
        sent_at=bindparam("new_sent_at"),
        not_before=null(),
    )
    .where(messages.c.id == bindparam("of_id"), messages.c.attempt == bindparam("of_attempt"), IS_READY),
    "new_fence",
    "new_sent_at",
    "of_id",
    "of_attempt",
)
_READY = (
    select(
        messages.c.id,
        messages.c.ordinal,
        messages.c.msisdn,
        messages.c.subject,
        messages.c.layout_key,
        messages.c.texts,
        messages.c.attempt,
        messages.c.unspent,
        messages.c.wave,
    )
    .where(
        messages.c.run_key == bindparam("of_run"),
        IS_READY,
        messages.c.id > bindparam("after"),
        messages.c.not_before.is_(None) | (messages.c.not_before <= bindparam("now")),
    )
    .order_by(messages.c.id)
    .limit(bindparam("limit"))
)


def ready_messages(
    connection: Connection, layouts: Layouts, key: int, *, now: datetime, after: int, limit: int
) -> list[ReadyMessage]:
    """What may be sent now, in sending order, from the message after ``after`` on, ``limit`` at most."""
    found = connection.execute(_READY, {"of_run": key, "now": to_micros(now), "after": after, "limit": limit}).all()
    return [
        ReadyMessage(
            number,
            ordinal,
            msisdn,
            subject,
            layouts.get(connection, layout_key),
            decode_texts(texts),
            attempt,
            wave,
            attempt - unspent,
        )
        for number, ordinal, msisdn, subject, layout_key, texts, attempt, unspent, wave in found
    ]


def next_not_before(connection: Connection, key: int) -> int | None:
    """The earliest instant for which a ready message waits."""
    query = select(func.min(messages.c.not_before)).where(messages.c.run_key == key, MUST_WAIT)
    return connection.execute(query).scalar()


def commit(
    connection: Connection,
    key: int,
    fence: int,
    *,
    outcomes: Sequence[Outcome],
    intents: Sequence[int],
    now: datetime,
    period: str,
    shared: Counter[int],
) -> list[int]:
    """Settle ``outcomes``, then move ``intents`` from ``ready`` to ``sending``; the ids whose intent took.

    Args:
        shared: counts, by the run's key, messages that are found to have an id of the gateway in common.

    Raises:
        LedgerError: somebody else has taken the run, or an id is not of this run.
        IllegalTransition: an outcome names a state that sending cannot lead to.
    """
    account = _check_lease(connection, key, fence)
    wanted = {outcome.id for outcome in outcomes} | set(intents)
    current = current_messages(connection, key, wanted)
    history = History(key)
    given_back = settle_all(connection, outcomes, current, fence, history, shared)
    begun = _intend(connection, [current[number] for number in dict.fromkeys(intents)], fence, to_micros(now), history)
    history.write(connection)
    add_posts(connection, account, period, key, len(begun) - given_back)
    return begun


def end_unsent(connection: Connection, key: int, reason: str, code: str, now: int) -> int:
    """Every ready message becomes ``not_sent``; how many."""
    check_transition(MessageState.READY, MessageState.NOT_SENT)
    ready = (messages.c.run_key == key, IS_READY)
    _append_for_all(connection, ready, MessageState.READY, MessageState.NOT_SENT, reason, now)
    ended = connection.execute(
        update(messages)
        .where(*ready)
        .values(state=MessageState.NOT_SENT.value, reason=reason, code=code, final_at=now, not_before=None)
    ).rowcount
    _move_tallies(connection, key, MessageState.READY, MessageState.NOT_SENT)
    return ended


def give_up_on_sending(connection: Connection, key: int, now: int) -> int:
    """After a crash: every message with an intent and no outcome becomes ``unknown``; how many."""
    check_transition(MessageState.SENDING, MessageState.UNKNOWN)
    if not _counted(connection, key, MessageState.SENDING):
        return 0
    sending = (messages.c.run_key == key, messages.c.state == MessageState.SENDING.value)
    _append_for_all(connection, sending, MessageState.SENDING, MessageState.UNKNOWN, _CRASHED, now)
    left = connection.execute(
        update(messages).where(*sending).values(state=MessageState.UNKNOWN.value, reason=_CRASHED, code="crash")
    ).rowcount
    _move_tallies(connection, key, MessageState.SENDING, MessageState.UNKNOWN)
    return left


def _check_lease(connection: Connection, key: int, fence: int) -> str:
    row = connection.execute(_LEASE, {"of_run": key}).first()
    if row is None or row.fence != fence:
        raise LedgerError(
            "lease lost: another process has taken this run over; nothing was changed",
            "Look at it with `mmsflow status`; the other process carries it on.",
            cause="lease_lost",
        )
    return str(row.account)


_LEASE = select(runs.c.fence, runs.c.account).where(runs.c.key == bindparam("of_run"))


def _intend(connection: Connection, wanted: Sequence[Current], fence: int, now: int, history: History) -> list[int]:
    begun = [message for message in wanted if message.state is MessageState.READY]
    write_all(_INTEND, connection, [(fence, now, message.id, message.attempt) for message in begun])
    for message in begun:
        message.attempt += 1
        message.fence = fence
        history.move(message, MessageState.SENDING, now)
    return [message.id for message in begun]


def _append_for_all(
    connection: Connection,
    chosen: Sequence[ColumnElement[bool]],
    old: MessageState,
    new: MessageState,
    reason: str,
    now: int,
) -> None:
    rows = select(
        messages.c.run_key,
        messages.c.id,
        literal(now),
        messages.c.attempt,
        messages.c.fence,
        literal(old.value),
        literal(new.value),
        literal(reason),
        literal("{}"),
    ).where(*chosen)
    names = ["run_key", "message_id", "at", "attempt", "fence", "old", "new", "reason", "detail"]
    connection.execute(insert(events).from_select(names, rows.order_by(messages.c.id)))


def _counted(connection: Connection, key: int, state: MessageState) -> int:
    query = select(func.sum(tallies.c.n)).where(tallies.c.run_key == key, tallies.c.state == state.value)
    return connection.execute(query).scalar() or 0


def _move_tallies(connection: Connection, key: int, old: MessageState, new: MessageState) -> None:
    """All of one state's messages have moved to another, in every wave."""
    before = tallies.alias()
    moved = (
        select(before.c.n)
        .where(before.c.run_key == key, before.c.wave == tallies.c.wave, before.c.state == old.value)
        .scalar_subquery()
    )
    of_run = tallies.c.run_key == key
    connection.execute(update(tallies).where(of_run, tallies.c.state == new.value).values(n=tallies.c.n + moved))
    connection.execute(update(tallies).where(of_run, tallies.c.state == old.value).values(n=0))
