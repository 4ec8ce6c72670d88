"""Delivery reports and the quota."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from ledger_factory import ACCOUNT, PERIOD, START, Ledgers, accepted, after, answered, begin, ended, freeze, settle

from mmsflow.errors import IllegalTransition, LedgerError
from mmsflow.ledger.model import DuePoll, QuotaReading, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import Bucket, MessageState

S = MessageState


@pytest.fixture
def ledger(ledgers: Ledgers) -> Ledger:
    return ledgers.write()


@pytest.fixture
def run(ledger: Ledger) -> RunInfo:
    """Four messages accepted; the later ones are to be asked for first."""
    run = ledger.take_run(freeze(ledger).key)
    ids = begin(ledger, run)
    settle(ledger, run, *(accepted(number, poll_after=50 - 10 * place) for place, number in enumerate(ids)))
    return run


def ids_of(due: list[DuePoll]) -> list[int]:
    return [poll.id for poll in due]


def test_due_questions_come_oldest_first(ledger: Ledger, run: RunInfo) -> None:
    due = ledger.due_polls(run.key, now=after(40), limit=2)
    assert ids_of(due) == [4, 3]
    assert ids_of(ledger.due_polls(run.key, now=after(40), limit=9)) == [4, 3, 2]
    assert due[0] == DuePoll(4, "gw-4", after(1), 0, "")
    assert ledger.outstanding(run.key) == 4
    assert ledger.next_poll(run.key) == after(20)


def test_a_message_that_waits_is_asked_for_again_later(ledger: Ledger, run: RunInfo) -> None:
    ledger.record_polls(run.key, [answered(4, None, "Success", at=20)])
    assert ids_of(ledger.due_polls(run.key, now=after(39), limit=9)) == [3]
    [again] = [poll for poll in ledger.due_polls(run.key, now=after(40), limit=9) if poll.id == 4]
    assert (again.polls, again.status) == (1, "Success")


def test_a_question_without_an_answer_keeps_the_last_word(ledger: Ledger, run: RunInfo) -> None:
    ledger.record_polls(run.key, [answered(4, None, "Success"), answered(4, None, "")])
    [poll] = [poll for poll in ledger.due_polls(run.key, now=after(99), limit=9) if poll.id == 4]
    assert (poll.polls, poll.status) == (2, "Success")


def test_a_final_state_ends_the_questions(ledger: Ledger, run: RunInfo) -> None:
    ledger.record_polls(run.key, [answered(4, S.DELIVERED, "Retrieved"), answered(3, S.FAILED, "Address Error")])
    assert ledger.outstanding(run.key) == 2
    rows = list(ledger.report_rows(run.key))
    assert [(row.bucket, row.status) for row in rows[2:]] == [
        (Bucket.FAILED, "Address Error"),
        (Bucket.DELIVERED, "Retrieved"),
    ]
    assert (rows[2].code, rows[2].final_at, rows[2].sent_at) == ("Address Error", after(20), START)


def test_a_final_state_never_goes_back(ledger: Ledger, run: RunInfo) -> None:
    ledger.record_polls(run.key, [answered(4, S.DELIVERED, "Retrieved")])
    late = [answered(4, S.FAILED, "Rejected"), answered(4, None, "Success"), answered(4, S.DELIVERED, "Retrieved")]
    ledger.record_polls(run.key, late)
    row = list(ledger.report_rows(run.key))[3]
    assert (row.bucket, row.status, row.final_at) == (Bucket.DELIVERED, "Retrieved", after(20))
    [(_, _, events)] = ledger.stories("+48501102004")
    assert "after the end" in events[-1].reason


def test_two_answers_in_one_batch_count_in_their_order(ledger: Ledger, run: RunInfo) -> None:
    ledger.record_polls(run.key, [answered(4, S.EXPIRED, "Expired"), answered(4, S.DELIVERED, "Retrieved")])
    assert ledger.bucket_counts(run.key)[Bucket.EXPIRED] == 1


def test_a_status_cannot_lead_back_to_sending(ledger: Ledger, run: RunInfo) -> None:
    with pytest.raises(IllegalTransition):
        ledger.record_polls(run.key, [answered(3, S.DELIVERED, "x"), answered(4, S.READY, "x")])
    assert ledger.bucket_counts(run.key)[Bucket.ACCEPTED] == 4


def test_an_answer_for_a_message_of_another_run_is_refused(ledger: Ledger, run: RunInfo) -> None:
    with pytest.raises(LedgerError, match="no message"):
        ledger.record_polls(run.key, [answered(99, S.DELIVERED, "Retrieved")])


def test_without_delivery_reports_accepted_is_final_and_nothing_is_asked(ledger: Ledger) -> None:
    run = ledger.take_run(freeze(ledger, run="quiet", delivery_report=False).key)
    [number] = begin(ledger, run, 1)
    settle(ledger, run, replace(accepted(number), next_poll_at=None))
    assert (ledger.outstanding(run.key), ledger.next_poll(run.key)) == (0, None)
    assert next(ledger.report_rows(run.key)).final_at == after(1)


def test_every_begun_request_counts_in_its_period(ledger: Ledger, run: RunInfo) -> None:
    other = ledger.take_run(freeze(ledger, run="other").key)
    begin(ledger, other, 3)
    assert ledger.posts_in_period(ACCOUNT, PERIOD) == 7
    assert ledger.posts_in_period(ACCOUNT, PERIOD, other.key) == 3
    assert ledger.posts_in_period(ACCOUNT, "2027-01-22") == 0
    assert ledger.posts_in_period("another", PERIOD) == 0


def test_a_request_that_was_never_begun_is_given_back(ledger: Ledger) -> None:
    run = ledger.take_run(freeze(ledger, run="other").key)
    first, second = begin(ledger, run, 2)
    never_left = replace(ended(first, S.READY), posted=False)
    settle(ledger, run, never_left, ended(second, S.READY))
    assert ledger.posts_in_period(ACCOUNT, PERIOD, run.key) == 1


def test_a_reply_too_late_to_count_gives_nothing_back(ledger: Ledger) -> None:
    run = ledger.take_run(freeze(ledger, run="other").key)
    [number] = begin(ledger, run, 1)
    never_left = replace(ended(number, S.READY), posted=False)
    settle(ledger, run, never_left, never_left)
    assert ledger.posts_in_period(ACCOUNT, PERIOD, run.key) == 0
    begin(ledger, run, 1)
    assert ledger.posts_in_period(ACCOUNT, PERIOD, run.key) == 1


def test_what_is_given_back_after_the_reset_never_makes_a_period_negative(ledger: Ledger) -> None:
    run = ledger.take_run(freeze(ledger, run="other").key)
    [number] = begin(ledger, run, 1)
    never_left = replace(ended(number, S.READY), posted=False)
    ledger.commit(run.key, run.fence, outcomes=[never_left], intents=[], now=START, period="next")
    assert ledger.posts_in_period(ACCOUNT, "next") == 0


def test_readings_of_the_quota_come_newest_first(ledger: Ledger) -> None:
    readings = [QuotaReading(after(n), ACCOUNT, n, 100 - n, date(2026, 12, 22) if n else None) for n in range(5)]
    for reading in readings:
        ledger.record_quota(reading)
    ledger.record_quota(QuotaReading(START, "another", 1, 1, None))
    assert ledger.quota_readings(ACCOUNT) == readings[::-1]
    assert ledger.quota_readings(ACCOUNT, limit=2) == [readings[4], readings[3]]
