"""Which client id a run was begun with, as a keyed fingerprint: two can be compared, and none says anything outside."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from sqlalchemy import Connection, insert, select

from mmsflow.ledger.schema import fingerprint_key

_DIGITS = 24


def fingerprint(key: str, client_id: str) -> str:
    """Make the fingerprint of a client id: 24 hex digits; empty without a key or an id."""
    if not key or not client_id:
        return ""
    return hmac.new(key.encode("ascii"), client_id.encode("utf-8"), hashlib.sha256).hexdigest()[:_DIGITS]


def ensure_key(connection: Connection) -> None:
    """Give a new ledger its key."""
    if not key_of(connection):
        connection.execute(insert(fingerprint_key), {"key": secrets.token_hex(32)})


def key_of(connection: Connection) -> str:
    """Give the ledger's key; empty for a ledger that has not been written to."""
    return connection.execute(select(fingerprint_key.c.key)).scalar() or ""
