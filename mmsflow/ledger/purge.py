"""Removing the personal data of a run that has ended; its counts and its own history stay.

What goes: numbers, subjects, texts, consent and segment cells, the gateway's ids, reasons in words and evidence of
every message and of every row set aside; parts and files that hold them and that no other run needs. What stays: the
run, its waves, its tallies, each row's place, state, variant, short code and instants, and the quota's use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Text, case, cast, delete, func, literal, or_, select, update

from mmsflow.campaign.wording import has_phone, masked
from mmsflow.ledger.codec import decode_layout, decode_object, decode_texts, encode_object, to_instant, to_micros
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.polls import outstanding
from mmsflow.ledger.rows import state_counts
from mmsflow.ledger.schema import approvals, blobs, events, inputs, layouts, messages, runs, set_aside
from mmsflow.message.model import DrawnPart, StaticPart
from mmsflow.mms.status import MessageState, uncertain_of

NO_NUMBER = "~"
"""How what stands in for a number begins: distinct for each message, and nothing that can be sent to."""

_AT_ONCE = 1_000  # rows a transaction: about a tenth of a second, in which nothing else is written
_READ_AT_ONCE = 5_000
_LONGEST_REASON = 500
_KEPT = ("paused_by", "begun_by", "cause")
_LONGEST_WORD, _MOST_DIGITS = 40, 7
_PARAMETERS = 500
_KEPT_DETAIL = ('"unspent":true', '"posted":false')  # facts that the audit counts by, as the codec writes them


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a run's personal data must stay for now; ``needs_person`` where only a person can change that."""

    reason: str
    advice: str
    needs_person: bool = False


@dataclass(frozen=True, slots=True)
class PurgedRun:
    """A run of which nobody knows any more who had a message; instants aware, UTC."""

    campaign: str
    run: str
    ended_at: datetime
    purged_at: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of a run's rows: messages by their ids, or rows set aside by their ordinals, both ends included."""

    of_messages: bool
    first: int
    last: int


def hindrance(connection: Connection, run: RunInfo, *, even_maybe_sent: bool) -> Hindrance | None:
    """What stands in the way of removing a run's personal data; None when nothing does."""
    counts = state_counts(connection, run.key)
    unsent = counts[MessageState.READY] + counts[MessageState.SENDING]
    if unsent or not run.state.is_ended:
        what = _counted(unsent, "message is", "messages are") + " not sent yet" if unsent else f"it is {run.state}"
        return Hindrance(what, f"`mmsflow cancel {run.run}` ends it", needs_person=True)
    if waiting := outstanding(connection, run.key):
        what = _counted(waiting, "delivery report is", "delivery reports are") + " awaited"
        return Hindrance(what, f"`mmsflow poll {run.run}` asks for what is outstanding")
    if (doubtful := uncertain_of(counts)) and not even_maybe_sent:
        advice = f"`mmsflow resolve {run.run}` settles it; or add --even-maybe-sent, and nobody can any more"
        what = _counted(doubtful, "message was", "messages were") + " maybe sent"
        return Hindrance(what, advice, needs_person=True)
    return None


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def last_touched(connection: Connection, run: RunInfo) -> datetime:
    """When anything last happened to a run or to one of its messages."""
    last = connection.execute(select(func.max(messages.c.final_at)).where(messages.c.run_key == run.key)).scalar()
    return max(run.updated_at, to_instant(last)) if last else run.updated_at


def begin(connection: Connection, run: RunInfo, now: datetime) -> None:
    """Mark a run that nothing hinders as purged, and remove what belongs to it as a whole; ``erase`` does its rows.

    Marked first: from now on nobody takes its numbers for all that there were, although some are still there.

    Args:
        connection: in a transaction that overwrites what it removes.
    """
    _delete_blobs(connection, run.key)  # while the messages still name those that were drawn for them
    _erase_long_words(connection, run.key)
    _mask_history(connection, run)
    _forget_subjects(connection, run)
    values = {"purged_at": to_micros(now), "reason": masked(run.reason, _LONGEST_REASON)}
    connection.execute(update(runs).where(runs.c.key == run.key).values(values))


def stretches(connection: Connection, key: int) -> list[Stretch]:
    """A run's rows, a thousand or so at a time."""
    return [
        Stretch(of_messages, start, min(start + _AT_ONCE - 1, last))
        for of_messages, column in ((True, messages.c.id), (False, set_aside.c.ordinal))
        for first, last in [_span(connection, column, key)]
        for start in range(first, last + 1, _AT_ONCE)
    ]


