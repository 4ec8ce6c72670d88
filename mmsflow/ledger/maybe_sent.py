"""Messages that were maybe sent: all that is known about each, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, literal_column, or_, select, update

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import maybe_instant
from mmsflow.ledger.database import Prepared
from mmsflow.ledger.events import History, current_messages, events_of_message
from mmsflow.ledger.model import Event, RunInfo, RunState
from mmsflow.ledger.rows import state_counts
from mmsflow.ledger.runs import is_purged, run_by_key, set_state
from mmsflow.ledger.schema import messages
from mmsflow.mms.status import MessageState, uncertain_of

_UNCERTAIN = [state.value for state in MessageState if state.is_uncertain]
_ENDINGS = {"cancelled": RunState.CANCELLED, "not_after": RunState.EXPIRED}  # by the code of what was not sent

_CHUNK_ROWS = 500
_SAID = {
    MessageState.UNDETERMINED: ("a person said that it was sent", "said_sent"),
    MessageState.NOT_SENT: ("a person said that it was not sent", "said_not_sent"),
    MessageState.READY: ("a person decided to send it again", "resend"),
}
_DECIDE = Prepared(
    update(messages)
    .values(
        state=bindparam("new_state"),
        unspent=messages.c.unspent + bindparam("free"),
        reason=bindparam("new_reason"),
        code=bindparam("new_code"),
        sent_at=bindparam("new_sent_at"),
        final_at=bindparam("new_final_at"),
    )
    .where(
        messages.c.id == bindparam("of_id"),
        messages.c.attempt == bindparam("of_attempt"),
        messages.c.state == bindparam("old_state"),
    ),
    "new_state",
    "free",
    "new_reason",
    "new_code",
    "new_sent_at",
    "new_final_at",
    "of_id",
    "of_attempt",
    "old_state",
)


@dataclass(frozen=True, slots=True)
class MaybeSent:
    """A message whose fate is not known; ``number`` is full.

    Attributes:
        id, attempt: which attempt of which message it is about.
        state: ``unknown`` or ``accepted_noid``.
        sent_at: when the attempt was begun.
        reason, code: why its fate is not known.
        events: its history with all evidence, oldest first; empty where it was not asked for.
    """

    id: int
    attempt: int
    state: MessageState
    row: int
    source: str
    number: str
    subject: str
    sent_at: datetime | None
    reason: str
    code: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says of one attempt: ``undetermined`` for sent, ``not_sent``, or ``ready`` to send it again."""

    id: int
    attempt: int
    state: MessageState


def maybe_sent(connection: Connection, key: int, *, evidence: bool) -> Iterator[MaybeSent]:
    """The messages of a run that were maybe sent, in sending order; memory stays flat."""
    query = (
        select(
            messages.c.id,
            messages.c.attempt,
            messages.c.state,
            messages.c.source_row,
            messages.c.source,
            messages.c.msisdn,
            messages.c.subject,
            messages.c.sent_at,
            messages.c.reason,
            messages.c.code,
        )
        .where(messages.c.run_key == key, messages.c.state.in_(_UNCERTAIN))
        .order_by(messages.c.id)
    )
    result = connection.execution_options(stream_results=True).execute(query)
    while chunk := result.fetchmany(_CHUNK_ROWS):
        for number, attempt, state, row, source, msisdn, subject, sent_at, reason, code in chunk:
            events = tuple(events_of_message(connection, number)) if evidence else ()
            yield MaybeSent(
                number,
                attempt,
                MessageState(state),
                row,
                source,
                msisdn,
                subject,
                maybe_instant(sent_at),
                reason,
                code,
                events,
            )


def codes(connection: Connection, key: int) -> dict[str, int]:
    """How many messages of a run were maybe sent, by the short reason, the most frequent first."""
    states = or_(*(messages.c.state == literal_column(f"'{state}'") for state in _UNCERTAIN))
    query = select(messages.c.code, func.count()).where(messages.c.run_key == key, states).group_by(messages.c.code)
    found = [(str(code), int(number)) for code, number in connection.execute(query)]
    return dict(sorted(found, key=lambda each: (-each[1], each[0])))


def decide(
    connection: Connection, key: int, decisions: Sequence[Decision], *, at: int, now: datetime
) -> list[tuple[MessageState, MessageState]]:
    """Carry out what a person decided; what is no longer maybe sent by that attempt stays as it is.

    A run that had ended follows: with messages to send again it is unfinished, without any left that were maybe sent
    it is done.

    Args:
        at, now: the same instant, as the ledger and as runs keep it.

    Returns:
        The move of each message that was changed, ``(old, new)``.

    Raises:
        LedgerError: the run was purged, or one of them is not of this run; nothing was changed.
    """
    if is_purged(connection, key):
        raise LedgerError(
            "the run's personal data were removed: it is not known any more whom a decision is about", cause="purged"
        )
    current = current_messages(connection, key, {decision.id for decision in decisions})
    history = History(key)
    moves: list[tuple[MessageState, MessageState]] = []
    changes: list[tuple[object, ...]] = []
    for decision in decisions:
        message, new = current[decision.id], decision.state
        if not message.state.is_uncertain or message.attempt != decision.attempt or new not in _SAID:
            continue
        old, (reason, code), again = message.state, _SAID[new], new is MessageState.READY
        history.move(message, new, at, reason, {"unspent": True} if again else {})
        final = at if new.is_final else None
        # What is sent again was tried before for nothing that the recipient could see: it gets that attempt back.
        sent_at = None if again else message.sent_at
        changes.append((new.value, int(again), reason, code, sent_at, final, message.id, message.attempt, old.value))
        moves.append((old, new))
    _DECIDE.many(connection, changes)
    history.write(connection)
    if moves:
        _follow(connection, run_by_key(connection, key), now)
    return moves


def _follow(connection: Connection, run: RunInfo, now: datetime) -> None:
    counts = state_counts(connection, run.key)
    if not run.state.is_ended or run.state.is_closed:
        return
    if again := counts[MessageState.READY]:
        noun = "message is" if again == 1 else "messages are"
        reason = f"{again} {noun} to be sent again, as a person decided"
        set_state(connection, run, RunState.RUNNING, now=now, reason=reason)
    elif not uncertain_of(counts):
        set_state(connection, run, ended_state(connection, run.key), now=now)


def ended_state(connection: Connection, key: int) -> RunState:
    """The state of a run that has nothing left to send."""
    counts = state_counts(connection, key)
    if uncertain_of(counts):
        return RunState.DONE_WITH_UNKNOWN
    for code, state in _ENDINGS.items() if counts[MessageState.NOT_SENT] else ():
        unsent = select(messages.c.id).where(
            messages.c.run_key == key,
            messages.c.state == MessageState.NOT_SENT.value,
            messages.c.code == code,
        )
        if connection.execute(unsent.limit(1)).first():
            return state
    return RunState.DONE
