"""Messages that were maybe sent, and what a person decides about them."""

from __future__ import annotations

import pytest
from ledger_factory import START, Ledgers, accepted, begin, ended, freeze, settle

from mmsflow.errors import LedgerError
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import RunInfo, RunState
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import Bucket, MessageState

SENT, NOT_SENT, RESEND = MessageState.UNDETERMINED, MessageState.NOT_SENT, MessageState.READY


def doubtful(ledger: Ledger, messages: int = 2) -> RunInfo:
    """A run that has ended with so many messages maybe sent, one of them with a 2xx."""
    run = ledger.take_run(freeze(ledger, messages).key)
    ids = begin(ledger, run)
    settle(ledger, run, *(ended(each, MessageState.UNKNOWN) for each in ids[:-1]))
    settle(ledger, run, ended(ids[-1], MessageState.ACCEPTED_NOID))
    ledger.set_state(run.key, RunState.DONE_WITH_UNKNOWN)
    return run


def say(ledger: Ledger, run: RunInfo, *states: MessageState) -> int:
    doubts = list(ledger.maybe_sent(run.key))
    decisions = [Decision(doubt.id, doubt.attempt, state) for doubt, state in zip(doubts, states, strict=False)]
    return len(ledger.decide(run.key, decisions))


def state_of(ledger: Ledger, run: RunInfo) -> RunState:
    found = ledger.find_run(run.run)
    assert found is not None
    return found.state


def test_what_was_maybe_sent_is_listed_with_all_its_evidence(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = doubtful(ledger)
    first, second = ledger.maybe_sent(run.key, evidence=True)
    assert (first.state, second.state) == (MessageState.UNKNOWN, MessageState.ACCEPTED_NOID)
    assert first.number == "+48501102001"
    assert first.row == 2
    assert first.sent_at == START
    assert [event.new for event in first.events] == ["sending", "unknown"]
    assert first.events[-1].detail == {"http_status": 500}


def test_what_a_person_calls_sent_is_undetermined_and_final(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = doubtful(ledger)
    assert say(ledger, run, SENT, SENT) == 2
    assert ledger.bucket_counts(run.key)[Bucket.UNDETERMINED] == 2
    assert {row.final_at for row in ledger.report_rows(run.key)} == {START}
    assert ledger.outstanding(run.key) == 0


def test_without_any_doubt_left_the_run_is_done_also_when_a_person_says_not_sent(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = doubtful(ledger)
    say(ledger, run, NOT_SENT)
    assert state_of(ledger, run) is RunState.DONE_WITH_UNKNOWN
    say(ledger, run, NOT_SENT)
    assert state_of(ledger, run) is RunState.DONE
    assert ledger.bucket_counts(run.key)[Bucket.NOT_SENT] == 2


def test_a_run_whose_deadline_passed_is_expired_once_no_doubt_is_left(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger, 2).key)
    settle(ledger, run, ended(begin(ledger, run, 1)[0], MessageState.UNKNOWN))
    ledger.end_unsent(run.key, "its deadline passed", "not_after")
    ledger.set_state(run.key, RunState.DONE_WITH_UNKNOWN)
    say(ledger, run, SENT)
    assert state_of(ledger, run) is RunState.EXPIRED


def test_a_resend_makes_the_run_unfinished_and_the_next_attempt_is_a_new_one(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = doubtful(ledger)
    say(ledger, run, RESEND)
    assert state_of(ledger, run) is RunState.RUNNING
    (message,) = ledger.ready(run.key, now=START, after=0, limit=10)
    assert (message.attempt, message.spent) == (1, 0)
    begin(ledger, run)
    (row, _) = ledger.report_rows(run.key)
    assert row.attempts == 2


def test_a_late_reply_of_an_attempt_that_is_sent_again_changes_nothing(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = doubtful(ledger)
    first = next(iter(ledger.maybe_sent(run.key))).id
    say(ledger, run, RESEND)
    settle(ledger, run, accepted(first, attempt=1))
    assert ledger.state_counts(run.key)[MessageState.READY] == 1


def test_a_decision_about_what_was_settled_meanwhile_changes_nothing(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = doubtful(ledger)
    first = next(iter(ledger.maybe_sent(run.key)))
    settle(ledger, run, accepted(first.id))
    assert ledger.decide(run.key, [Decision(first.id, first.attempt, RESEND)]) == []
    assert ledger.state_counts(run.key)[MessageState.ACCEPTED] == 1


def test_a_decision_about_an_earlier_attempt_changes_nothing(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = doubtful(ledger)
    first = next(iter(ledger.maybe_sent(run.key)))
    say(ledger, run, RESEND)
    settle(ledger, run, ended(begin(ledger, run)[0], MessageState.UNKNOWN, attempt=2))
    assert ledger.decide(run.key, [Decision(first.id, first.attempt, RESEND)]) == []


@pytest.mark.parametrize("state", [MessageState.DELIVERED, MessageState.ACCEPTED, MessageState.SENDING])
def test_a_person_cannot_say_anything_else(ledgers: Ledgers, state: MessageState) -> None:
    ledger = ledgers.write()
    run = doubtful(ledger)
    assert say(ledger, run, state) == 0
    assert ledger.state_counts(run.key)[MessageState.UNKNOWN] == 1


def test_a_message_of_another_run_stops_everything(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = doubtful(ledger)
    other = freeze(ledger, 1, run="other-1")
    foreign = ledger.ready(other.key, now=START, after=0, limit=1)[0].id
    mine = next(iter(ledger.maybe_sent(run.key)))
    with pytest.raises(LedgerError, match="has no message"):
        ledger.decide(run.key, [Decision(mine.id, mine.attempt, SENT), Decision(foreign, 0, SENT)])
    assert ledger.state_counts(run.key)[MessageState.UNDETERMINED] == 0


def test_a_ledger_keeps_its_name_and_another_one_has_another(ledgers: Ledgers, tmp_path: object) -> None:
    with ledgers.read() as nothing:
        assert nothing.identity() == ""
    with ledgers.write() as ledger:
        name = ledger.identity()
    assert len(name) == 32
    with ledgers.read() as reader:
        assert reader.identity() == name
    with Ledger.open(ledgers.url + "2") as other:
        assert other.identity() != name


def test_the_history_of_a_run_only_grows(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = freeze(ledger, 2)
    assert ledger.last_event(run.key) == 0
    run = ledger.take_run(run.key)
    taken = ledger.last_event(run.key)
    begin(ledger, run)
    assert ledger.last_event(run.key) > taken > 0