def _span(connection: Connection, column: Column[int], key: int) -> tuple[int, int]:
    span = select(func.min(column), func.max(column)).where(column.table.c.run_key == key)
    first, last = connection.execute(span).one()
    return first or 1, last or 0  # nothing at all for a run without such rows


def erase(connection: Connection, key: int, stretch: Stretch) -> int:
    """Remove the personal data of one stretch of a run's rows, in a transaction as for ``begin``; how many rows."""
    if stretch.of_messages:
        return _erase_messages(connection, key, stretch.first, stretch.last)
    mine = (set_aside.c.run_key == key, set_aside.c.ordinal.between(stretch.first, stretch.last))
    kept = {"number": "", "reason": "", "segments": ""}
    return connection.execute(update(set_aside).where(*mine).values(kept)).rowcount


def _erase_messages(connection: Connection, key: int, first: int, last: int) -> int:
    mine = (messages.c.run_key == key, messages.c.id.between(first, last))
    values = {
        "msisdn": literal(NO_NUMBER) + cast(messages.c.id, Text),
        **dict.fromkeys(("subject", "gateway_id", "reason", "consent", "segments"), ""),
        "texts": "[]",
    }
    erased = connection.execute(update(messages).where(*mine).values(values)).rowcount
    unspent, given_back = (events.c.detail.contains(fact) for fact in _KEPT_DETAIL)
    detail = case(
        (unspent & given_back, f"{{{','.join(_KEPT_DETAIL)}}}"),
        (unspent, f"{{{_KEPT_DETAIL[0]}}}"),
        (given_back, f"{{{_KEPT_DETAIL[1]}}}"),
        else_="{}",
    )
    telling = or_(events.c.reason != "", events.c.detail != "{}")
    theirs = events.c.message_id.between(first, last) & (events.c.run_key == key)
    connection.execute(update(events).where(theirs, telling).values(reason="", detail=detail))
    return erased


def _erase_long_words(connection: Connection, key: int) -> None:
    """Status words and short codes stay for the counts, but for those that could hold a number or a sentence."""
    for column in (messages.c.status, messages.c.code):
        words = connection.execute(select(column).distinct().where(messages.c.run_key == key)).scalars()
        telling = [word for word in words if len(word) > _LONGEST_WORD or sum(map(str.isdigit, word)) >= _MOST_DIGITS]
        for start in range(0, len(telling), _PARAMETERS):
            where = (messages.c.run_key == key, column.in_(telling[start : start + _PARAMETERS]))
            connection.execute(update(messages).where(*where).values({column: ""}))


def _mask_history(connection: Connection, run: RunInfo) -> None:
    """The run's own steps stay, with numbers in their words masked: a gateway may have named one."""
    of_run = select(events).where(events.c.run_key == run.key, events.c.message_id.is_(None))
    for step in connection.execute(of_run).all():
        known = decode_object(step.detail)
        # Who did what is kept on purpose, as it is of approvals: they act for the sender, and are no recipients.
        kept = {name: masked(by, _LONGEST_REASON) for name in _KEPT if isinstance(by := known.get(name), str)}
        values = {
            "reason": masked(step.reason, _LONGEST_REASON),
            "detail": encode_object(kept),
        }
        connection.execute(update(events).where(events.c.id == step.id).values(values))


def _forget_subjects(connection: Connection, run: RunInfo) -> None:
    """The first subject that people saw when they approved a plan of that time is somebody's."""
    of_campaign = select(approvals).where(
        approvals.c.campaign == run.campaign,
        approvals.c.at <= to_micros(run.created_at),
    )
    for row in connection.execute(of_campaign).all():
        seen = decode_object(row.seen)
        if seen.get("first_subject"):
            values = {"seen": encode_object(seen | {"first_subject": ""})}
            connection.execute(update(approvals).where(approvals.c.id == row.id).values(values))


