"""Ids of the gateway that several messages of one account have: no status of such an id tells anybody's fate.

It is found in the transaction that writes an acceptance, by one indexed lookup for all of them. Messages that wait for
their report end as ``undetermined`` then, because no answer can be theirs alone. One whose status was told before the
id was given away again keeps it: until then the id was its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, literal_column, null, or_, select, update

from mmsflow.ledger.database import Lookup, Prepared
from mmsflow.ledger.events import Current, History
from mmsflow.ledger.schema import HAS_GATEWAY_ID, messages, runs
from mmsflow.mms.status import MessageState

CODE = "shared_id"
_REASON = "shared id: the gateway gave this id to other messages as well, so no status of it tells whose fate it is"
_LATER = "the gateway gave the id to another message later; the status told before stands"
_IN_HAND = tuple(state.value for state in (MessageState.DELIVERED, MessageState.FAILED, MessageState.EXPIRED))
_STATES = {state.value: state for state in MessageState}

# From the index alone: nearly always each id is there once, and nothing else need be read.
_SEEN = Lookup(
    lambda ids: select(messages.c.gateway_id, messages.c.id).where(messages.c.gateway_id.in_(ids), HAS_GATEWAY_ID)
)
_BY_ID = Lookup(
    lambda ids: (
        select(
            messages.c.gateway_id,
            messages.c.id,
            messages.c.run_key,
            messages.c.wave,
            messages.c.state,
            messages.c.attempt,
            messages.c.fence,
            messages.c.next_poll_at,
            runs.c.account,
        )
        .join(runs, runs.c.key == messages.c.run_key)
        .where(messages.c.gateway_id.in_(ids), HAS_GATEWAY_ID)
    )
)
_HOLD = Prepared(
    update(messages)
    .values(
        state=literal_column(f"'{MessageState.UNDETERMINED}'"),
        reason=bindparam("new_reason"),
        code=literal_column(f"'{CODE}'"),
        next_poll_at=null(),
        final_at=bindparam("new_final_at"),
    )
    .where(messages.c.id == bindparam("of_id"), messages.c.state == literal_column("'accepted'")),
    "new_reason",
    "new_final_at",
    "of_id",
)
_MARK = Prepared(
    update(messages)
    .values(reason=bindparam("new_reason"), code=literal_column(f"'{CODE}'"))
    .where(messages.c.id == bindparam("of_id"), messages.c.state == literal_column("'accepted'")),
    "new_reason",
    "of_id",
)


def hold_apart(
    connection: Connection,
    key: int,
    accepted: Mapping[int, str],
    current: Mapping[int, Current],
    history: History,
    at: int,
) -> Counter[int]:
    """Let no status move messages that have an id in common.

    Args:
        key: of the run whose acceptances were just written.
        accepted: their ids of the gateway, by message.
        current: the run's messages of this transaction, brought up to date.
        history: the run's; that of other runs is written here.
        at: now, in microseconds.

    Returns:
        How many messages of which run were found to share an id, by the run's key.
    """
    found: Counter[int] = Counter()
    if not accepted:
        return found
    shared = _shared(connection, key, accepted)
    others: dict[int, History] = {}
    held: list[tuple[object, ...]] = []
    marked: list[tuple[object, ...]] = []
    for row in shared:
        book = history if row.run_key == key else others.setdefault(row.run_key, History(row.run_key))
        message = current.get(row.id) or Current(row.id, row.wave, _STATES[row.state], row.attempt, row.fence)
        detail = {"shared_id": row.gateway_id}
        if message.state is not MessageState.ACCEPTED:
            book.learn(message, at, _LATER, detail)
            continue
        found[row.run_key] += 1
        if row.next_poll_at is None:
            book.learn(message, at, _REASON, detail)
            marked.append((_REASON, row.id))
        else:
            book.move(message, MessageState.UNDETERMINED, at, _REASON, detail)
            held.append((_REASON, at, row.id))
    _HOLD.many(connection, held)
    _MARK.many(connection, marked)
    for book in others.values():
        book.write(connection)
    return found


def _shared(connection: Connection, key: int, accepted: Mapping[int, str]) -> list[Row[*tuple[Any, ...]]]:
    """Every message that has one of these ids, where more than one of the account has it."""
    ids = set(accepted.values())
    if len(_SEEN.rows(connection, ids)) == len(accepted) == len(ids):
        return []  # each id once
    rows = _BY_ID.rows(connection, ids)
    account = next((row.account for row in rows if row.run_key == key), None)
    of_account = [row for row in rows if row.account == account]
    times = Counter(row.gateway_id for row in of_account)
    return sorted((row for row in of_account if times[row.gateway_id] > 1), key=lambda row: row.id)


def count(connection: Connection, key: int) -> int:
    """How many messages of a run share their id with others and have no fate by it."""
    of_run = (messages.c.run_key == key, messages.c.code == CODE)
    open_ended = or_(
        messages.c.state == literal_column("'undetermined'"), messages.c.state == literal_column("'accepted'")
    )
    query = select(func.count()).select_from(messages).where(*of_run, open_ended)
    return connection.execute(query).scalar_one()


def wrong_fates(connection: Connection, key: int, account: str) -> Iterator[tuple[int, str, str]]:
    """Messages of a run that have, or still wait for, a fate by an id that is not theirs alone: row, list, state.

    The first that had the id may have one: until it was given away again the id was its own.
    """
    other = messages.alias()
    same = (
        (other.c.gateway_id == messages.c.gateway_id)
        & (other.c.gateway_id != literal_column("''"))
        & (other.c.id != messages.c.id)
        & other.c.run_key.in_(select(runs.c.key).where(runs.c.account == account))
    )
    earlier = or_(
        other.c.accepted_at < messages.c.accepted_at,
        (other.c.accepted_at == messages.c.accepted_at) & (other.c.id < messages.c.id),
    )
    told = messages.c.state.in_(_IN_HAND) & select(other.c.id).where(same, earlier).exists()
    awaited = (
        (messages.c.state == MessageState.ACCEPTED.value)
        & messages.c.next_poll_at.is_not(None)
        & select(other.c.id).where(same).exists()
    )
    query = select(messages.c.source_row, messages.c.source, messages.c.state).where(
        messages.c.run_key == key, HAS_GATEWAY_ID, or_(told, awaited)
    )
    for row in connection.execute(query.order_by(messages.c.id)):
        yield row.source_row, row.source, row.state
