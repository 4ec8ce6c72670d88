"""Freezing: a run is stored whole or not at all, every row exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from ledger_factory import LAYOUT, NEW_RUN, START, Ledgers, aside, freeze, planned

from mmsflow.errors import LedgerError
from mmsflow.ledger.model import Blob, FrozenInput, PausedBy, RunState, WaveRecord
from mmsflow.message.model import PlannedMessage
from mmsflow.mms.status import Bucket, MessageState

INPUTS = (FrozenInput("campaign", "campaigns/winter-sale.yaml", "c" * 64, 900),)
BLOB = Blob("a" * 64, "image/jpeg", b"\xff\xd8 picture")


def test_a_frozen_run_is_found_with_all_its_facts(ledgers: Ledgers) -> None:
    run = freeze(ledgers.write(), inputs=INPUTS, blobs=(BLOB, BLOB))
    reader = ledgers.read()
    assert reader.find_run(run.run) == run
    for name in ("campaign", "account", "occurrence", "config", "created_at", "git_clean", "delivery_report", "sender"):
        assert getattr(run, name) == getattr(NEW_RUN, name)
    assert (run.state, run.paused_by, run.fence, run.rows) == (RunState.PLANNED, PausedBy.NOBODY, 0, 4)
    assert reader.inputs(run.key) == list(INPUTS)
    assert reader.blob("a" * 64) == BLOB
    assert reader.waves(run.key) == [WaveRecord(1, START, 2), WaveRecord(2, None, 2)]


def test_a_message_comes_back_as_it_was_planned(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = freeze(ledger)
    ready = ledger.ready(run.key, now=START, after=0, limit=10)
    assert [message.ordinal for message in ready] == [1, 2, 3, 4]
    first, plan = ready[0], planned(1)
    assert (first.msisdn, first.subject, first.texts, first.layout) == (
        plan.msisdn,
        plan.subject,
        plan.texts,
        LAYOUT,
    )
    assert (first.attempt, first.spent, first.wave) == (0, 0, 1)


def test_sending_order_is_the_order_of_the_plan_and_the_report_keeps_that_of_the_lists(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    new = replace(NEW_RUN, rows=3)
    run = ledger.freeze_run(new, [(planned(3), 1), (planned(1), 1)], [aside(2, Bucket.INVALID)])
    assert [message.ordinal for message in ledger.ready(run.key, now=START, after=0, limit=10)] == [3, 1]
    assert [row.ordinal for row in ledger.report_rows(run.key)] == [1, 2, 3]


def test_an_exception_out_of_the_messages_leaves_no_run(ledgers: Ledgers) -> None:
    ledger = ledgers.write()

    def broken() -> Iterator[tuple[PlannedMessage, int]]:
        yield planned(1), 1
        raise RuntimeError("the list went away")

    with pytest.raises(RuntimeError, match="the list went away"):
        ledger.freeze_run(replace(NEW_RUN, rows=2), broken(), [])
    assert ledger.runs() == []
    assert freeze(ledger).rows == 4  # and the same run can be frozen afterwards


def test_a_large_run_that_breaks_leaves_the_guard_against_two_messages_in_place(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    rows = 10_000
    messages = [(planned(n, f"+48501{n:06d}"), 1) for n in range(1, rows + 1)]
    twice = [*messages[:-1], (planned(rows, "+48501000001"), 1)]
    with pytest.raises(LedgerError, match="two messages for one number"):
        ledger.freeze_run(replace(NEW_RUN, rows=rows), twice, [])
    run = ledger.freeze_run(replace(NEW_RUN, rows=rows), messages, [])
    assert ledger.bucket_counts(run.key)[Bucket.PENDING] == rows
    again = replace(NEW_RUN, run="b", occurrence="b", rows=2)
    with pytest.raises(LedgerError, match="two messages for one number"):
        ledger.freeze_run(again, [(planned(1), 1), (planned(2, planned(1).msisdn), 1)], [])


def test_a_number_gets_one_message_in_a_run_but_one_in_every_run(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    twice = [(planned(1), 1), (planned(2, planned(1).msisdn), 1)]
    with pytest.raises(LedgerError, match="two messages for one number"):
        ledger.freeze_run(replace(NEW_RUN, rows=2), twice, [])
    freeze(ledger, run="a")
    freeze(ledger, run="b")
    assert [run.run for run in ledger.runs()] == ["b", "a"]


def test_a_row_that_the_plan_leaves_out_is_an_error(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    with pytest.raises(LedgerError, match="leaves out 1 rows of the lists, the first is row 2"):
        ledger.freeze_run(replace(NEW_RUN, rows=3), [(planned(1), 1)], [aside(3, Bucket.INVALID)])
    assert ledger.runs() == []


@pytest.mark.parametrize(("ordinal", "said"), [(1, "row 1 twice"), (3, "row 3 beyond the 2 rows"), (0, "row 0 beyond")])
def test_a_row_is_a_message_or_set_aside_and_never_both(ledgers: Ledgers, ordinal: int, said: str) -> None:
    ledger = ledgers.write()
    with pytest.raises(LedgerError, match=said):
        ledger.freeze_run(replace(NEW_RUN, rows=2), [(planned(1), 1)], [aside(ordinal, Bucket.DUPLICATE)])
    assert ledger.runs() == []


def test_an_occurrence_has_one_run_on_an_account(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    freeze(ledger, run="first", occurrence="2026-12-01")
    with pytest.raises(LedgerError, match="already"):
        freeze(ledger, run="second", occurrence="2026-12-01")
    with pytest.raises(LedgerError, match="already"):
        freeze(ledger, run="first", occurrence="2027-01-01")
    freeze(ledger, run="third", occurrence="2026-12-01", account="another")
    assert [run.run for run in ledger.runs()] == ["third", "first"]


def test_runs_are_filtered_by_account_campaign_and_whether_they_are_tests(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    freeze(ledger, run="one")
    freeze(ledger, run="two", test=True)
    freeze(ledger, run="three", campaign="spring")
    freeze(ledger, run="four", account="another")
    assert [run.run for run in ledger.runs()] == ["four", "three", "two", "one"]
    filtered = ledger.runs(tests=False, campaign="winter-sale", account=NEW_RUN.account)
    assert [run.run for run in filtered] == ["one"]
    assert ledger.find_run("five") is None


def test_a_text_that_is_not_unicode_is_an_error_and_leaves_no_run(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    with pytest.raises(LedgerError, match="not valid Unicode"):
        ledger.freeze_run(replace(NEW_RUN, rows=1), [(replace(planned(1), subject="\ud800"), 1)], [])
    assert ledger.runs() == []


def test_all_messages_of_a_new_run_are_ready(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = freeze(ledger)
    assert {state: n for state, n in ledger.state_counts(run.key).items() if n} == {MessageState.READY: 4}
    assert ledger.wave_progress(run.key) == {1: 0, 2: 0}


def test_an_attachment_that_was_not_frozen_is_an_error_with_a_way_out(ledgers: Ledgers) -> None:
    with pytest.raises(LedgerError, match="no attachment") as caught:
        ledgers.write().blob("b" * 64)
    assert caught.value.advice
