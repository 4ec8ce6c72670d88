"""Who had a message before: by campaign, run and fate; and how many, within a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from ledger_factory import ACCOUNT, START, Ledgers, accepted, begin, ended, freeze, settle

from mmsflow.ledger.model import RunInfo, RunState
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import Bucket, MessageState

S = MessageState
ONE, TWO, THREE, FOUR = (f"+48501102{n:03d}" for n in range(1, 5))


@pytest.fixture
def ledger(ledgers: Ledgers) -> Iterator[Ledger]:
    with ledgers.write() as opened:
        yield opened


def settled(ledger: Ledger, name: str, *states: MessageState, **changes: Any) -> RunInfo:
    """A run of four messages, the first of which ended like this; the others are ready."""
    run = ledger.take_run(freeze(ledger, 4, run=name, **changes).key)
    ids = begin(ledger, run, len(states))
    outcomes = [
        accepted(each) if state is S.ACCEPTED else ended(each, state) for each, state in zip(ids, states, strict=True)
    ]
    settle(ledger, run, *outcomes)
    return run


def received(ledger: Ledger, *names: str, buckets: tuple[Bucket, ...] = ()) -> list[str]:
    return list(ledger.received_numbers(ACCOUNT, names, buckets))


def test_whoever_had_a_message_or_may_have_had_one_is_named_once_in_order(ledger: Ledger) -> None:
    settled(ledger, "a-1", S.ACCEPTED, S.UNKNOWN, S.REJECTED, campaign="a")
    settled(ledger, "a-2", S.ACCEPTED, campaign="a")
    settled(ledger, "b-1", S.REJECTED, S.REJECTED, S.ACCEPTED, campaign="b")
    assert received(ledger, "a") == [ONE, TWO]
    assert received(ledger, "a-2") == [ONE]
    assert received(ledger, "b", "a-2") == [ONE, THREE]
    assert received(ledger, "c") == []


def test_a_bucket_chooses_by_the_fate_of_the_message(ledger: Ledger) -> None:
    settled(ledger, "a-1", S.ACCEPTED, S.UNKNOWN, S.REJECTED, campaign="a")
    assert received(ledger, "a", buckets=(Bucket.MAYBE_SENT,)) == [TWO]
    assert received(ledger, "a", buckets=(Bucket.FAILED, Bucket.ACCEPTED)) == [ONE, THREE]
    assert received(ledger, "a", buckets=(Bucket.DELIVERED,)) == []


def test_tests_and_other_accounts_count_nowhere(ledger: Ledger) -> None:
    settled(ledger, "a-test-1", S.ACCEPTED, campaign="a", test=True)
    settled(ledger, "a-1", S.ACCEPTED, campaign="a", account="somebody else")
    assert received(ledger, "a", "a-test-1", "a-1") == []
    assert list(ledger.capped_numbers(ACCOUNT, START - timedelta(days=1), 1)) == []
    assert ledger.known_names(ACCOUNT) == set()
    assert ledger.known_names("somebody else") == {"a", "a-1"}


def test_messages_are_counted_over_all_campaigns_within_the_time(ledgers: Ledgers, ledger: Ledger) -> None:
    settled(ledger, "a-1", S.ACCEPTED, S.ACCEPTED, S.REJECTED, campaign="a")
    run = settled(ledger, "b-1", S.UNKNOWN, campaign="b")
    since = START - timedelta(seconds=1)
    assert list(ledger.capped_numbers(ACCOUNT, since, 1)) == [(ONE, 2), (TWO, 1)]
    assert list(ledger.capped_numbers(ACCOUNT, since, 2)) == [(ONE, 2)]
    assert list(ledger.capped_numbers(ACCOUNT, START + timedelta(seconds=1), 1)) == []
    assert ledger.recent_counts(ACCOUNT, [ONE, TWO, THREE, FOUR], since, except_run=run.key) == {ONE: 1, TWO: 1}
    assert ledger.recent_counts(ACCOUNT, [ONE, FOUR], since, except_run=0) == {ONE: 2}


async def test_an_ended_run_that_was_not_touched_since_is_not_looked_into(ledgers: Ledgers, ledger: Ledger) -> None:
    run = settled(ledger, "a-1", S.ACCEPTED, S.ACCEPTED, S.ACCEPTED, S.ACCEPTED, campaign="a")
    ledger.set_state(run.key, RunState.DONE)
    await ledgers.clock.advance(3600)
    assert ledger.recent_counts(ACCOUNT, [ONE], START - timedelta(minutes=1), except_run=0) == {ONE: 1}
    assert ledger.recent_counts(ACCOUNT, [ONE], START + timedelta(minutes=1), except_run=0) == {}
