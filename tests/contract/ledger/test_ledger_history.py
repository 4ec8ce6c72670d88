"""What can be read: buckets that add up, a complete history, one consistent view."""

from __future__ import annotations

import random

from ledger_factory import (
    ACCOUNT,
    PERIOD,
    START,
    Ledgers,
    accepted,
    after,
    answered,
    aside,
    begin,
    ended,
    freeze,
    settle,
)

from mmsflow.audience.model import SetAside
from mmsflow.ledger.model import PausedBy, PollResult, RunInfo, RunState
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import BUCKET_OF_STATE, TRANSITIONS, Bucket, MessageState

S = MessageState
ASIDE: list[SetAside] = [
    aside(5, Bucket.INVALID),
    aside(6, Bucket.DUPLICATE, "+48501102001", "duplicate"),
    aside(7, Bucket.EXCLUDED, "+48501102999", "opt_out"),
    aside(8, Bucket.EXCLUDED, "+48501102998", "no_consent"),
]


def whatever_happens(ledger: Ledger, run: RunInfo, rnd: random.Random) -> RunInfo:
    """One random step of a run's life."""
    match rnd.randrange(5):
        case 0:
            begin(ledger, run, rnd.randint(1, 4))
        case 1:
            states = [S.ACCEPTED, S.ACCEPTED_NOID, S.REJECTED, S.UNKNOWN, S.READY]
            ids = range(run.key * 4 - 3, run.key * 4 + 1)
            outcomes = [ended(number, rnd.choice(states), rnd.randint(1, 3)) for number in ids]
            settle(ledger, run, *outcomes, *(accepted(number, rnd.randint(1, 3)) for number in ids))
        case 2:
            finals = [None, S.DELIVERED, S.FAILED, S.EXPIRED, S.UNDETERMINED]
            due = ledger.due_polls(run.key, now=after(99), limit=3)
            ledger.record_polls(
                run.key,
                [PollResult(poll.id, after(99), rnd.choice(finals), "word", next_poll_at=START) for poll in due],
            )
        case 3:
            return ledger.take_run(run.key)
        case _:
            if rnd.random() < 0.1:
                ledger.end_unsent(run.key, "cancelled", "cancelled")
    return run


def test_whatever_happens_buckets_add_up_and_counts_are_those_of_the_rows(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    rnd = random.Random(1)
    for life in range(12):
        run = ledger.take_run(freeze(ledger, 4, set_aside=ASIDE, run=f"run-{life}").key)
        for _ in range(12):
            run = whatever_happens(ledger, run, rnd)
        rows = list(ledger.report_rows(run.key))
        buckets = ledger.bucket_counts(run.key)
        assert set(buckets) == set(Bucket)
        assert sum(buckets.values()) == run.rows == len(rows) == 8
        assert buckets == {bucket: sum(row.bucket is bucket for row in rows) for bucket in Bucket}
        assert sum(ledger.state_counts(run.key).values()) == 4


def test_whatever_happens_the_history_leads_from_ready_to_the_present_state_by_legal_steps(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    rnd = random.Random(2)
    for life in range(12):
        run = ledger.take_run(freeze(ledger, 4, set_aside=ASIDE, run=f"run-{life}").key)
        for _ in range(12):
            run = whatever_happens(ledger, run, rnd)
    for number in range(1, 5):
        for _, row, events in ledger.stories(f"+48501102{number:03d}"):
            if row.bucket is Bucket.DUPLICATE:
                continue
            state = S.READY
            for event in events:
                assert event.old == state
                assert event.new == state or S(event.new) in TRANSITIONS[state]
                state = S(event.new)
            assert BUCKET_OF_STATE[state] is row.bucket
            assert sum(event.new == "sending" != event.old for event in events) == row.attempts


def test_a_report_row_tells_where_it_stands_in_the_list(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger, 4, set_aside=ASIDE).key)
    begin(ledger, run, 3)
    settle(ledger, run, accepted(1), ended(2, S.REJECTED))
    rows = list(ledger.report_rows(run.key))
    assert [row.ordinal for row in rows] == list(range(1, 9))
    first = rows[0]
    assert (first.row, first.source, first.number, first.variant) == (2, "lists/loyalty.csv", "+48501102001", "a")
    assert (first.bucket, first.status, first.gateway_id, first.wave) == (Bucket.ACCEPTED, "accepted", "gw-1", 1)
    assert (first.attempts, first.planned_at, first.sent_at, first.final_at) == (1, START, START, None)
    assert (rows[1].bucket, rows[1].status, rows[1].final_at) == (Bucket.FAILED, "rejected", after(1))
    assert rows[2].planned_at is None  # its wave starts after the next reset, which has no date
    left_out = rows[5]
    assert (left_out.bucket, left_out.status, left_out.code) == (Bucket.DUPLICATE, "duplicate", "duplicate")
    assert (left_out.number, left_out.wave, left_out.attempts, left_out.planned_at) == ("+48501102001", 0, 0, None)


def test_waves_progress_as_their_messages_leave(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger).key)
    begin(ledger, run, 3)
    settle(ledger, run, accepted(1), ended(2, S.READY), ended(3, S.UNKNOWN))
    assert ledger.wave_progress(run.key) == {1: 1, 2: 1}
    assert ledger.waves_not_sent(run.key) == {}
    stopped = ledger.end_unsent(run.key, "cancelled", "cancelled")
    assert ledger.wave_progress(run.key) == {1: 1, 2: 1}, "what is cancelled was never begun"
    assert (sum(ledger.waves_not_sent(run.key).values()), stopped) == (2, 2)


