"""What people are told of, once each, and the way of each notice out: an outbox that survives a crash."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from mmsflow.ledger.codec import decode_object, encode_object, maybe_instant, maybe_micros, to_instant, to_micros
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import NewNotice, Notice, NoticeKind, NoticePost
from mmsflow.ledger.schema import notice_posts, notices

_LAST = "\U0010ffff"  # behind every name that goes on
_OF_ACCOUNT = "\x1f"  # between a notice's name and its account: names are unique in the ledger, notices by account
_OWED = "owed/"  # rows that are no notices: runs that people will have to be told of


def add_notice(
    connection: Connection, new: NewNotice, at: datetime, channels: Sequence[str], accounts: Collection[str]
) -> bool:
    """Keep a notice, to go out by ``channels``; False where one of that name is there already.

    Args:
        accounts: every name of its account.
    """
    if connection.execute(_open(accounts, new.name)).first() is not None:
        return False
    values = {
        "name": f"{new.name}{_OF_ACCOUNT}{new.account}",
        "at": to_micros(at),
        "kind": new.kind.value,
        "account": new.account,
        "campaign": new.campaign,
        "run": new.run,
        "text": new.text,
        "advice": new.advice,
        "detail": encode_object(new.detail),
    }
    number = connection.execute(insert(notices).returning(notices.c.id), values).scalar_one()
    for channel in channels:
        connection.execute(
            insert(notice_posts), {"notice_id": number, "channel": channel, "attempts": 0, "next_at": to_micros(at)}
        )
    return True


def _open(accounts: Collection[str], name: str) -> Select[int, str]:
    """The open notice of that name; earlier versions kept the name alone."""
    names = (name, *(f"{name}{_OF_ACCOUNT}{account}" for account in accounts))
    mine = (notices.c.account.in_(accounts), notices.c.settled_at.is_(None))
    return select(notices.c.id, notices.c.name).where(notices.c.name.in_(names), *mine)


def settle_notices(connection: Connection, accounts: Collection[str], names: Sequence[str], at: datetime) -> None:
    """What these notices asked for has been done; a later one of the same name may be made again."""
    for name in names:
        for row in connection.execute(_open(accounts, name)).all():
            # The name is free again: a run that pauses a second time tells a second time.
            renamed = f"{row.name}#{row.id}"
            values = {"settled_at": to_micros(at), "name": renamed}
            connection.execute(update(notices).where(notices.c.id == row.id), values)


def owe_news(connection: Connection, run: RunInfo, at: datetime) -> None:
    """Remember that people are to be told what becomes of a run."""
    name = f"{_OWED}{run.run}"
    if connection.execute(select(notices.c.id).where(notices.c.name == name)).first() is None:
        values = {"name": name, "at": to_micros(at), "settled_at": to_micros(at), "kind": NoticeKind.FINISHED.value}
        about = {"account": run.account, "campaign": run.campaign, "run": run.run, "text": "", "advice": ""}
        connection.execute(insert(notices), {**values, **about, "detail": encode_object({})})


def news_told(connection: Connection, run: RunInfo) -> None:
    """People have been told what became of a run."""
    connection.execute(delete(notices).where(notices.c.name == f"{_OWED}{run.run}"))


def owed_news(connection: Connection, accounts: Collection[str]) -> list[str]:
    """Runs of an account that people are still to be told of, in the order in which that was promised."""
    owed = (notices.c.account.in_(accounts), notices.c.name >= _OWED, notices.c.name < _OWED + _LAST)
    return list(connection.execute(select(notices.c.run).where(*owed).order_by(notices.c.id)).scalars())


def last_notices(
    connection: Connection,
    accounts: Collection[str],
    limit: int,
    *,
    open_only: bool = False,
    kinds: Collection[NoticeKind] = (),
    prefix: str = "",
) -> list[Notice]:
    """The last ``limit`` notices of an account, newest first."""
    mine = (notices.c.account.in_(accounts), ~notices.c.name.startswith(_OWED))
    query = select(notices).where(*mine).order_by(notices.c.id.desc()).limit(limit)
    if kinds:
        query = query.where(notices.c.kind.in_([kind.value for kind in kinds]))
    if prefix:
        query = query.where(notices.c.name >= prefix, notices.c.name < prefix + _LAST)
    if open_only:
        query = query.where(notices.c.settled_at.is_(None))
    return [_notice(row) for row in connection.execute(query)]


def due_posts(connection: Connection, now: datetime, limit: int, channel: str) -> list[NoticePost]:
    """Notices whose next attempt to go out is due, the oldest first; by one channel, or by any when empty."""
    query = (
        select(notices, notice_posts.c.channel, notice_posts.c.attempts)
        .join(notice_posts, notice_posts.c.notice_id == notices.c.id)
        .where(notice_posts.c.next_at <= to_micros(now))
        .order_by(notice_posts.c.next_at)
        .limit(limit)
    )
    if channel:
        query = query.where(notice_posts.c.channel == channel)
    return [NoticePost(_notice(row), row.channel, row.attempts) for row in connection.execute(query)]


def note_post(
    connection: Connection,
    post: NoticePost,
    *,
    sent_at: datetime | None,
    next_at: datetime | None = None,
    error: str = "",
) -> None:
    """What became of an attempt: sent, to be tried again at ``next_at``, or given up (neither)."""
    values = {
        "attempts": post.attempts + 1,
        "sent_at": maybe_micros(sent_at),
        "next_at": maybe_micros(next_at),
        "error": error,
    }
    where = (notice_posts.c.notice_id == post.notice.id, notice_posts.c.channel == post.channel)
    connection.execute(update(notice_posts).where(*where), values)


def next_post_at(connection: Connection, channel: str) -> datetime | None:
    """When the next attempt is due, by one channel, or by any when empty; None when nothing is to go out."""
    query = select(notice_posts.c.next_at).where(notice_posts.c.next_at.is_not(None)).order_by(notice_posts.c.next_at)
    if channel:
        query = query.where(notice_posts.c.channel == channel)
    return maybe_instant(connection.execute(query.limit(1)).scalar())


def _notice(row: Row[Any]) -> Notice:
    said = NewNotice(
        row.name.partition(_OF_ACCOUNT if _OF_ACCOUNT in row.name else "#")[0],
        NoticeKind(row.kind),
        row.account,
        row.campaign,
        row.run,
        row.text,
        row.advice,
        decode_object(row.detail),
    )
    return Notice(row.id, to_instant(row.at), maybe_instant(row.settled_at), said)


def posts_given_up(connection: Connection, since: datetime) -> list[tuple[str, str]]:
    """Channel and last error of notices made since an instant that will not go out any more, the newest first."""
    query = (
        select(notice_posts.c.channel, notice_posts.c.error)
        .join(notices, notices.c.id == notice_posts.c.notice_id)
        .where(notice_posts.c.next_at.is_(None), notice_posts.c.sent_at.is_(None), notices.c.at >= to_micros(since))
        .order_by(notices.c.id.desc())
    )
    return [(channel, error) for channel, error in connection.execute(query)]
