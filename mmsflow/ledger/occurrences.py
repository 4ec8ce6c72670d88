"""The scheduled times of campaigns: up to when they are accounted for, and which of them got no run."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

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
    connection: Connection,
    account: str,
    campaign: str,
    until: datetime,
    skips: list[Skipped],
    schedule: str = "",
    names: Collection[str] = (),
) -> None:
    """Note scheduled times without a run, and up to when all of them are accounted for; it never goes back.

    Args:
        schedule: whose times they are from now on; empty where it stays the same.
        names: every name of the account; what is known under another one goes on under this one.
    """
    names = {account, *names}
    for skip in skips:
        where = (
            skipped.c.account.in_(names),
            skipped.c.campaign == campaign,
            skipped.c.due_at == to_micros(skip.due_at),
        )
        if connection.execute(select(skipped.c.due_at).where(*where)).first() is None:
            row = {"due_at": to_micros(skip.due_at), "at": to_micros(skip.at), "code": skip.code, "reason": skip.reason}
            connection.execute(insert(skipped), row | {"account": account, "campaign": campaign})
    before = accounted_until(connection, names, campaign)
    facts = {
        "accounted_until": to_micros(until if before is None else max(before, until)),
        "schedule": schedule or accounted_schedule(connection, names, campaign),
    }
    # Every name says the same: two schedules for one instant would look like a change at each start.
    of_campaign = (watched.c.account.in_(names), watched.c.campaign == campaign)
    known = set(connection.execute(select(watched.c.account).where(*of_campaign)).scalars())
    connection.execute(update(watched).where(*of_campaign).values(facts))
    if account not in known:
        connection.execute(insert(watched), facts | {"account": account, "campaign": campaign})


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