def test_a_number_s_story_covers_every_run_and_every_row(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    first = ledger.take_run(freeze(ledger, 4, set_aside=ASIDE, run="first").key)
    begin(ledger, first, 1)
    settle(ledger, first, ended(1, S.REJECTED, reason="the gateway answered 400"))
    freeze(ledger, 2, run="second", test=True)
    told = ledgers.read().stories("+48501102001")
    assert [(run.run, row.bucket) for run, row, _ in told] == [
        ("second", Bucket.PENDING),
        ("first", Bucket.FAILED),
        ("first", Bucket.DUPLICATE),
    ]
    [(_, intent), (_, refusal)] = enumerate(told[1][2])
    assert (intent.old, intent.new, intent.at, intent.attempt, intent.fence) == ("ready", "sending", START, 1, 1)
    assert (refusal.new, refusal.reason, refusal.run) == ("rejected", "the gateway answered 400", "first")
    assert refusal.detail == {"http_status": 500}
    assert told[2][2] == []
    [(_, excluded, _)] = ledger.stories("+48501102999")
    assert (excluded.bucket, excluded.code) == (Bucket.EXCLUDED, "opt_out")
    assert ledger.stories("+48600000000") == []


def test_the_run_s_own_history_names_who_paused_it_and_why(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger).key)
    resumes_at = after(3600)
    for _ in range(2):
        ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.QUOTA, reason="used up", resumes_at=resumes_at)
    paused = ledger.find_run(run.run)
    assert paused is not None
    assert (paused.state, paused.paused_by, paused.reason, paused.resumes_at) == (
        RunState.PAUSED,
        PausedBy.QUOTA,
        "used up",
        resumes_at,
    )
    again = ledger.take_run(run.key)
    assert (again.paused_by, again.reason, again.resumes_at) == (PausedBy.NOBODY, "", None)
    events = ledger.run_events(run.key)
    assert [(event.old, event.new) for event in events] == [
        ("planned", "running"),
        ("running", "paused"),
        ("paused", "running"),
    ]
    assert events[1].detail == {"paused_by": "quota", "cause": "quota_spent"}


def test_numbers_that_had_a_message_are_those_of_earlier_runs_that_were_no_tests(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger, run="real").key)
    begin(ledger, run)
    settle(ledger, run, accepted(1), ended(2, S.UNKNOWN), ended(3, S.REJECTED), ended(4, S.READY))
    test = ledger.take_run(freeze(ledger, run="test", test=True).key)
    begin(ledger, test)
    elsewhere = ledger.take_run(freeze(ledger, run="else", account="another").key)
    begin(ledger, elsewhere)
    assert sorted(ledger.sent_numbers(ACCOUNT, "winter-sale")) == ["+48501102001", "+48501102002"]
    again = ledger.take_run(freeze(ledger, run="again").key)
    begin(ledger, again, 1)
    assert sorted(ledger.sent_numbers(ACCOUNT, "winter-sale")) == ["+48501102001", "+48501102002"]
    assert list(ledger.sent_numbers(ACCOUNT, "spring")) == []


def test_the_first_submissions_are_those_of_the_first_rows_and_no_more_than_asked_for(
    ledgers: Ledgers,
) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger, 5).key)
    ids = [message.id for message in ledger.ready(run.key, now=START, after=0, limit=5)]
    for number in (3, 0, 1):
        at = after(number)
        ledger.commit(run.key, run.fence, outcomes=[], intents=[ids[number]], now=at, period=PERIOD)
    assert ledger.first_submissions(run.key, 5) == [after(0), after(1), after(3)]
    assert ledger.first_submissions(run.key, 3) == [after(0), after(1)]


def test_a_report_is_one_view_even_while_sending_goes_on(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger, 3_000, waves=()).key)
    for reader in (ledger, ledgers.read()):
        before = list(reader.report_rows(run.key))
        rows = reader.report_rows(run.key)
        first = next(rows)
        settle(ledger, run, *(accepted(number) for number in begin(ledger, run, 3_000)))
        ledger.record_polls(run.key, [answered(3_000, None, f"asked by {type(reader).__name__}")])
        assert [first, *rows] == before
        assert list(reader.report_rows(run.key)) != before


def test_a_reader_sees_each_commit_at_once(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger).key)
    reader = ledgers.read()
    assert reader.bucket_counts(run.key)[Bucket.PENDING] == 4
    begin(ledger, run, 1)
    settle(ledger, run, accepted(1))
    assert reader.bucket_counts(run.key)[Bucket.ACCEPTED] == 1


def test_a_ledger_that_does_not_exist_yet_reads_as_empty_and_is_not_made(ledgers: Ledgers) -> None:
    reader = ledgers.read()
    assert reader.runs() == []
    assert reader.find_run("winter-sale-20261201-1") is None
    assert list(reader.report_rows(1)) == []
    assert list(reader.sent_numbers(ACCOUNT, "winter-sale")) == []
    assert reader.posts_in_period(ACCOUNT, PERIOD) == 0
    assert reader.holder() is None
    assert not reader.path.parent.exists()
