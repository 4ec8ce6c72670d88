"""What people have said yes to: one plan by its digest, and what they saw of it."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from mmsflow.ledger.codec import decode_object, encode_object, to_instant, to_micros
from mmsflow.ledger.operation import Approval
from mmsflow.ledger.schema import approvals


def add_approval(connection: Connection, account: str, campaign: str, approval: Approval) -> None:
    """Keep one approval; earlier ones stay as history."""
    values = {
        "account": account,
        "campaign": campaign,
        "digest": approval.digest,
        "at": to_micros(approval.at),
        "who": approval.who,
        "seen": encode_object(approval.seen),
    }
    connection.execute(insert(approvals), values)


def last_approval(connection: Connection, account: str, campaign: str) -> Approval | None:
    """The newest approval of a campaign; it holds for the plan with its digest only."""
    query = (
        select(approvals)
        .where(approvals.c.account == account, approvals.c.campaign == campaign)
        .order_by(approvals.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else Approval(row.digest, to_instant(row.at), row.who, decode_object(row.seen))
