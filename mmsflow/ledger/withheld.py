"""Messages that are not sent after all, or sent once more by the campaign's own rule."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, bindparam, func, null, or_, select, update

from mmsflow.ledger.codec import maybe_instant
from mmsflow.ledger.copies import HELD
from mmsflow.ledger.database import Prepared
from mmsflow.ledger.events import Current, History, current_messages
from mmsflow.ledger.model import FirstMessages, Refusal
from mmsflow.ledger.schema import IS_READY, events, messages
from mmsflow.mms.status import MessageState

_UNCERTAIN = [state.value for state in MessageState if state.is_uncertain]
_RESENT = "to be sent once more: the campaign says `unknown: resend`"

_MOVE = Prepared(
    update(messages)
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        code=bindparam("new_code"),
        sent_at=bindparam("new_sent_at"),
        final_at=bindparam("new_final_at"),
        not_before=null(),
    )
    .where(
        messages.c.id == bindparam("of_id"),
        messages.c.attempt == bindparam("of_attempt"),
        messages.c.state == bindparam("old_state"),
    ),
    "new_state",
    "new_reason",
    "new_code",
    "new_sent_at",
    "new_final_at",
    "of_id",
    "of_attempt",
    "old_state",
)


def suppress(connection: Connection, key: int, refusals: Sequence[Refusal], at: int) -> list[int]:
    """Ready messages whose recipient has refused become ``suppressed``; the ids of those that did."""
    current = current_messages(connection, key, {refusal.id for refusal in refusals})
    history, changes, done = History(key), [], []
    for refusal in refusals:
        message = current[refusal.id]
        if message.state is not MessageState.READY:
            continue
        history.move(message, MessageState.SUPPRESSED, at, refusal.reason)
        changes.append(_change(message, MessageState.READY, refusal.reason, refusal.code, None, at))
        done.append(message.id)
    _MOVE.many(connection, changes)
    history.write(connection)
    return done


def resend_uncertain(connection: Connection, key: int, before: int, at: int) -> list[MessageState]:
    """Messages of unknown fate whose attempt began at or before ``before`` become ready, each once in its life.

    Returns:
        The state that each of them was in.
    """
    query = select(messages.c.id).where(*_to_resend(key), messages.c.sent_at <= before)
    wanted = {number for (number,) in connection.execute(query)}
    if not wanted:
        return []
    history, changes, moved = History(key), [], []
    for message in current_messages(connection, key, wanted).values():
        old = message.state
        history.move(message, MessageState.READY, at, _RESENT)
        changes.append(_change(message, old, _RESENT, "resend", None, None))
        moved.append(old)
    _MOVE.many(connection, changes)
    history.write(connection)
    return moved


def oldest_uncertain(connection: Connection, key: int) -> int | None:
    """When the attempt began that ``resend_uncertain`` would take first; None when there is none."""
    return connection.execute(select(func.min(messages.c.sent_at)).where(*_to_resend(key))).scalar()


def resends(connection: Connection, key: int) -> int:
    """How many messages ``resend_uncertain`` would take in the end."""
    return connection.execute(select(func.count()).select_from(messages).where(*_to_resend(key))).scalar_one()


def _to_resend(key: int) -> tuple[ColumnElement[bool], ...]:
    # Judged by the history: attempts also count what was tried in vain, or what a person had sent again.
    resent = select(events.c.id).where(
        events.c.message_id == messages.c.id,
        events.c.new == MessageState.READY.value,
        events.c.reason == _RESENT,
    )
    uncertain = messages.c.state.in_(_UNCERTAIN)
    # What may have gone out since a copy was taken may have been sent once more since then, too.
    return messages.c.run_key == key, uncertain, messages.c.code != HELD, ~resent.exists()


def first_messages(connection: Connection, key: int, count: int) -> FirstMessages:
    """How the first ``count`` messages of a run stand, in sending order."""
    first = (
        select(messages.c.id, messages.c.state, messages.c.sent_at)
        .where(messages.c.run_key == key)
        .order_by(messages.c.id)
        .limit(count)
        .subquery()
    )
    by_state = select(first.c.state, func.count(), func.max(first.c.id), func.max(first.c.sent_at))
    states: dict[MessageState, int] = {}
    last_id, last_sent_at = 0, None
    for state, number, highest, sent_at in connection.execute(by_state.group_by(first.c.state)):
        states[MessageState(state)] = number
        last_id = max(last_id, highest)
        last_sent_at = max(last_sent_at or 0, sent_at or 0) or None
    return FirstMessages(states, last_id, maybe_instant(last_sent_at))


def doubtful_positions(connection: Connection, key: int, most: int) -> tuple[int, list[int]]:
    """The position that a run has reached, and those of the newest messages that the gateway left in doubt, ascending.

    Ids are positions: within a run they follow each other in sending order.
    """
    of_gateway = or_(messages.c.code == "begun", messages.c.code.between("1", "9~"))  # or an HTTP status
    marks: list[int] = []
    for state in (MessageState.UNKNOWN, MessageState.ACCEPTED_NOID):
        newest = select(messages.c.id).where(messages.c.run_key == key, messages.c.state == state.value, of_gateway)
        marks += connection.execute(newest.order_by(messages.c.id.desc()).limit(most)).scalars()
    marks = sorted(marks)[-most:]
    unsent = connection.execute(select(func.min(messages.c.id)).where(messages.c.run_key == key, IS_READY)).scalar()
    return max([unsent - 1 if unsent else 0, *marks[-1:]]), marks


def _change(
    message: Current, old: MessageState, reason: str, code: str, sent_at: int | None, final_at: int | None
) -> tuple[object, ...]:
    # ``history.move`` has set the new state already.
    return (message.state.value, reason, code, sent_at, final_at, message.id, message.attempt, old.value)
