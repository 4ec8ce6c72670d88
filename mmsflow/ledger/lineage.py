"""What a ledger says of itself as one of several copies: its epochs, its place, its open runs; and going on with it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, false, func, insert, or_, select, update

from mmsflow.ledger.copies import ALL, HELD, Epoch, Extent, LedgerFacts, LostRun, OpenRun, Place
from mmsflow.ledger.events import History, current_messages
from mmsflow.ledger.model import RunState
from mmsflow.ledger.quota import add_posts
from mmsflow.ledger.schema import IS_READY, epochs, events, identity, lost_runs, messages, quota_use, runs, tallies
from mmsflow.mms.status import MessageState

_REASON = "it may have been sent after the copy was taken that this ledger goes on from"
_MACHINE_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_UNSENT = (MessageState.READY.value, MessageState.SENDING.value)
_AT_ONCE = 500
_DOUBTFUL = (MessageState.SENDING.value, MessageState.UNKNOWN.value, MessageState.ACCEPTED_NOID.value)


def place_of(path: Path, ledger: str) -> Place:
    """Where the file is now; the machine's id only hashed together with the ledger's."""
    machine = ""
    for each in _MACHINE_FILES:
        with suppress(OSError):
            if text := each.read_text("ascii", errors="replace").strip():
                machine = hashlib.sha256(f"{ledger} {text}".encode()).hexdigest()[:16]
                break
    status = path.stat()
    return Place(machine, status.st_dev, status.st_ino)


def is_elsewhere(connection: Connection, path: Path) -> bool:
    """Whether the file is another one than that which sent last, or on another machine."""
    row = connection.execute(select(identity)).first()
    before = _place(row.place) if row is not None else Place()
    return row is not None and before != Place() and not before.is_same_file(place_of(path, row.ledger))


def facts_of(connection: Connection, named: Collection[str], *, after: int, closely: bool) -> LedgerFacts:
    """Load what the ledger says of itself.

    Args:
        named: the runs that the witness names.
        after: the witness's step, for the newest intent beyond it.
        closely: also count the messages of open runs again, and their intents: a walk over them.
    """
    row = connection.execute(select(identity)).first()
    if row is None:
        return LedgerFacts()
    known = select(epochs.c.token, epochs.c.after_event).order_by(epochs.c.number)
    beyond = select(func.max(events.c.id)).where(events.c.id > after, events.c.new == MessageState.SENDING.value)
    return LedgerFacts(
        epochs=[Epoch(token, last) for token, last in connection.execute(known)],
        last_event=newest_event(connection),
        last_intent=connection.execute(beyond).scalar() or 0,
        place=_place(row.place),
        is_backup=row.copied_at is not None,
        is_closed=row.closed_at is not None,
        open_runs=_open_runs(connection, closely=closely),
        known_runs=frozenset(connection.execute(select(runs.c.run).where(runs.c.run.in_(list(named)))).scalars()),
    )


def newest_event(connection: Connection) -> int:
    """The number of the newest step; it only ever grows."""
    return connection.exec_driver_sql("SELECT max(id) FROM events").scalar() or 0


def begun_by(connection: Connection, key: int) -> int:
    """Intents of a run in its whole life."""
    query = select(func.coalesce(func.sum(messages.c.attempt), 0)).where(messages.c.run_key == key)
    return int(connection.execute(query).scalar_one())


def _place(text: str) -> Place:
    if not text:
        return Place()
    machine, device, inode = json.loads(text)
    return Place(str(machine), int(device), int(inode))


def _open_runs(connection: Connection, *, closely: bool) -> list[OpenRun]:
    unsent = (
        select(tallies.c.run_key, func.sum(tallies.c.n))
        .where(tallies.c.state.in_(_UNSENT))
        .group_by(tallies.c.run_key)
        .having(func.sum(tallies.c.n) > 0)
    )
    resends = select(runs.c.key).where(
        runs.c.config.contains('"resend_unknown":true'),
        runs.c.state.in_([RunState.RUNNING.value, RunState.PAUSED.value]),
    )
    open_ones = {key: int(number) for key, number in connection.execute(unsent)}
    open_ones |= {key: 0 for key in connection.execute(resends).scalars() if key not in open_ones}
    found = []
    for key, number in open_ones.items():
        run, fence, test, purged = connection.execute(
            select(runs.c.run, runs.c.fence, runs.c.test, runs.c.purged_at).where(runs.c.key == key)
        ).one()
        if test or purged is not None:
            continue
        begun, sound = _recount(connection, key) if closely else (0, True)
        event, stirred = _steps(connection, key, fence) if closely else (0, 0)
        found.append(OpenRun(run, key, fence, number, begun, event, stirred, sound))
    return found


def _recount(connection: Connection, key: int) -> tuple[int, bool]:
    """Intents of a run, and whether its messages fit its counts; pages of another state do not."""
    of_run = messages.c.run_key == key
    query = select(messages.c.wave, messages.c.state, func.count(), func.sum(messages.c.attempt)).where(of_run)
    counted, begun = dict[tuple[int, str], int](), 0
    for wave, state, number, attempts in connection.execute(query.group_by(messages.c.wave, messages.c.state)):
        counted[wave, state] = number
        begun += attempts
    states = [state.value for state in MessageState]
    kept = select(tallies.c.wave, tallies.c.state, tallies.c.n).where(
        tallies.c.run_key == key, tallies.c.n > 0, tallies.c.wave > 0, tallies.c.state.in_(states)
    )
    return begun, counted == {(wave, state): number for wave, state, number in connection.execute(kept)}


def _steps(connection: Connection, key: int, fence: int) -> tuple[int, int]:
    stops = events.c.message_id.is_(None) & (events.c.new != RunState.RUNNING.value)
    stirs = (events.c.fence == fence) & ((events.c.new == MessageState.SENDING.value) | stops)
    query = select(func.max(events.c.id), func.max(events.c.id).filter(stirs)).where(events.c.run_key == key)
    event, stirred = connection.execute(query).one()
    return event or 0, stirred or 0


def begin_epoch(connection: Connection, place: Place, at: int) -> Epoch:
    """Note that this process sends from now on, and where the file is."""
    epoch = Epoch(secrets.token_hex(8), newest_event(connection))
    connection.execute(insert(epochs), {"token": epoch.token, "after_event": epoch.after, "at": at})
    text = json.dumps([place.machine, place.device, place.inode])
    connection.execute(update(identity).values(place=text, copied_at=None))
    return epoch


def note_lost(connection: Connection, lost: Collection[LostRun], at: int) -> None:
    """Remember runs that only the witness knows."""
    for run in lost:
        known = connection.execute(select(lost_runs.c.run).where(lost_runs.c.run == run.run)).first()
        if known is None:
            values = {"run": run.run, "campaign": run.campaign, "account": run.account, "begun": run.begun, "at": at}
            connection.execute(insert(lost_runs), values)


def lost_runs_of(connection: Connection, accounts: Collection[str] | None, campaign: str) -> list[LostRun]:
    """The lost runs of a campaign that no later run of it has followed, oldest first.

    Args:
        accounts: every name of an account; None for those of any account, whatever followed them.
    """
    query = select(lost_runs).where(lost_runs.c.campaign == campaign)
    newest = select(func.max(runs.c.created_at)).where(runs.c.campaign == campaign, ~runs.c.test)
    if accounts is None:
        newest = newest.where(false())
    else:
        query, newest = query.where(lost_runs.c.account.in_(accounts)), newest.where(runs.c.account.in_(accounts))
    later = connection.execute(newest).scalar() or 0
    return [
        LostRun(row.run, row.campaign, row.account, row.begun)
        for row in connection.execute(query.order_by(lost_runs.c.at, lost_runs.c.run))
        if row.at > later
    ]


def hold(connection: Connection, extents: Mapping[int, Extent], at: int) -> dict[int, int]:
    """Make maybe-sent what may have gone out since the copy was taken; by run key, how many messages that were ready.

    Their history says that they were begun, for that is what is to be assumed. What was of unknown fate already gets
    the same code: the campaign's own rule (``unknown: resend``) sends none of them once more.
    """
    held = {}
    for key, extent in extents.items():
        if not extent:
            continue
        held[key] = _hold_ready(connection, key, extent, at)
        _hold_doubtful(connection, key, at)
    return held


def _hold_ready(connection: Connection, key: int, extent: Extent, at: int) -> int:
    ready: tuple[ColumnElement[bool], ...] = (messages.c.run_key == key, IS_READY)
    chosen = select(messages.c.id).where(*ready)
    if extent.upto != ALL:
        first = select(messages.c.id).where(*ready).order_by(messages.c.id).limit(extent.first)
        chosen = chosen.where(or_(messages.c.id <= extent.upto, messages.c.id.in_(first)))
    numbers = list(connection.execute(chosen.order_by(messages.c.id)).scalars())
    account, fence = connection.execute(select(runs.c.account, runs.c.fence).where(runs.c.key == key)).one()
    history = History(key)
    for start in range(0, len(numbers), _AT_ONCE):
        part = numbers[start : start + _AT_ONCE]
        for message in current_messages(connection, key, part).values():
            message.attempt, message.fence = message.attempt + 1, fence
            history.move(message, MessageState.SENDING, at, _REASON)
            history.move(message, MessageState.UNKNOWN, at, _REASON)
        connection.execute(
            update(messages)
            .where(messages.c.id.in_(part), IS_READY)
            .values(
                state=MessageState.UNKNOWN.value,
                attempt=messages.c.attempt + 1,
                fence=fence,
                sent_at=at,
                not_before=None,
                reason=_REASON,
                code=HELD,
            )
        )
    history.write(connection)
    if numbers:
        period = select(quota_use.c.period).where(quota_use.c.run_key == key).order_by(quota_use.c.period.desc())
        add_posts(connection, account, connection.execute(period.limit(1)).scalar() or "", key, len(numbers))
    return len(numbers)


def _hold_doubtful(connection: Connection, key: int, at: int) -> None:
    doubtful = select(messages.c.id).where(messages.c.run_key == key, messages.c.state.in_(_DOUBTFUL))
    numbers = list(connection.execute(doubtful).scalars())
    history = History(key)
    for start in range(0, len(numbers), _AT_ONCE):
        part = numbers[start : start + _AT_ONCE]
        for message in current_messages(connection, key, part).values():
            if message.state is MessageState.SENDING:
                history.move(message, MessageState.UNKNOWN, at, _REASON)
        sending = messages.c.state == MessageState.SENDING.value
        of_part = messages.c.id.in_(part)
        connection.execute(
            update(messages).where(of_part, sending).values(state=MessageState.UNKNOWN.value, reason=_REASON)
        )
        connection.execute(update(messages).where(of_part).values(code=HELD))
    history.write(connection)


def mark_copy(connection: Connection, at: int) -> None:
    """Have this file know that it is a copy."""
    connection.execute(update(identity).values(copied_at=at, closed_at=None))


def mark_moved_here(connection: Connection, at: int) -> None:
    """Have this file be the one that goes on, wherever it will stand."""
    begin_epoch(connection, Place(), at)
    connection.execute(update(identity).values(closed_at=None, place=""))


def is_moved_here(connection: Connection) -> bool:
    """Whether ``mark_moved_here`` was the last word on this file."""
    row = connection.execute(select(identity)).one()
    sent = connection.execute(select(func.count()).select_from(epochs)).scalar_one()
    return bool(sent and not row.place and row.copied_at is None and row.closed_at is None)


def mark_closed(connection: Connection, at: int | None) -> None:
    """Have this file never be sent with again; None opens it again."""
    connection.execute(update(identity).values(closed_at=at))


def counts_of(connection: Connection) -> tuple[int, int, int]:
    """How many runs there are, how many of them have something unsent, and how many messages that is."""
    runs_in_all = connection.execute(select(func.count()).select_from(runs)).scalar_one()
    unsent = [run.unsent for run in _open_runs(connection, closely=False) if run.unsent]
    return runs_in_all, len(unsent), sum(unsent)
