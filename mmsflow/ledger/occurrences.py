"""The scheduled times of campaigns: up to when they are accounted for, and which of them got no run."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from mmsflow.ledger.codec import maybe_instant, to_instant, to_micros
from mmsflow.ledger.operation import Skipped
from mmsflow.ledger.schema import skipped, watched


def accounted_until(connection: Connection, accounts: Collection[str], campaign: str) -> datetime | None:
    """Every scheduled time up to this instant has a run or was skipped; None for a campaign never watched."""
    of_campaign = (watched.c.account.in_(accounts), watched.c.campaign == campaign)
    query = select(func.max(watched.c.accounted_until)).where(*of_campaign)
    return maybe_instant(connection.execute(query).scalar())


def accounted_schedule(connection: Connection, accounts: Collection[str], campaign: str) -> str:
    """The schedule that ``accounted_until`` is about; empty where that is not known."""
    of_campaign = (watched.c.account.in_(accounts), watched.c.campaign == campaign)
    query = select(watched.c.schedule).where(*of_campaign).order_by(watched.c.accounted_until.desc()).limit(1)
    return connection.execute(query).scalar() or ""


def account(
    connection: Connection, account: str, campaign: str, until: datetime, skips: list[Skipped], schedule: str = ""
) -> None:
    """Note scheduled times without a run, and up to when all of them are accounted for; it never goes back.

    Args:
        schedule: whose times they are from now on; empty where it stays the same.
    """
    for skip in skips:
        where = (
            skipped.c.account == account,
            skipped.c.campaign == campaign,
            skipped.c.due_at == to_micros(skip.due_at),
        )
        if connection.execute(select(skipped.c.due_at).where(*where)).first() is None:
            row = {"due_at": to_micros(skip.due_at), "at": to_micros(skip.at), "code": skip.code, "reason": skip.reason}
            connection.execute(insert(skipped), row | {"account": account, "campaign": campaign})
    before = accounted_until(connection, [account], campaign)
    known = accounted_schedule(connection, [account], campaign)
    row_watched = {
        "account": account,
        "campaign": campaign,
        "accounted_until": to_micros(until if before is None else max(before, until)),
        "schedule": schedule or known,
    }
    connection.execute(delete(watched).where(watched.c.account == account, watched.c.campaign == campaign))
    connection.execute(insert(watched), row_watched)


def skips_of(connection: Connection, accounts: Collection[str], campaign: str, limit: int) -> list[Skipped]:
    """The last ``limit`` scheduled times without a run, newest first."""
    query = (
        select(skipped)
        .where(skipped.c.account.in_(accounts), skipped.c.campaign == campaign)
        .order_by(skipped.c.due_at.desc())
        .limit(limit)
    )
    return [
        Skipped(to_instant(row.due_at), to_instant(row.at), row.code, row.reason) for row in connection.execute(query)
    ]
