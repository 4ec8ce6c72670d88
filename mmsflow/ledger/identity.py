"""Which ledger this is: a name of its own, made with it and copied with every copy of it."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, insert, select

from mmsflow.ledger.schema import events, identity


def ensure_identity(connection: Connection) -> None:
    """Give a new ledger its name."""
    if not identity_of(connection):
        connection.execute(insert(identity), {"ledger": secrets.token_hex(16)})


def identity_of(connection: Connection) -> str:
    """32 hex digits; empty for a ledger that nobody has written to."""
    return connection.execute(select(identity.c.ledger)).scalar() or ""


def last_event(connection: Connection, key: int) -> int:
    """The number of the newest step in a run's history, 0 when there is none; it only ever grows."""
    # Backwards from the newest: the run that is asked for is nearly always the latest one.
    query = select(events.c.id).where(events.c.run_key == key).order_by(events.c.id.desc()).limit(1)
    return connection.execute(query).scalar() or 0
