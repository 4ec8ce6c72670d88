"""What people have said yes to: one plan by its digest, what they saw of it, and the run that it was used up by."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from mmsflow.ledger.codec import decode_object, encode_object, to_instant, to_micros
from mmsflow.ledger.events import append_run_event
from mmsflow.ledger.model import NewRun, RunState
from mmsflow.ledger.operation import Approval
from mmsflow.ledger.schema import approvals, runs


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


def last_approval(connection: Connection, accounts: Collection[str], campaign: str) -> Approval | None:
    """The newest approval of a campaign; it holds for the plan with its digest only, and for one run of it."""
    query = _newest().where(approvals.c.account.in_(accounts), approvals.c.campaign == campaign)
    return _approval(connection.execute(query).first())


def approval_for(connection: Connection, run_key: int) -> Approval | None:
    """The newest of the approvals that a run has used up."""
    return _approval(connection.execute(_newest().where(approvals.c.run_key == run_key)).first())


def use_up(connection: Connection, run_key: int, new: NewRun, accounts: Collection[str]) -> None:
    """In the transaction that freezes a run: its plan's approvals are for this run from now on, and for no other.

    All of them, also where two people have approved the plan: otherwise the second yes would send it a second time.
    The run's history keeps who it was.
    """
    if new.test:
        return
    theirs = (
        approvals.c.account.in_(accounts),
        approvals.c.campaign == new.campaign,
        approvals.c.digest == new.plan_sha256,
        approvals.c.run_key.is_(None),
    )
    connection.execute(update(approvals).where(*theirs).values(run_key=run_key))
    if (approval := approval_for(connection, run_key)) is not None:
        at, planned = to_micros(new.created_at), RunState.PLANNED
        detail = {"approved_at": approval.at.isoformat(), "plan_sha256": approval.digest}
        append_run_event(connection, run_key, at, 0, planned, planned, f"approved by {approval.who}", detail)


def _newest() -> Select[Any]:
    joined = approvals.outerjoin(runs, runs.c.key == approvals.c.run_key)
    return select(approvals, runs.c.run).select_from(joined).order_by(approvals.c.id.desc()).limit(1)


def _approval(row: Row[Any] | None) -> Approval | None:
    if row is None:
        return None
    return Approval(row.digest, to_instant(row.at), row.who, decode_object(row.seen), row.run or "")
