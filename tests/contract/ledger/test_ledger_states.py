"""Intents and outcomes: compare-and-set on message, attempt, fence and state."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_factory import PERIOD, START, Ledgers, accepted, after, begin, ended, freeze, settle

from mmsflow.errors import IllegalTransition, LedgerError
from mmsflow.ledger.model import Outcome, RunInfo, RunState
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import Bucket, MessageState

S = MessageState


@pytest.fixture
def ledger(ledgers: Ledgers) -> Ledger:
    return ledgers.write()


@pytest.fixture
def run(ledger: Ledger) -> RunInfo:
    return ledger.take_run(freeze(ledger).key)


def counts(ledger: Ledger, run: RunInfo) -> dict[MessageState, int]:
    return {state: n for state, n in ledger.state_counts(run.key).items() if n}


def test_taking_a_run_raises_its_fence_and_sets_it_running(ledger: Ledger) -> None:
    run = freeze(ledger)
    assert ledger.take_run(run.key).fence == 1
    taken = ledger.take_run(run.key)
    assert (taken.fence, taken.state) == (2, RunState.RUNNING)
    assert ledger.find_run(run.run) == taken


def test_an_ended_run_that_is_taken_stays_ended(ledger: Ledger, run: RunInfo) -> None:
    ledger.set_state(run.key, RunState.DONE)
    assert ledger.take_run(run.key).state is RunState.DONE


def test_a_message_with_an_intent_is_sending_and_not_ready_any_more(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run, 3)
    assert counts(ledger, run) == {S.SENDING: 3, S.READY: 1}
    assert [message.id for message in ledger.ready(run.key, now=START, after=0, limit=10)] == [ids[-1] + 1]
    assert begin(ledger, run, 10) == [ids[-1] + 1]


def test_an_intent_takes_only_once(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run, 2)
    again = ledger.commit(run.key, run.fence, outcomes=[], intents=[*ids, *ids], now=START, period=PERIOD)
    assert again == []
    assert counts(ledger, run) == {S.SENDING: 2, S.READY: 2}


def test_ready_messages_come_in_pages(ledger: Ledger, run: RunInfo) -> None:
    first = ledger.ready(run.key, now=START, after=0, limit=3)
    rest = ledger.ready(run.key, now=START, after=first[-1].id, limit=3)
    assert [message.ordinal for message in first + rest] == [1, 2, 3, 4]


@pytest.mark.parametrize("state", [S.ACCEPTED, S.ACCEPTED_NOID, S.REJECTED, S.UNKNOWN, S.READY])
def test_an_outcome_settles_the_attempt_that_it_belongs_to(ledger: Ledger, run: RunInfo, state: MessageState) -> None:
    [number] = begin(ledger, run, 1)
    settle(ledger, run, ended(number, state))
    expected = {S.READY: 4} if state is S.READY else {S.READY: 3, state: 1}
    assert counts(ledger, run) == expected


def test_outcomes_come_before_intents_within_a_commit(ledger: Ledger, run: RunInfo) -> None:
    [number] = begin(ledger, run, 1)
    back = ended(number, S.READY)
    taken = ledger.commit(run.key, run.fence, outcomes=[back], intents=[number], now=after(2), period=PERIOD)
    assert taken == [number]
    settle(ledger, run, accepted(number, attempt=2))
    assert counts(ledger, run) == {S.READY: 3, S.ACCEPTED: 1}


def test_a_stale_attempt_changes_nothing_but_is_kept_in_the_history(ledger: Ledger, run: RunInfo) -> None:
    [number] = begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.READY))
    begin(ledger, run, 1)
    settle(ledger, run, accepted(number, attempt=1))
    assert counts(ledger, run) == {S.READY: 3, S.SENDING: 1}
    [(_, _, events)] = ledger.stories("+48501102001")
    assert (events[-1].old, events[-1].new) == ("sending", "sending")
    assert events[-1].detail == {"http_status": 200}


def test_a_stale_fence_is_refused_as_a_lost_lease(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run, 2)
    later = ledger.take_run(run.key)
    with pytest.raises(LedgerError, match="lease lost"):
        settle(ledger, run, accepted(ids[0]))
    with pytest.raises(LedgerError, match="lease lost"):
        ledger.commit(run.key, run.fence, outcomes=[], intents=[ids[0] + 2], now=START, period=PERIOD)
    assert counts(ledger, later) == {S.UNKNOWN: 2, S.READY: 2}


def test_what_was_sending_when_a_run_is_taken_over_is_unknown_and_not_sent_again(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run, 2)
    later = ledger.take_run(run.key)
    assert counts(ledger, later) == {S.UNKNOWN: 2, S.READY: 2}
    assert ledger.wave_progress(run.key) == {1: 2, 2: 0}
    assert ledger.commit(later.key, later.fence, outcomes=[], intents=ids, now=START, period=PERIOD) == []
    [(_, row, events)] = ledger.stories("+48501102001")
    assert row.bucket is Bucket.MAYBE_SENT
    assert [(event.old, event.new) for event in events] == [("ready", "sending"), ("sending", "unknown")]
    assert "process ended" in events[-1].reason


@pytest.mark.parametrize("state", [S.ACCEPTED, S.ACCEPTED_NOID, S.REJECTED])
def test_a_late_reply_of_the_same_attempt_settles_unknown(ledger: Ledger, run: RunInfo, state: MessageState) -> None:
    [number] = begin(ledger, run, 1)
    later = ledger.take_run(run.key)
    settle(ledger, later, ended(number, state))
    assert counts(ledger, run) == {S.READY: 3, state: 1}


def test_a_late_reply_never_makes_an_unknown_message_ready_again(ledger: Ledger, run: RunInfo) -> None:
    [number] = begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.UNKNOWN))
    settle(ledger, run, ended(number, S.READY))
    settle(ledger, run, ended(number, S.UNKNOWN))
    assert counts(ledger, run) == {S.READY: 3, S.UNKNOWN: 1}


def test_a_late_reply_of_an_earlier_attempt_settles_nothing(ledger: Ledger, run: RunInfo) -> None:
    [number] = begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.READY))
    begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.UNKNOWN, attempt=2), accepted(number, attempt=1))
    assert counts(ledger, run) == {S.READY: 3, S.UNKNOWN: 1}


def test_unknown_and_its_late_reply_may_come_in_one_commit(ledger: Ledger, run: RunInfo) -> None:
    [number] = begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.UNKNOWN), accepted(number))
    assert counts(ledger, run) == {S.READY: 3, S.ACCEPTED: 1}


def test_an_outcome_that_sending_cannot_lead_to_is_refused_and_nothing_is_changed(ledger: Ledger, run: RunInfo) -> None:
    first, second = begin(ledger, run, 2)
    with pytest.raises(IllegalTransition):
        settle(ledger, run, accepted(first), ended(second, S.DELIVERED))
    assert counts(ledger, run) == {S.SENDING: 2, S.READY: 2}


def test_a_message_of_another_run_is_refused(ledger: Ledger, run: RunInfo) -> None:
    other = ledger.take_run(freeze(ledger, run="other").key)
    [number] = begin(ledger, other, 1)
    with pytest.raises(LedgerError, match="no message"):
        settle(ledger, run, accepted(number))
    with pytest.raises(LedgerError, match="no message"):
        ledger.commit(run.key, run.fence, outcomes=[], intents=[number + 1], now=START, period=PERIOD)


def test_a_message_that_must_wait_is_not_ready_before_its_time(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run)
    waiting = replace(ended(ids[0], S.READY), not_before=after(30))
    settle(ledger, run, waiting, *(accepted(number) for number in ids[1:]))
    assert ledger.ready(run.key, now=after(29), after=0, limit=10) == []
    assert ledger.next_not_before(run.key) == after(30)
    [message] = ledger.ready(run.key, now=after(30), after=0, limit=10)
    assert message.id == ids[0]
    ledger.commit(run.key, run.fence, outcomes=[], intents=[ids[0]], now=after(30), period=PERIOD)
    assert ledger.next_not_before(run.key) is None


def test_an_attempt_that_must_not_count_is_not_spent(ledger: Ledger, run: RunInfo) -> None:
    [number] = begin(ledger, run, 1)
    settle(ledger, run, replace(ended(number, S.READY), spends_attempt=False))
    begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.READY, attempt=2))
    [message] = ledger.ready(run.key, now=START, after=0, limit=1)
    assert (message.attempt, message.spent) == (2, 1)


def test_what_never_left_has_no_time_of_sending(ledger: Ledger, run: RunInfo) -> None:
    first, second = begin(ledger, run, 2)
    settle(ledger, run, ended(first, S.READY), accepted(second))
    rows = list(ledger.report_rows(run.key))
    assert [row.sent_at for row in rows[:2]] == [None, START]


def test_ending_what_is_unsent_leaves_nothing_ready_and_touches_nothing_else(ledger: Ledger, run: RunInfo) -> None:
    [number] = begin(ledger, run, 1)
    assert ledger.end_unsent(run.key, "cancelled by a person", "cancelled") == 3
    assert counts(ledger, run) == {S.SENDING: 1, S.NOT_SENT: 3}
    settle(ledger, run, accepted(number))
    assert ledger.end_unsent(run.key, "again", "cancelled") == 0
    rows = list(ledger.report_rows(run.key))
    assert [row.bucket for row in rows] == [Bucket.ACCEPTED, *[Bucket.NOT_SENT] * 3]
    assert (rows[1].reason, rows[1].code, rows[1].final_at) == ("cancelled by a person", "cancelled", START)


def test_a_commit_of_many_hundred_messages_is_one_step(ledger: Ledger) -> None:
    run = ledger.take_run(freeze(ledger, 999, waves=()).key)
    ids = begin(ledger, run, 1000)
    assert len(ids) == 999
    settle(ledger, run, *(accepted(number) for number in ids))
    assert counts(ledger, run) == {S.ACCEPTED: 999}


def test_the_reply_that_comes_with_no_intent_at_all_changes_nothing(ledger: Ledger, run: RunInfo) -> None:
    [number] = [message.id for message in ledger.ready(run.key, now=START, after=0, limit=1)]
    settle(ledger, run, Outcome(number, 0, S.ACCEPTED, START, gateway_id="gw"))
    assert counts(ledger, run) == {S.READY: 4}
