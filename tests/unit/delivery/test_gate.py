"""The account's gate, and the breaker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sending_desk import desk, number, until

from mmsflow.clock import ManualClock
from mmsflow.delivery.doubt import DEFAULT_SHARE, DoubtWindow
from mmsflow.delivery.gate import AccountGate
from mmsflow.delivery.halt import Breaker
from mmsflow.gateway.model import Evidence, Wire
from mmsflow.gateway.retry import Action, Decision
from mmsflow.ledger.model import ReadyMessage
from mmsflow.mms.status import MessageState

MESSAGE = ReadyMessage(1, 1, "+48501000001", "", (), (), 0, 1)
DOWN = Decision(MessageState.READY, Action.BACK_OFF, False, None, "refused")
TAKEN = Decision(MessageState.ACCEPTED, Action.NONE, True, None, "")
REFUSED = Decision(MessageState.REJECTED, Action.NONE, True, None, "400")
LOST = Decision(MessageState.UNKNOWN, Action.NONE, True, None, "no answer")
LATER = Decision(MessageState.READY, Action.HOLD_ACCOUNT, False, 30.0, "busy")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 12, 1, tzinfo=UTC))


def test_an_open_gate_lets_all_through(clock: ManualClock) -> None:
    gate = AccountGate(clock)
    assert (gate.width(16), gate.closed_for(), gate.reason) == (16, 0.0, "")


async def test_failures_close_it_for_a_growing_time_up_to_a_minute(clock: ManualClock) -> None:
    gate = AccountGate(clock)
    waits = []
    for _ in range(10):
        gate.note(DOWN)
        waits.append(gate.closed_for())
        await clock.advance(gate.closed_for())
        assert gate.width(16) == 1
    assert waits[0] <= 1.0
    assert waits[-2:] == pytest.approx([60.0, 60.0])


def test_requests_that_fail_together_are_one_failure(clock: ManualClock) -> None:
    gate = AccountGate(clock)
    for decision in (DOWN, DOWN, LATER, LATER):
        gate.note(decision)
    assert gate.failures == 1
    assert gate.closed_for() == 30.0


async def test_an_answer_opens_it_again(clock: ManualClock) -> None:
    gate = AccountGate(clock)
    gate.note(DOWN)
    await clock.advance(2)
    gate.note(REFUSED)
    assert (gate.width(16), gate.reason) == (16, "")


async def test_an_acceptance_of_before_does_not_shorten_the_time_that_the_gateway_asked_for(clock: ManualClock) -> None:
    gate = AccountGate(clock)
    gate.note(LATER)
    gate.note(TAKEN)
    assert gate.closed_for() == 30.0


async def test_a_gateway_that_says_retry_at_once_is_not_hammered(clock: ManualClock) -> None:
    gate = AccountGate(clock)
    gate.close("busy", 0.0)
    gate.close("busy", 0.0)
    assert gate.closed_for() == 1.0


def tripped_after(breaker: Breaker, decisions: list[Decision]) -> int | None:
    return next((n for n, each in enumerate(decisions, 1) if breaker.note(MESSAGE, each)), None)


def test_the_first_five_refused_trip_the_breaker() -> None:
    assert tripped_after(Breaker(0, 5, DoubtWindow(DEFAULT_SHARE)), [REFUSED] * 10) == 5


def test_five_refused_later_or_among_others_do_not() -> None:
    assert tripped_after(Breaker(0, 5, DoubtWindow(DEFAULT_SHARE)), [TAKEN, *[REFUSED] * 30]) is None
    assert tripped_after(Breaker(10, 5, DoubtWindow(DEFAULT_SHARE)), [REFUSED] * 30) is None


def test_what_came_back_unsent_does_not_count_as_the_first() -> None:
    assert tripped_after(Breaker(0, 5, DoubtWindow(DEFAULT_SHARE)), [DOWN, DOWN, *[REFUSED] * 10]) == 7


def test_too_many_of_unknown_fate_trip_it_also_with_answers_between() -> None:
    assert tripped_after(Breaker(0, 5, DoubtWindow(DEFAULT_SHARE)), [LOST] * 80) == 25
    assert tripped_after(Breaker(0, 5, DoubtWindow(DEFAULT_SHARE)), [TAKEN, *[LOST] * 3] * 20) == 34
    assert tripped_after(Breaker(0, 5, DoubtWindow(None)), [LOST] * 800) is None


@pytest.mark.parametrize("status", [408, 425, 429, 503])
async def test_a_message_that_the_gateway_never_takes_keeps_nobody_else_from_being_tried(
    status: int, tmp_path: Path
) -> None:
    busy = Evidence(Wire.ANSWERED, http_status=status, text="busy", retry_after_seconds=1)
    async with desk(tmp_path, 12, in_flight=2, report=False) as it:
        it.gateway.evidence = lambda message: busy if message.msisdn == number(1) else None
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 600)
        assert it.states == {"accepted": 11, "ready": 1}
        assert len(it.gateway.sent) < 40, "it is tried less and less often"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
