"""The history of all messages in the order in which it was written, for those who follow it."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from mmsflow.ledger.codec import to_instant
from mmsflow.ledger.operation import Step
from mmsflow.ledger.schema import events, messages, runs


def newest(connection: Connection) -> int:
    """The number of the newest step; 0 when there is none."""
    return connection.execute(select(func.max(events.c.id))).scalar() or 0


def after(connection: Connection, number: int, limit: int) -> list[Step]:
    """The next steps of messages after that one, oldest first."""
    rows = connection.execute(
        select(
            events.c.id,
            events.c.at,
            runs.c.run,
            runs.c.campaign,
            events.c.message_id,
            messages.c.msisdn,
            events.c.attempt,
            events.c.old,
            events.c.new,
            events.c.reason,
        )
        .join(messages, messages.c.id == events.c.message_id)
        .join(runs, runs.c.key == events.c.run_key)
        .where(events.c.id > number)
        .order_by(events.c.id)
        .limit(limit)
    )
    return [
        Step(number, to_instant(at), run, campaign, message, msisdn, attempt, old, new, reason)
        for number, at, run, campaign, message, msisdn, attempt, old, new, reason in rows
    ]
