"""Who had a message before: by campaign or run for lists that ask for it, within a time for frequency caps.

Of a run whose personal data were removed nobody is known any more; whoever asks must look at ``purged_runs`` first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from mmsflow.ledger.model import RunState
from mmsflow.ledger.schema import messages, runs
from mmsflow.mms.status import BUCKET_OF_STATE, Bucket, MessageState

_CHUNK_ROWS = 2_000
_NEVER_HAD = tuple(
    state.value for state in (MessageState.READY, MessageState.NOT_SENT, MessageState.SUPPRESSED, MessageState.REJECTED)
)
_ENDED = tuple(state.value for state in RunState if state.is_ended)


def names_of(connection: Connection, accounts: Collection[str]) -> set[str]:
    """The campaigns and run ids of an account, without tests."""
    query = select(runs.c.campaign, runs.c.run).where(runs.c.account.in_(accounts), runs.c.test.is_(False))
    return {name for pair in connection.execute(query) for name in pair}


def received_numbers(
    connection: Connection, accounts: Collection[str], names: Sequence[str], buckets: Collection[Bucket] = ()
) -> Iterator[str]:
    """The numbers of messages of these campaigns or runs, ascending, each once; tests do not count.

    Args:
        buckets: in which the message must have ended; without any, every message that left, or may have.
    """
    states = [state.value for state, bucket in BUCKET_OF_STATE.items() if bucket in buckets]
    query = (
        select(messages.c.msisdn)
        .distinct()
        .join(runs, runs.c.key == messages.c.run_key)
        .where(
            runs.c.account.in_(accounts),
            runs.c.test.is_(False),
            runs.c.purged_at.is_(None),
            or_(runs.c.campaign.in_(names), runs.c.run.in_(names)),
            messages.c.state.in_(states) if buckets else messages.c.state.not_in(_NEVER_HAD),
        )
        .order_by(messages.c.msisdn)
    )
    result = connection.execution_options(stream_results=True).execute(query)
    while chunk := result.fetchmany(_CHUNK_ROWS):
        for (msisdn,) in chunk:
            yield msisdn


def capped_numbers(
    connection: Connection, accounts: Collection[str], since: int, least: int
) -> Iterator[tuple[str, int]]:
    """The numbers with at least so many messages since an instant, ascending, with how many; tests do not count."""
    number = func.count()
    query = (
        select(messages.c.msisdn, number)
        .where(messages.c.run_key.in_(_active(accounts, since)), *_left_since(since))
        .group_by(messages.c.msisdn)
        .having(number >= least)
        .order_by(messages.c.msisdn)
    )
    result = connection.execution_options(stream_results=True).execute(query)
    while chunk := result.fetchmany(_CHUNK_ROWS):
        yield from ((msisdn, count) for msisdn, count in chunk)


def recent_counts(
    connection: Connection, accounts: Collection[str], numbers: Sequence[str], since: int, except_run: int
) -> dict[str, int]:
    """How many messages each of a few numbers had since an instant, in other runs than one; none where it had none.

    One look into the index of numbers for each of them and each run that was active since.
    """
    keys = [key for (key,) in connection.execute(_active(accounts, since).where(runs.c.key != except_run))]
    if not keys:
        return {}
    query = (
        select(messages.c.msisdn, func.count())
        .where(messages.c.run_key.in_(keys), messages.c.msisdn.in_(numbers), *_left_since(since))
        .group_by(messages.c.msisdn)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _active(accounts: Collection[str], since: int) -> Select[tuple[int]]:
    # An ended run was last touched when it ended, behind its last message; one that has not ended may send any time.
    touched = or_(runs.c.updated_at >= since, runs.c.state.not_in(_ENDED))
    held = runs.c.purged_at.is_(None)
    return select(runs.c.key).where(runs.c.account.in_(accounts), runs.c.test.is_(False), held, touched)


def _left_since(since: int) -> tuple[ColumnElement[bool], ...]:
    return messages.c.sent_at >= since, messages.c.state.not_in(_NEVER_HAD)
