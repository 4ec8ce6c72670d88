"""Messages that are not sent after all, or once more; and what overriding a breaker leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ledger_factory import START, Ledgers, accepted, after, begin, ended, freeze, settle

from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import CANARY_FAILED, Lift, PausedBy, Refusal, RunInfo, RunState
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import Bucket, MessageState

S = MessageState


@pytest.fixture
def ledger(ledgers: Ledgers) -> Iterator[Ledger]:
    with ledgers.write() as opened:
        yield opened


@pytest.fixture
def run(ledger: Ledger) -> RunInfo:
    return ledger.take_run(freeze(ledger, 4).key)


def counts(ledger: Ledger, run: RunInfo) -> dict[str, int]:
    return {state.value: n for state, n in ledger.state_counts(run.key).items() if n}


def test_a_refusal_before_the_intent_excludes_the_message_for_good(ledger: Ledger, run: RunInfo) -> None:
    first, second, *_ = [message.id for message in ledger.ready(run.key, now=START, after=0, limit=9)]
    assert ledger.suppress(run.key, [Refusal(second, "opt_out", "opted out: lists/o.csv row 2")]) == [second]
    assert counts(ledger, run) == {"ready": 3, "suppressed": 1}
    assert ledger.bucket_counts(run.key)[Bucket.EXCLUDED] == 1
    (row,) = [row for row in ledger.report_rows(run.key) if row.status == "suppressed"]
    assert (row.code, row.reason, row.attempts, row.sent_at) == ("opt_out", "opted out: lists/o.csv row 2", 0, None)
    assert row.final_at is not None
    taken = ledger.commit(run.key, run.fence, outcomes=[], intents=[first, second], now=START, period="p")
    assert taken == [first]


def test_a_refusal_after_the_intent_changes_nothing(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run, 2)
    assert ledger.suppress(run.key, [Refusal(number, "opt_out", "x") for number in ids]) == []
    assert counts(ledger, run) == {"ready": 2, "sending": 2}


def test_only_what_is_uncertain_for_long_enough_is_sent_once_more(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run, 3)
    settle(ledger, run, ended(ids[0], S.UNKNOWN), ended(ids[1], S.ACCEPTED_NOID), accepted(ids[2]))
    assert ledger.oldest_uncertain(run.key) == START
    assert ledger.resends(run.key) == 2
    assert ledger.resend_uncertain(run.key, after(-1)) == []
    assert sorted(ledger.resend_uncertain(run.key, START)) == [S.ACCEPTED_NOID, S.UNKNOWN]
    assert counts(ledger, run) == {"ready": 3, "accepted": 1}


def test_the_rule_sends_a_message_once_more_and_never_again(ledger: Ledger, run: RunInfo) -> None:
    (number,) = begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.UNKNOWN))
    assert ledger.resend_uncertain(run.key, START) == [S.UNKNOWN]
    begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.UNKNOWN, attempt=2))
    assert ledger.oldest_uncertain(run.key) is None
    assert ledger.resends(run.key) == 0
    assert ledger.resend_uncertain(run.key, after(99)) == []


def test_attempts_in_vain_and_a_persons_decision_do_not_use_the_rule_up(ledger: Ledger, run: RunInfo) -> None:
    (number,) = begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.READY))  # spends an attempt
    begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.UNKNOWN, attempt=2))
    ledger.decide(run.key, [Decision(number, 2, S.READY)])
    begin(ledger, run, 1)
    settle(ledger, run, ended(number, S.UNKNOWN, attempt=3))
    assert ledger.resend_uncertain(run.key, after(99)) == [S.UNKNOWN]


def test_the_first_messages_are_counted_by_state(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run, 2)
    settle(ledger, run, accepted(ids[0]))
    first = ledger.first_messages(run.key, 3)
    assert first.states == {S.ACCEPTED: 1, S.SENDING: 1, S.READY: 1}
    assert first.last_sent_at == START
    ready = [message.id for message in ledger.ready(run.key, now=START, after=0, limit=9)]
    assert first.last_id == ready[0]
    assert ledger.first_messages(run.key, 99).last_id == ready[-1]


def paused(ledger: Ledger, run: RunInfo, by: PausedBy, reason: str = "") -> RunInfo:
    """Paused, and taken again by somebody who goes on."""
    ledger.set_state(run.key, RunState.PAUSED, paused_by=by, reason=reason)
    return ledger.take_run(run.key)


def test_going_on_after_a_breaker_remembers_what_it_had_counted(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run, 3)
    settle(ledger, run, ended(ids[0], S.REJECTED), accepted(ids[1]))  # the third is unknown after the start
    taken = paused(ledger, run, PausedBy.BREAKER, "too many failed")
    assert taken.lift == Lift(left=3, failed=1, canary=False)
    again = ledger.take_run(run.key)
    assert again.lift == taken.lift


@pytest.mark.parametrize("by", [by for by in PausedBy if by is not PausedBy.BREAKER])
def test_going_on_after_any_other_pause_overrides_nothing(ledger: Ledger, run: RunInfo, by: PausedBy) -> None:
    assert paused(ledger, run, by, f"{CANARY_FAILED}: so said a text").lift is None


def test_a_canary_once_overridden_stays_so_after_other_breakers(ledger: Ledger, run: RunInfo) -> None:
    taken = paused(ledger, run, PausedBy.BREAKER, f"{CANARY_FAILED}: 0 of the first 2")
    assert taken.lift == Lift(0, 0, canary=True)
    taken = paused(ledger, run, PausedBy.BREAKER, "too many failed")
    assert taken.lift == Lift(0, 0, canary=True)


def test_reports_that_are_waited_for_come_in_pages_due_or_not(ledger: Ledger, run: RunInfo) -> None:
    ids = begin(ledger, run, 4)
    settle(ledger, run, *(accepted(number, poll_after=9999) for number in ids[:3]), ended(ids[3], S.UNKNOWN))
    page = ledger.polls_by_id(run.key, after=0, limit=2)
    assert [poll.id for poll in page] == ids[:2]
    assert [poll.id for poll in ledger.polls_by_id(run.key, after=ids[1], limit=2)] == [ids[2]]
    assert ledger.awaited_since(run.key, after(0))
    assert not ledger.awaited_since(run.key, after(1))
