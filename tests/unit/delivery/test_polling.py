"""Following delivery reports: when a question is asked, and what its answer settles."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sending_desk import START, Desk, desk, drive, rules, until

from mmsflow.delivery.poll_outcomes import judge
from mmsflow.delivery.schedule import first_poll, next_poll
from mmsflow.engine.embedded import carry_out
from mmsflow.errors import GatewayRefused, GatewayUnavailable
from mmsflow.gateway.model import Evidence, StatusReply, Wire
from mmsflow.ledger.model import DuePoll, Outcome, PollResult
from mmsflow.ledger.requests import Action, Request, Spool
from mmsflow.mms.status import MessageState, read_delivery_status
from mmsflow.simulator.faults import FaultKind, FaultRule

UNTIL = timedelta(hours=72)
GRACE = timedelta(minutes=10)
SILENCE = StatusReply(None, http_status=503, text="busy")


def questions(until: timedelta) -> list[timedelta]:
    """When a message is asked about that never becomes final, counted from its acceptance."""
    asked = [first_poll(START, until)]
    while (again := next_poll(START, until, len(asked), asked[-1])) is not None:
        asked.append(again)
    return [moment - START for moment in asked]


@given(st.integers(1, 90 * 86400))
@settings(max_examples=60, deadline=None)
def test_at_least_five_questions_at_growing_intervals_and_one_at_the_deadline(seconds: int) -> None:
    until = timedelta(seconds=seconds)
    asked = questions(until)
    assert asked[0] == min(timedelta(seconds=10), until / 10)
    assert asked[-1] == until
    assert len([moment for moment in asked if moment <= until]) >= 5
    intervals = [after - before for before, after in pairwise([timedelta(0), *asked])][:-1]
    assert intervals == sorted(intervals)


def test_three_days_of_waiting_cost_a_few_dozen_questions() -> None:
    assert len(questions(UNTIL)) < 60


def judged(word: str | None, after: timedelta, reply: StatusReply | None = None) -> PollResult:
    poll = DuePoll(1, "id-1", START, 3, "")
    answer = reply or StatusReply(read_delivery_status(word or ""), http_status=200, body=b"{}")
    return judge(poll, answer, now=START + after, until=UNTIL, grace=GRACE)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Retrieved", MessageState.DELIVERED),
        ("Rejected", MessageState.FAILED),
        ("Expired", MessageState.EXPIRED),
        ("Address Error", MessageState.FAILED),
        ("Server Error", MessageState.FAILED),
        ("Success", None),
        ("Partial success", None),
        ("Indeterminate", None),
        ("Message ID Not found", None),
        ("Quantum", None),
    ],
)
def test_each_word_of_the_operator_is_final_or_is_asked_again(word: str, state: MessageState | None) -> None:
    result = judged(word, timedelta(minutes=1))
    assert (result.state, result.status) == (state, word)
    assert (result.next_poll_at is None) == (state is not None)


@pytest.mark.parametrize("word", ["Success", "Indeterminate", "Quantum"])
def test_what_is_not_final_by_the_deadline_is_undetermined_and_keeps_the_last_word(word: str) -> None:
    result = judged(word, UNTIL)
    assert result.state is MessageState.UNDETERMINED
    assert word in result.reason


def test_an_id_that_stays_unknown_is_failed_after_a_grace_period() -> None:
    assert judged("Message ID Not found", GRACE - timedelta(seconds=1)).state is None
    assert judged("Message ID Not found", GRACE).state is MessageState.FAILED


def test_a_question_without_an_answer_settles_nothing_not_even_at_the_deadline() -> None:
    for after in (timedelta(minutes=1), UNTIL, 2 * UNTIL):
        result = judged(None, after, SILENCE)
        assert (result.state, result.status) == (None, "")
        assert result.next_poll_at is not None


async def test_a_report_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, simulator={"delivery_delay": (1500, 1500)}) as it:
        await it.carry_out()
        assert it.states == {"delivered": 3}
        assert len(it.gateway.asked) <= 3 * 12


async def test_a_message_without_a_report_is_undetermined_at_the_deadline_and_the_run_ends(tmp_path: Path) -> None:
    async with desk(tmp_path, 2, simulator={"delivery_delay": (90000, 90000)}) as it:
        ended = await it.carry_out()
        assert (ended.halt, ended.unanswered) == (None, 0)
        assert it.states == {"undetermined": 2}
        last = max(moment for moment, _ in it.gateway.asked)
        assert last == pytest.approx(3600, abs=1)


async def test_an_id_that_is_asked_for_too_early_is_asked_again(tmp_path: Path) -> None:
    async with desk(tmp_path, 2, simulator={"not_found_for": 120}) as it:
        await it.carry_out()
        assert it.states == {"delivered": 2}


async def test_every_final_word_ends_in_its_bucket(tmp_path: Path) -> None:
    words = ["Retrieved", "Expired", "Rejected", "Address Error", "Indeterminate"]
    fates = {f"+48501{n:06d}": word for n, word in enumerate(words, 1)}
    async with desk(tmp_path, 5, simulator={"fates": fates}) as it:
        await it.carry_out()
        assert [row.bucket.value for row in it.rows] == ["delivered", "expired", "failed", "failed", "undetermined"]
        assert [row.status for row in it.rows] == words


async def test_a_gateway_that_never_answers_questions_settles_nothing_and_the_run_still_ends(tmp_path: Path) -> None:
    dead = FaultRule(kind=FaultKind.HTML, endpoint="status")
    async with desk(tmp_path, 3, carried=rules(poll_until=timedelta(minutes=5)), simulator={"faults": (dead,)}) as it:
        ended = await it.carry_out()
        assert (ended.halt, ended.unanswered) == (None, 3)
        assert it.states == {"accepted": 3}
        assert it.clock.monotonic() < 900
        it.gateway.reply = lambda _: StatusReply(read_delivery_status("Retrieved"), http_status=200)
        await it.carry_out()
        assert it.states == {"delivered": 3}


async def test_while_questions_go_unanswered_a_single_one_probes(tmp_path: Path) -> None:
    async with desk(tmp_path, 40) as it:
        it.gateway.reply = lambda _: SILENCE if it.clock.monotonic() < 600 else None
        await it.carry_out()
        assert it.states == {"delivered": 40}
        assert sum(100 < moment < 600 for moment, _ in it.gateway.asked) <= 12


async def test_asking_once_asks_for_every_message_due_or_not(tmp_path: Path) -> None:
    async with desk(tmp_path, 70) as it:
        await it.carry_out(no_wait=True)
        assert it.gateway.asked == []
        await it.clock.advance(2)
        await it.ask_once()
        assert len(it.gateway.asked) == 70
        assert it.states == {"delivered": 70}


async def test_asking_once_a_gateway_that_answers_nothing_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path, 3) as it:
        await it.carry_out(no_wait=True)
        it.gateway.reply = lambda _: SILENCE
        with pytest.raises(GatewayUnavailable, match="busy"):
            await it.ask_once()
        assert it.states == {"accepted": 3}


async def test_asking_without_the_right_to_ask_is_a_refusal_and_keeps_what_was_answered(tmp_path: Path) -> None:
    async with desk(tmp_path, 8) as it:
        await it.carry_out(no_wait=True)
        await it.clock.advance(2)
        replies = iter([StatusReply(read_delivery_status("Retrieved")), StatusReply(None, http_status=403, code=50)])
        it.gateway.reply = lambda _: next(replies, StatusReply(None, http_status=403, code=50))
        with pytest.raises(GatewayRefused, match="delivery reports"):
            await it.ask_once()
        assert it.states == {"delivered": 1, "accepted": 7}


def spellings(word: str) -> list[str]:
    return [word, word.upper(), word.lower(), word.replace(" ", ""), word.replace(" ", "_"), word.replace(" ", "-")]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Success", None),
        ("Partial success", None),
        ("Client error", MessageState.FAILED),
        ("Address Error", MessageState.FAILED),
        ("Address Not Found", MessageState.FAILED),
        ("Message format corrupt", MessageState.FAILED),
        ("Operation restricted", MessageState.FAILED),
        ("LinkedID not found", MessageState.FAILED),
        ("Server Error", MessageState.FAILED),
        ("Message ID Not found", None),
        ("Retrieved", MessageState.DELIVERED),
        ("Rejected", MessageState.FAILED),
        ("Expired", MessageState.EXPIRED),
        ("Indeterminate", None),
        ("Delivered To Network", None),
        ("Delivered To Terminal", MessageState.DELIVERED),
        ("Delivery Impossible", MessageState.FAILED),
        ("Delivery Uncertain", None),
        ("Message Waiting", None),
        ("Delivery Notification Not Supported", None),
    ],
)
def test_a_word_means_the_same_in_every_spelling(word: str, state: MessageState | None) -> None:
    for spelled in spellings(word):
        result = judged(spelled, timedelta(minutes=1))
        assert (result.state, result.status) == (state, spelled)


@pytest.mark.parametrize("seed", range(4))
async def test_words_in_any_order_lead_to_the_first_final_one_and_never_back(tmp_path: Path, seed: int) -> None:
    words = ["Success", "Indeterminate", "Retrieved", "Expired", "Message ID Not found", "Rejected", "Retrieved"]
    Random(seed).shuffle(words)
    first_final = next(word for word in words if word in ("Retrieved", "Expired", "Rejected"))
    async with desk(tmp_path, 1) as it:
        said = iter(words)
        it.gateway.reply = lambda _: StatusReply(read_delivery_status(next(said)), http_status=200)
        await it.carry_out()
        (row,) = it.rows
        assert row.status == first_final
        gateway_answers = [PollResult(1, it.clock.now(), read_delivery_status(word).state, word) for word in words]
        before = it.states
        it.ledger.record_polls(it.run.key, gateway_answers)
        assert it.states == before
        assert it.violations == []


def accept_all(it: Desk, count: int, due_after: Callable[[int], float], prefix: str = "id") -> None:
    """So many messages were accepted by an earlier process; message n is due ``due_after(n)`` seconds from START."""
    run = it.ledger.take_run(it.run.key)
    ids = [message.id for message in it.ledger.ready(run.key, now=START, after=0, limit=count)]
    it.ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=START, period="p")
    outcomes = [
        Outcome(
            number,
            1,
            MessageState.ACCEPTED,
            START,
            gateway_id=f"{prefix}-{n}",
            next_poll_at=START + timedelta(seconds=due_after(n)),
        )
        for n, number in enumerate(ids, 1)
    ]
    it.ledger.commit(run.key, run.fence, outcomes=outcomes, intents=[], now=START, period="p")


async def test_many_outstanding_reports_are_asked_for_within_the_budget_the_longest_due_first_without_a_storm(
    tmp_path: Path,
) -> None:
    """A process starts a day later, when every question is due; the same holds for a million of them."""
    count, per_second = 800, 100.0
    async with desk(tmp_path, count, carried=rules(poll_until=timedelta(days=3))) as it:
        accept_all(it, count, lambda n: (n * 7919) % count)
        await it.clock.advance(86_400)
        it.gateway.reply = lambda _: StatusReply(read_delivery_status("Retrieved"), http_status=200)
        engine = replace(it.engine, poll_per_second=per_second)
        await drive(it.clock, carry_out(engine, it.run, no_wait=False, observer=it.seen.append))
        assert it.states == {"delivered": count}
        asked = [moment for moment, _ in it.gateway.asked]
        assert len(asked) == count
        for first, moment in enumerate(asked):
            within = bisect_right(asked, moment + 1.0) - first
            assert within <= per_second * 1.1 + 1
        assert asked[-1] - asked[0] <= 1.2 * count / per_second
        due = [(int(name[3:]) * 7919) % count for _, name in it.gateway.asked]
        assert all(late - early < 32 for early, late in zip(sorted(due), due, strict=True))


async def test_what_is_held_of_outstanding_reports_does_not_grow_with_their_number(tmp_path: Path) -> None:
    async with desk(tmp_path, 200) as it:
        accept_all(it, 200, lambda _: 10)
        pages: list[int] = []
        read = it.ledger.polls_by_id

        def page(key: int, **where: int) -> list[DuePoll]:
            found = read(key, **where)
            pages.append(len(found))
            return found

        it.ledger.polls_by_id = page  # type: ignore[method-assign]
        it.gateway.reply = lambda _: StatusReply(read_delivery_status("Success"), http_status=200)
        await it.ask_once()
        assert len(it.gateway.asked) == 200
        assert max(pages) <= 32


async def test_while_whoever_sends_probes_a_dead_gateway_no_questions_are_asked(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, in_flight=1, carried=rules(per_second=1)) as it:
        it.gateway.evidence = lambda _: (
            Evidence(Wire.NOT_BEGUN, text="refused") if 4 < it.clock.monotonic() < 600 else None
        )
        it.gateway.reply = lambda _: SILENCE if 4 < it.clock.monotonic() < 600 else None
        await it.carry_out()
        assert it.states == {"delivered": 10}
        assert not [moment for moment, _ in it.gateway.asked if 20 < moment < 600]


async def test_reports_are_asked_for_again_as_soon_as_the_probe_of_whoever_sends_has_succeeded(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, in_flight=1, carried=rules(per_second=1)) as it:
        it.gateway.evidence = lambda _: (
            Evidence(Wire.NOT_BEGUN, text="refused") if 4 < it.clock.monotonic() < 600 else None
        )
        await it.carry_out()
        back = next(moment for moment, _ in it.gateway.sent if moment >= 600)
        asked = next(moment for moment, _ in it.gateway.asked if moment >= back)
        assert asked - back < 1


async def test_while_a_person_has_paused_the_run_reports_are_followed_all_the_same(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, in_flight=1, carried=rules(per_second=1)) as it:
        engine = replace(it.engine, heeds_requests=True)
        work = carry_out(engine, it.run, no_wait=False, observer=it.seen.append)
        task = asyncio.ensure_future(work)
        await until(it, task, 3)
        Spool(it.ledger.path).post(Request(it.run.run, Action.PAUSE, it.clock.now()))
        await until(it, task, 60)
        assert it.in_state(MessageState.ACCEPTED) == 0
        assert it.in_state(MessageState.DELIVERED) >= 3
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
