"""The gateway's counter as it was read, and the requests that we have begun ourselves."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, bindparam, func, insert, select, update

from mmsflow.ledger.codec import to_instant, to_micros
from mmsflow.ledger.database import Prepared
from mmsflow.ledger.model import QuotaReading
from mmsflow.ledger.schema import quota_readings, quota_use, runs

_ADD_POSTS = Prepared(
    update(quota_use)
    .values(posts=quota_use.c.posts + bindparam("more"))
    .where(
        quota_use.c.account == bindparam("of_account"),
        quota_use.c.period == bindparam("of_period"),
        quota_use.c.run_key == bindparam("of_run"),
    ),
    "more",
    "of_account",
    "of_period",
    "of_run",
)
_FIRST_POSTS = Prepared(insert(quota_use), "posts", "account", "period", "run_key")


def add_reading(connection: Connection, reading: QuotaReading) -> None:
    """Keep one reading."""
    values = {
        "account": reading.account,
        "at": to_micros(reading.at),
        "used": reading.used,
        "available": reading.available,
        "reset_on": reading.reset_on.isoformat() if reading.reset_on else None,
    }
    connection.execute(insert(quota_readings), values)


def readings(connection: Connection, accounts: Collection[str], limit: int) -> list[QuotaReading]:
    """The last ``limit`` readings of an account, newest first."""
    table = quota_readings.c
    rows = connection.execute(
        select(table.at, table.account, table.used, table.available, table.reset_on)
        .where(table.account.in_(accounts))
        .order_by(table.at.desc(), table.id.desc())
        .limit(limit)
    )
    return [
        QuotaReading(to_instant(at), name, used, available, date.fromisoformat(day) if day else None)
        for at, name, used, available, day in rows
    ]


def add_posts(connection: Connection, account: str, period: str, key: int, posts: int) -> None:
    """Count requests that were begun in a period; below 0 for those that provably never were."""
    if posts and not _ADD_POSTS.many(connection, [(posts, account, period, key)]):
        _FIRST_POSTS.many(connection, [(posts, account, period, key)])


def posts_in_period(connection: Connection, accounts: Collection[str], period: str, key: int | None) -> int:
    """Requests begun in a period, by one run or by all; never below 0.

    What was begun before a reset and provably never left is given back after it, so a period's sum may fall below 0.
    """
    query = select(func.sum(quota_use.c.posts)).where(quota_use.c.account.in_(accounts), quota_use.c.period == period)
    if key is not None:
        query = query.where(quota_use.c.run_key == key)
    return max(0, connection.execute(query).scalar() or 0)


def posts_of_campaigns(connection: Connection, accounts: Collection[str], period: str) -> dict[str, int]:
    """Requests begun in a period by campaign, over all its runs; never below 0."""
    rows = connection.execute(
        select(runs.c.campaign, func.sum(quota_use.c.posts))
        .join(runs, runs.c.key == quota_use.c.run_key)
        .where(quota_use.c.account.in_(accounts), quota_use.c.period == period)
        .group_by(runs.c.campaign)
    )
    return {campaign: max(0, posts) for campaign, posts in rows}
