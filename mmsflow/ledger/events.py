"""The append-only history, and the tallies that move with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import decode_object, encode_object, to_instant
from mmsflow.ledger.database import Lookup, Prepared
from mmsflow.ledger.model import Event
from mmsflow.ledger.schema import events, messages, runs, tallies
from mmsflow.mms.status import MessageState, check_transition

_APPEND = Prepared(insert(events), "run_key", "message_id", "at", "attempt", "fence", "old", "new", "reason", "detail")
_COUNT = Prepared(
    update(tallies)
    .values(n=tallies.c.n + bindparam("delta"))
    .where(
        tallies.c.run_key == bindparam("of_run"),
        tallies.c.wave == bindparam("of_wave"),
        tallies.c.state == bindparam("of_state"),
    ),
    "delta",
    "of_run",
    "of_wave",
    "of_state",
)


@dataclass(slots=True)
class Current:
    """A message as it stands within the present transaction."""

    id: int
    wave: int
    state: MessageState
    attempt: int
    fence: int
    sent_at: int | None = None
    status: str = ""


class History:
    """Collects what one transaction does to messages of one run; ``write`` appends it and moves the tallies.

    Attributes:
        run_key: the run's.
    """

    def __init__(self, run_key: int) -> None:
        self.run_key = run_key
        self._events: list[tuple[object, ...]] = []
        self._tally: Counter[tuple[int, str]] = Counter()

    def move(
        self, message: Current, new: MessageState, at: int, reason: str = "", detail: Mapping[str, object] | None = None
    ) -> None:
        """Change ``message`` to ``new``.

        Raises:
            IllegalTransition: the table has no such move.
        """
        check_transition(message.state, new)
        self._append(message, new, at, reason, detail)
        self._tally[message.wave, message.state.value] -= 1
        self._tally[message.wave, new.value] += 1
        message.state = new

    def learn(self, message: Current, at: int, reason: str, detail: Mapping[str, object]) -> None:
        """Keep evidence that moves nothing."""
        self._append(message, message.state, at, reason, detail)

    def write(self, connection: Connection) -> None:
        """Append everything collected."""
        _APPEND.many(connection, self._events)
        moved = [(n, self.run_key, wave, state) for (wave, state), n in self._tally.items() if n]
        if _COUNT.many(connection, moved) != len(moved):
            raise LedgerError(
                "the ledger's counts do not fit its messages; nothing was changed",
                "Restore the ledger from a backup, or run `mmsflow doctor` for a closer look.",
            )

    def _append(
        self, message: Current, new: MessageState, at: int, reason: str, detail: Mapping[str, object] | None
    ) -> None:
        evidence = encode_object(detail) if detail else "{}"
        self._events.append(
            (
                self.run_key,
                message.id,
                at,
                message.attempt,
                message.fence,
                message.state.value,
                new.value,
                reason,
                evidence,
            )
        )


def append_run_event(
    connection: Connection, key: int, at: int, fence: int, old: str, new: str, reason: str, detail: Mapping[str, object]
) -> None:
    """One step of the run itself."""
    _APPEND.many(connection, [(key, None, at, 0, fence, old, new, reason, encode_object(detail))])


def events_of_message(connection: Connection, message_id: int) -> list[Event]:
    """A message's history, oldest first."""
    return _read(connection, _EVENTS.where(events.c.message_id == message_id))


def newest_answer(connection: Connection, old: MessageState) -> str:
    """The newest raw answer that moved a message from that state, as text; empty when there is none."""
    query = select(events.c.detail).where(events.c.old == old.value, events.c.message_id.is_not(None))
    query = query.where(events.c.detail.contains('"body"')).order_by(events.c.id.desc()).limit(1)
    detail = connection.execute(query).scalar()
    return str(decode_object(detail).get("body", "")) if detail else ""


def events_of_run(connection: Connection, key: int) -> list[Event]:
    """The run's own history, without its messages', oldest first."""
    return _read(connection, _EVENTS.where(events.c.run_key == key, events.c.message_id.is_(None)))


_EVENTS = (
    select(
        events.c.at,
        runs.c.run,
        events.c.attempt,
        events.c.fence,
        events.c.old,
        events.c.new,
        events.c.reason,
        events.c.detail,
    )
    .join(runs, runs.c.key == events.c.run_key)
    .order_by(events.c.id)
)


def _read(connection: Connection, query: Select[int, str, int, int, str, str, str, str]) -> list[Event]:
    return [
        Event(to_instant(at), run, attempt, fence, old, new, reason, decode_object(detail))
        for at, run, attempt, fence, old, new, reason, detail in connection.execute(query)
    ]


def current_messages(connection: Connection, key: int, wanted: Collection[int]) -> dict[int, Current]:
    """Messages of a run as they stand, by id.

    Raises:
        LedgerError: one of them is not of this run.
    """
    current: dict[int, Current] = {}
    for run_key, number, wave, state, attempt, fence, sent_at, status in _CURRENT.rows(connection, wanted):
        if run_key == key:
            current[number] = Current(number, wave, _STATES[state], attempt, fence, sent_at, status)
    if len(current) != len(wanted):
        missing = min(set(wanted) - current.keys())
        raise LedgerError(f"the run has no message {missing}; nothing was changed", "Report this as a bug.")
    return current


# Without the run's key in the condition: SQLite would walk an index over the whole run instead of looking the ids up.
_CURRENT = Lookup(
    lambda ids: select(
        messages.c.run_key,
        messages.c.id,
        messages.c.wave,
        messages.c.state,
        messages.c.attempt,
        messages.c.fence,
        messages.c.sent_at,
        messages.c.status,
    ).where(messages.c.id.in_(ids))
)
_STATES = {state.value: state for state in MessageState}
