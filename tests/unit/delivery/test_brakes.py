"""The campaign's own brakes: a canary that goes first, and a share of failures that stops the rest."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sending_desk import START, Desk, Trouble, advance, after_a_crash, desk, drive, number, rules, settle, until

from mmsflow.delivery.rules import RunRules
from mmsflow.delivery.thresholds import Canary, StopIf, judge_canary, judge_failures
from mmsflow.gateway.model import Evidence, OutgoingMessage, Wire
from mmsflow.ledger.model import FirstMessages, Lift, PausedBy, RunState
from mmsflow.mms.status import MessageState, outcomes_of

LOST = Evidence(Wire.BEGUN, text="no reply")
UNREACHABLE = Evidence(Wire.NOT_BEGUN, text="connection refused")
REFUSED = Evidence(Wire.ANSWERED, http_status=400, code=25, text="no")
CANARY = Canary(first=4, wait=timedelta(minutes=5), min_delivered=0.75)
S = MessageState


def with_canary(**changes: Any) -> RunRules:
    return rules(canary=CANARY, **changes)


def fates(**words: str) -> dict[str, Any]:
    """What becomes of single messages: ``m2="Rejected"``."""
    return {"fates": {number(int(name[1:])): word for name, word in words.items()}}


def first_sent(it: Desk, count: int) -> set[str]:
    return {to for _, to in it.gateway.sent[:count]}


async def test_the_first_messages_go_alone_and_the_rest_follows_when_enough_are_delivered(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, carried=with_canary(), simulator={"delivery_delay": (120, 120)}) as it:
        ended = await it.carry_out()
        assert (ended.halt, it.states) == (None, {"delivered": 10})
        moments = sorted(moment for moment, _ in it.gateway.sent)
        assert moments[3] < 1
        assert moments[4] > 120
        assert first_sent(it, 4) == {number(n) for n in (1, 2, 3, 4)}
        shown = [event.detail.get("paused_by") for event in it.ledger.run_events(it.run.key)]
        assert "canary" in shown


async def test_a_canary_with_too_few_delivered_pauses_the_run_with_its_figures(tmp_path: Path) -> None:
    fate = fates(m1="Rejected", m3="Expired")
    async with desk(tmp_path, 10, carried=with_canary(), simulator=fate) as it:
        ended = await it.carry_out()
        assert ended.halt is not None
        assert ended.halt.error.exit_code == 7
        assert "2 of the first 4 messages were delivered, 75% must be" in ended.halt.error.message
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.BREAKER)
        assert it.states == {"delivered": 2, "failed": 1, "expired": 1, "ready": 6}


async def test_one_failure_that_the_threshold_allows_holds_nobody_back(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, carried=with_canary(), simulator=fates(m1="Rejected")) as it:
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 9, "failed": 1}


async def test_a_canary_without_reports_fails_when_its_wait_is_over(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, carried=with_canary(), simulator={"delivery_delay": (9000, 9000)}) as it:
        ended = await it.carry_out()
        assert ended.halt is not None
        assert "0 of the first 4" in ended.halt.error.message
        assert it.clock.monotonic() == pytest.approx(300, abs=10)
        assert it.in_state(S.READY) == 6


async def test_without_waiting_a_canary_ends_the_command_and_the_next_one_judges_it(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, carried=with_canary()) as it:
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert ended.halt.resumes_at == START + timedelta(minutes=5)
        assert (it.now.paused_by, it.states) == (PausedBy.CANARY, {"accepted": 4, "ready": 6})
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 10}


async def test_a_run_with_fewer_messages_than_its_canary_sends_them_all(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, carried=with_canary(), simulator=fates(m1="Rejected", m2="Rejected")) as it:
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 1, "failed": 2}


async def test_a_message_of_the_canary_that_comes_back_unsent_is_sent_before_the_rest(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, carried=with_canary()) as it:
        tried: list[str] = []

        def at_first_unreachable(message: OutgoingMessage) -> Evidence | None:
            tried.append(message.msisdn)
            return UNREACHABLE if tried.count(number(2)) == 1 and message.msisdn == number(2) else None

        it.gateway.evidence = at_first_unreachable
        assert (await it.carry_out()).halt is None
        assert first_sent(it, 5) == {number(n) for n in (1, 2, 3, 4)}
        assert it.states == {"delivered": 10}


async def test_what_was_maybe_sent_counts_as_not_delivered(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, carried=with_canary()) as it:
        it.gateway.evidence = lambda message: LOST if message.msisdn in (number(1), number(2)) else None
        ended = await it.carry_out()
        assert ended.halt is not None
        assert "2 of the first 4" in ended.halt.error.message
        assert it.clock.monotonic() == pytest.approx(300, abs=10)


async def test_a_crash_while_the_canary_is_awaited_changes_nothing(tmp_path: Path) -> None:
    slow = {"delivery_delay": (120, 120)}
    async with desk(tmp_path, 10, carried=with_canary(), simulator=slow) as it:
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 60)
        async with after_a_crash(it, tmp_path / "copy") as again:
            await settle(task)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert (await again.carry_out()).halt is None
            assert again.states == {"delivered": 10}
            moments = sorted(moment for moment, _ in it.gateway.sent)
            assert moments[4] > 120
            assert set(it.received.values()) == {1}


async def test_going_on_after_the_canary_is_remembered_and_not_asked_again(tmp_path: Path) -> None:
    carried = with_canary(per_second=1)
    async with desk(tmp_path, 10, carried=carried, simulator=fates(m1="Rejected", m3="Expired")) as it:
        assert (await it.carry_out()).halt is not None
        task = asyncio.ensure_future(it.carrying_out())
        while len(it.gateway.sent) < 6:
            await advance(it.clock, task)
        async with after_a_crash(it, tmp_path / "copy") as again:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert (await again.carry_out()).halt is None
            assert again.states["delivered"] >= 7
            assert again.in_state(S.READY) == 0


async def test_going_on_after_another_breaker_does_not_override_the_canary(tmp_path: Path) -> None:
    carried = rules(canary=Canary(6, timedelta(minutes=5), 1.0))
    async with desk(tmp_path, 12, carried=carried, in_flight=1) as it:
        it.gateway.evidence = lambda _: REFUSED
        ended = await it.carry_out()
        assert ended.halt is not None
        assert "the first 5 messages were all refused" in ended.halt.error.message
        it.gateway.evidence = lambda _: None
        ended = await it.carry_out()
        assert ended.halt is not None
        assert "1 of the first 6 messages were delivered" in ended.halt.error.message
        assert len(it.gateway.sent) == 6
        assert (await it.carry_out()).halt is None
        assert it.states == {"rejected": 5, "delivered": 7}


async def test_a_share_of_failures_pauses_the_run_and_says_why(tmp_path: Path) -> None:
    carried = rules(stop_if=StopIf(failed=0.2, after=10))
    async with desk(tmp_path, 40, carried=carried, in_flight=1) as it:
        it.gateway.evidence = lambda message: REFUSED if int(message.msisdn[-2:]) % 3 == 0 else None
        ended = await it.carry_out()
        assert ended.halt is not None
        assert ended.halt.error.exit_code == 7
        assert ended.halt.by is PausedBy.BREAKER
        assert "3 of 10 messages failed, more than `stop_if.failed` (20%) allows" in ended.halt.error.message
        assert len(it.gateway.sent) == 10


async def test_before_enough_messages_have_an_outcome_nothing_is_judged(tmp_path: Path) -> None:
    carried = rules(stop_if=StopIf(failed=0.2, after=100))
    async with desk(tmp_path, 20, carried=carried) as it:
        it.gateway.evidence = lambda message: REFUSED if int(message.msisdn[-2:]) % 2 == 0 else None
        assert (await it.carry_out()).halt is None


async def test_delivery_reports_that_come_while_sending_count_as_failures(tmp_path: Path) -> None:
    carried = rules(stop_if=StopIf(failed=0.5, after=5), per_second=0.2)
    async with desk(tmp_path, 40, carried=carried, simulator={"mix": {"Rejected": 1}}) as it:
        ended = await it.carry_out()
        assert ended.halt is not None
        assert "stop_if.failed" in ended.halt.error.message
        assert it.in_state(S.READY) > 25


async def test_going_on_after_too_many_failures_counts_anew(tmp_path: Path) -> None:
    carried = rules(stop_if=StopIf(failed=0.2, after=10))
    async with desk(tmp_path, 40, carried=carried, in_flight=1) as it:
        it.gateway.evidence = lambda message: REFUSED if int(message.msisdn[-2:]) % 3 == 0 else None
        stops = []
        while (await it.carry_out()).halt is not None:
            stops.append(len(it.gateway.sent))
        assert stops == [10, 20, 30]
        assert it.states == {"delivered": 27, "rejected": 13}


async def test_an_outage_of_the_ledger_does_not_blur_the_figures(tmp_path: Path) -> None:
    carried = rules(stop_if=StopIf(failed=0.2, after=10))
    async with desk(tmp_path, 40, carried=carried, in_flight=1) as it:
        it.gateway.evidence = lambda message: REFUSED if int(message.msisdn[-2:]) % 3 == 0 else None
        Trouble(it.ledger, of=dict.fromkeys(range(4, 9), "after"))
        ended = await it.carry_out()
        assert ended.halt is not None
        assert "3 of 10 messages failed" in ended.halt.error.message


async def test_a_brake_waits_for_what_is_on_the_wire(tmp_path: Path) -> None:
    carried = rules(stop_if=StopIf(failed=0.01, after=1))
    async with desk(tmp_path, 12, carried=carried, in_flight=4) as it:
        it.gateway.evidence = lambda message: REFUSED if message.msisdn == number(1) else None
        task = asyncio.ensure_future(it.carrying_out())
        ended = await drive(it.clock, task)
        assert ended.halt is not None
        assert it.in_state(S.SENDING) == 0
        assert it.states["ready"] >= 4


def stands(last_minutes: float = 0, **counts: int) -> FirstMessages:
    states = {S(name): n for name, n in counts.items()}
    return FirstMessages(states, 4, START - timedelta(minutes=last_minutes))


def test_a_canary_is_judged_by_those_that_were_tried_at_all() -> None:
    assert judge_canary(CANARY, stands(delivered=3, suppressed=1), START).passed
    assert judge_canary(CANARY, stands(suppressed=4), START).passed
    assert judge_canary(CANARY, stands(delivered=3, failed=1), START).passed
    assert judge_canary(CANARY, stands(delivered=2, failed=2), START).halt is not None


def test_a_canary_is_awaited_until_its_wait_after_its_last_message_is_over() -> None:
    waiting = judge_canary(CANARY, stands(2, delivered=2, accepted=2), START)
    assert (waiting.passed, waiting.halt, waiting.until) == (False, None, START + timedelta(minutes=3))
    assert judge_canary(CANARY, stands(5, delivered=2, accepted=2), START).halt is not None
    unsent = judge_canary(CANARY, stands(60, delivered=2, accepted=1, ready=1), START)
    assert (unsent.passed, unsent.halt, unsent.until) == (False, None, None)


def test_failures_are_a_share_of_the_messages_with_an_outcome() -> None:
    rule = StopIf(failed=0.25, after=4)
    counts = {S.READY: 50, S.SENDING: 4, S.SUPPRESSED: 9, S.NOT_SENT: 1, S.ACCEPTED: 3, S.REJECTED: 1}
    assert outcomes_of(counts) == 4
    assert judge_failures(rule, counts, None) is None
    assert judge_failures(rule, counts | {S.REJECTED: 2}, None) is not None
    assert judge_failures(rule, {S.ACCEPTED: 1, S.REJECTED: 2}, None) is None


def test_after_an_override_only_what_came_since_counts() -> None:
    rule, lift = StopIf(failed=0.25, after=4), Lift(10, 6, canary=False)
    assert judge_failures(rule, {S.DELIVERED: 7, S.FAILED: 6}, lift) is None
    assert judge_failures(rule, {S.DELIVERED: 7, S.FAILED: 7}, lift) is None
    halt = judge_failures(rule, {S.DELIVERED: 2, S.FAILED: 12}, lift)
    assert halt is not None
    assert "4 of 4 messages failed" in halt.error.message  # those from before come late, and are more than are counted