def _delete_blobs(connection: Connection, key: int) -> None:
    """Parts and files that held somebody's data, unless a run that still has its own needs them."""
    others = connection.execute(select(runs.c.key).where(runs.c.key != key, runs.c.purged_at.is_(None))).scalars()
    theirs = list(others)
    mine = {*_parts(connection, key), *_telling_files(connection, key)}
    for other in theirs:
        if not mine:
            return
        mine.difference_update(_parts(connection, other), _files(connection, other))
    wanted = [digest.hex() for digest in mine]
    for start in range(0, len(wanted), _PARAMETERS):
        connection.execute(delete(blobs).where(blobs.c.sha256.in_(wanted[start : start + _PARAMETERS])))


def _parts(connection: Connection, key: int) -> Iterator[bytes]:
    """Digests of everything that a run's messages carry beside their texts."""
    rows = connection.execute(select(layouts.c.key, layouts.c.layout).where(layouts.c.run_key == key)).all()
    for layout_key, text in rows:
        layout = decode_layout(text)
        yield from (bytes.fromhex(part.sha256) for part in layout if isinstance(part, StaticPart))
        own = [part for part in layout if not isinstance(part, StaticPart)]
        places = [place for place, part in enumerate(own) if isinstance(part, DrawnPart)]
        if places:
            yield from _drawn(connection, key, layout_key, places)


def _drawn(connection: Connection, key: int, layout_key: int, places: Sequence[int]) -> Iterator[bytes]:
    query = select(messages.c.texts).where(messages.c.run_key == key, messages.c.layout_key == layout_key)
    result = connection.execution_options(stream_results=True).execute(query)
    while chunk := result.fetchmany(_READ_AT_ONCE):
        for (encoded,) in chunk:
            texts = decode_texts(encoded)
            yield from (bytes.fromhex(texts[place]) for place in places)


def _files(connection: Connection, key: int) -> Iterator[bytes]:
    digests = select(inputs.c.sha256).where(inputs.c.run_key == key)
    yield from (bytes.fromhex(digest) for digest in connection.execute(digests).scalars())


def _telling_files(connection: Connection, key: int) -> Iterator[bytes]:
    """The campaign file and the templates of a run as far as a phone number stands in them."""
    query = (
        select(inputs.c.sha256, blobs.c.data)
        .join(blobs, blobs.c.sha256 == inputs.c.sha256)
        .where(inputs.c.run_key == key)
    )
    for digest, data in connection.execute(query):
        if has_phone(data.decode("utf-8", "replace")):
            yield bytes.fromhex(digest)


def still_personal(connection: Connection, key: int) -> int:
    """Rows of a purged run that hold personal data all the same; there are some only while it goes on."""
    numbered = (messages.c.run_key == key) & (func.substr(messages.c.msisdn, 1, 1) != NO_NUMBER)
    told = or_(set_aside.c.number != "", set_aside.c.reason != "", set_aside.c.segments != "")
    aside = (set_aside.c.run_key == key) & told
    counts = [
        connection.execute(select(func.count()).select_from(table).where(where)).scalar_one()
        for table, where in ((messages, numbered), (set_aside, aside))
    ]
    return int(sum(counts))


def half_done(connection: Connection) -> list[int]:
    """Keys of the runs of which a purge was begun and cut off."""
    purged = connection.execute(select(runs.c.key).where(runs.c.purged_at.is_not(None)).order_by(runs.c.key))
    return [key for key in purged.scalars().all() if _is_half_done(connection, key)]


def _is_half_done(connection: Connection, key: int) -> bool:
    """Without reading a finished run's messages: a number begins with ``+``, which an index finds."""
    numbered = select(messages.c.id).where(messages.c.run_key == key, messages.c.msisdn.between("+", "+~")).limit(1)
    told = or_(set_aside.c.number != "", set_aside.c.reason != "", set_aside.c.segments != "")
    aside = select(set_aside.c.ordinal).where(set_aside.c.run_key == key, told).limit(1)
    return any(connection.execute(query).first() is not None for query in (numbered, aside))


def purged_runs(connection: Connection, accounts: Collection[str]) -> list[PurgedRun]:
    """The runs of an account whose personal data were removed, the first one first; tests do not count."""
    query = select(runs.c.campaign, runs.c.run, runs.c.updated_at, runs.c.purged_at).where(
        runs.c.account.in_(accounts), runs.c.test.is_(False), runs.c.purged_at.is_not(None)
    )
    return [
        PurgedRun(campaign, run, to_instant(ended_at), to_instant(purged_at))
        for campaign, run, ended_at, purged_at in connection.execute(query.order_by(runs.c.key))
    ]
