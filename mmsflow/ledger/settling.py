"""What became of attempts, written to their messages; see ``messages`` for how each change is guarded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, select, update

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import maybe_micros, to_micros
from mmsflow.ledger.database import Prepared
from mmsflow.ledger.events import Current, History, current_messages
from mmsflow.ledger.model import Outcome
from mmsflow.ledger.quota import add_posts
from mmsflow.ledger.schema import messages, runs
from mmsflow.ledger.shared_ids import hold_apart
from mmsflow.mms.status import MessageState

# What a reply that came after all may make of ``unknown``. Not ``ready``: only a person, or a campaign that says
# `unknown: resend`, may send again what may have been sent.

_SETTLE = Prepared(
    update(messages)
    .values(
        state=bindparam("new_state"),
        unspent=messages.c.unspent + bindparam("free"),
        gateway_id=bindparam("new_gateway_id"),
        reason=bindparam("new_reason"),
        code=bindparam("new_code"),
        not_before=bindparam("new_not_before"),
        sent_at=bindparam("new_sent_at"),
        accepted_at=bindparam("new_accepted_at"),
        final_at=bindparam("new_final_at"),
        next_poll_at=bindparam("new_next_poll_at"),
    )
    .where(
        messages.c.id == bindparam("of_id"),
        messages.c.attempt == bindparam("of_attempt"),
        messages.c.fence == bindparam("of_fence"),
        messages.c.state == bindparam("old_state"),
    ),
    "new_state",
    "free",
    "new_gateway_id",
    "new_reason",
    "new_code",
    "new_not_before",
    "new_sent_at",
    "new_accepted_at",
    "new_final_at",
    "new_next_poll_at",
    "of_id",
    "of_attempt",
    "of_fence",
    "old_state",
)
_OF_RUN = select(messages.c.id).where(
    messages.c.run_key == bindparam("of_run"), messages.c.id.in_(bindparam("ids", expanding=True))
)


def settle(connection: Connection, key: int, fence: int, period: str, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes of attempts that were begun under ``fence``, whoever holds the run now.

    Outcomes of messages that the run does not have are passed over.

    Args:
        period: the quota period that gets back what was never begun.
    """
    account = connection.execute(select(runs.c.account).where(runs.c.key == key)).scalar()
    wanted = {"of_run": key, "ids": [outcome.id for outcome in outcomes]}
    known = {number for (number,) in connection.execute(_OF_RUN, wanted)}
    if account is None or not known:
        return
    current = current_messages(connection, key, known)
    history = History(key)
    given_back = settle_all(
        connection, [each for each in outcomes if each.id in known], current, fence, history, Counter()
    )
    history.write(connection)
    add_posts(connection, account, period, key, -given_back)


def settle_all(
    connection: Connection,
    outcomes: Sequence[Outcome],
    current: Mapping[int, Current],
    fence: int,
    history: History,
    shared: Counter[int],
) -> int:
    """Write what still applies; how many of them took nothing of the quota.

    Args:
        shared: counts, by the run's key, messages that are found to have an id of the gateway in common.
        current: the message of every outcome, as it stands; brought up to date.

    Raises:
        IllegalTransition: an outcome names a state that sending cannot lead to.
    """
    settled: list[tuple[object, ...]] = []
    given_back, latest = 0, 0
    accepted: dict[int, str] = {}
    for outcome in outcomes:
        change = _settle(current[outcome.id], outcome, fence, history)
        if change is not None:
            settled.append(change)
            given_back += not outcome.posted
            if outcome.state is MessageState.ACCEPTED:
                accepted[outcome.id], latest = outcome.gateway_id, max(latest, to_micros(outcome.at))
    write_all(_SETTLE, connection, settled)
    shared += hold_apart(connection, history.run_key, accepted, current, history, latest)
    return given_back


def _settle(message: Current, outcome: Outcome, fence: int, history: History) -> tuple[object, ...] | None:
    at = to_micros(outcome.at)
    new, old = outcome.state, message.state
    same_try = message.attempt == outcome.attempt
    in_time = old is MessageState.SENDING and same_try and message.fence == fence
    late = old is MessageState.UNKNOWN and same_try and (new.is_answered or new is MessageState.ACCEPTED_NOID)
    if not (in_time or late):
        reason = f"attempt {outcome.attempt} ended as {new} too late to change anything"
        history.learn(message, at, f"{reason}: {outcome.reason}" if outcome.reason else reason, outcome.detail)
        return None
    history.move(message, new, at, outcome.reason, _evidence(outcome))
    back = new is MessageState.READY
    accepted = new is MessageState.ACCEPTED
    final = new.is_final or (accepted and outcome.next_poll_at is None)
    return (
        new.value,
        int(back and not outcome.spends_attempt),
        outcome.gateway_id,
        outcome.reason,
        outcome.code,
        maybe_micros(outcome.not_before) if back else None,
        None if back else message.sent_at,
        at if accepted else None,
        at if final else None,
        maybe_micros(outcome.next_poll_at) if accepted else None,
        message.id,
        message.attempt,
        message.fence,
        old.value,
    )


def _evidence(outcome: Outcome) -> Mapping[str, object]:
    """The outcome's evidence, with what an audit needs to count attempts and quota again."""
    extra: dict[str, object] = {}
    if outcome.state is MessageState.READY and not outcome.spends_attempt:
        extra["unspent"] = True
    if not outcome.posted:
        extra["posted"] = False
    return {**outcome.detail, **extra} if extra else outcome.detail


def write_all(statement: Prepared, connection: Connection, rows: list[tuple[object, ...]]) -> None:
    """Carry out a guarded change of one message a row.

    Raises:
        LedgerError: the guard held for fewer.
    """
    if statement.many(connection, rows) != len(rows):
        raise LedgerError(
            "lease lost: a message changed under this transaction; nothing was changed",
            "Another program writes to this ledger; end it and run the same command again.",
            cause="lease_lost",
        )
