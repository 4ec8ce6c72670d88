"""The quota in real life: others on the account, limits within a period, counters that jump; nobody is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sending_desk import START, Desk, desk, drive, rules, settle, until

from mmsflow.errors import GatewayRefused, GatewayUnavailable
from mmsflow.gateway.model import Evidence, QuotaReply, Wire
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.plan.quota import QuotaRules

LIMIT_REACHED = Evidence(Wire.ANSWERED, http_status=403, code=53, text="Too many requests")
TOMORROW = date(2026, 12, 2)


class Counter:
    """The gateway's counter as a test plays it; the last answer is given again."""

    def __init__(self, *answers: QuotaReply | Exception) -> None:
        self._answers: Iterator[QuotaReply | Exception] = iter(answers)
        self._last: QuotaReply | Exception | None = None

    async def __call__(self) -> QuotaReply:
        self._last = next(self._answers, self._last)
        if isinstance(self._last, Exception):
            raise self._last
        assert self._last is not None
        return self._last


def shows(used: int, available: int, day: date | None = TOMORROW) -> QuotaReply:
    return QuotaReply(used, available, day, str(day))


def all_well(it: Desk, messages: int) -> None:
    assert it.states == {"delivered": messages}
    assert set(it.received.values()) == {1}
    assert it.violations == []


async def test_a_limit_that_others_reach_in_the_middle_is_waited_for(tmp_path: Path) -> None:
    async with desk(tmp_path, 12, in_flight=2) as it:
        it.gateway.quota = Counter(shows(0, 100), shows(100, 0), shows(0, 100))
        it.gateway.evidence = lambda _: LIMIT_REACHED if 5 <= len(it.gateway.sent) <= 6 else None
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 2)
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.QUOTA)
        assert "100 used, 0 available" in it.seen[-1].notice
        assert (await drive(it.clock, task)).halt is None
        all_well(it, 12)


async def test_a_limit_uses_up_no_attempts(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, in_flight=1, carried=rules(attempts=1)) as it:
        it.gateway.quota = Counter(shows(0, 100))
        it.gateway.evidence = lambda _: LIMIT_REACHED if len(it.gateway.sent) <= 3 else None
        assert (await it.carry_out()).halt is None
        all_well(it, 3)


async def test_a_rate_limit_that_is_not_the_quota_slows_down_more_and_more(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, in_flight=2) as it:
        it.gateway.quota = Counter(shows(0, 100))
        it.gateway.evidence = lambda _: LIMIT_REACHED if it.clock.monotonic() < 120 else None
        assert (await it.carry_out()).halt is None
        all_well(it, 3)
        early = [moment for moment, _ in it.gateway.sent if moment < 120]
        assert len(early) <= 12


@pytest.mark.parametrize(
    "readings",
    [
        [shows(0, 3), shows(3, 0), shows(0, 50)],  # raised by the operator
        [shows(90, 3), shows(2, 91), shows(50, 43)],  # reset within one date
        [shows(0, 3), shows(5000, 0), shows(0, 100)],  # somebody used up all, then it was corrected
        [shows(0, 2), shows(2, 0, None), shows(0, 50, date(2026, 11, 3))],  # the date goes, and comes back in the past
        [shows(0, 2), shows(2, 0, date(9999, 12, 31)), shows(0, 50)],
    ],
)
async def test_a_counter_that_jumps_loses_nobody(tmp_path: Path, readings: list[QuotaReply]) -> None:
    async with desk(tmp_path, 9) as it:
        it.gateway.quota = Counter(*readings)
        assert (await it.carry_out()).halt is None
        all_well(it, 9)


async def test_what_is_permitted_is_never_exceeded_between_two_readings(tmp_path: Path) -> None:
    async with desk(tmp_path, 9, in_flight=4) as it:
        it.gateway.quota = Counter(shows(0, 2), shows(2, 3), shows(5, 1), shows(0, 100))
        sent_at_reading: list[int] = []
        ask = it.gateway.quota

        async def counting() -> QuotaReply:
            sent_at_reading.append(len(it.gateway.sent))
            return await ask()

        it.gateway.quota = counting
        assert (await it.carry_out()).halt is None
        assert sent_at_reading == [0, 2, 5, 6]


async def test_a_reset_that_passed_is_believed_only_when_the_counter_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path, 4) as it:
        it.gateway.quota = Counter(shows(0, 2), *[shows(2, 0)] * 12, shows(0, 10, date(2026, 12, 3)))
        assert (await it.carry_out()).halt is None
        all_well(it, 4)


async def test_a_counter_out_of_reach_closes_the_gate_and_is_asked_again(tmp_path: Path) -> None:
    async with desk(tmp_path, 3) as it:
        down = GatewayUnavailable("connection refused")
        it.gateway.quota = Counter(*[down] * 6, shows(0, 10))
        assert (await it.carry_out()).halt is None
        all_well(it, 3)
        waits = [after - before for before, after in zip(it.gateway.limits, it.gateway.limits[1:], strict=False)]
        assert waits == sorted(waits)
        assert waits[-1] > 10


async def test_a_counter_that_we_may_not_ask_pauses_the_run(tmp_path: Path) -> None:
    async with desk(tmp_path, 3) as it:
        it.gateway.quota = Counter(GatewayRefused("no right"))
        ended = await it.carry_out()
        assert ended.halt is not None
        assert ended.halt.error.exit_code == 4
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.CREDENTIALS)


@pytest.mark.parametrize(("reserve", "share", "sent"), [(4, 1.0, 6), (0, 0.3, 3), (8, 0.5, 2)])
async def test_reserve_and_share_hold_whatever_others_do(tmp_path: Path, reserve: int, share: float, sent: int) -> None:
    carried = rules(quota=QuotaRules(reserve, share))
    async with desk(tmp_path, 30, carried=carried, simulator={"quota": 10}) as it:
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 3600)
        assert len(it.gateway.sent) == sent
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_status_questions_that_count_are_seen_in_the_counter_and_nobody_is_lost(tmp_path: Path) -> None:
    async with desk(tmp_path, 25, simulator={"quota": 12, "quota_counts_status": True}) as it:
        assert (await it.carry_out()).halt is None
        all_well(it, 25)


async def test_the_quota_is_not_asked_for_while_there_are_permits(tmp_path: Path) -> None:
    async with desk(tmp_path, 40) as it:
        await it.carry_out()
        assert len(it.gateway.limits) == 1


async def test_a_counter_whose_answer_takes_its_time_holds_up_no_outcome(tmp_path: Path) -> None:
    slow = asyncio.Event()
    readings = Counter(shows(0, 4), shows(4, 50))

    async def late() -> QuotaReply:
        if it.gateway.sent:
            await slow.wait()
        return await readings()

    async with desk(tmp_path, 8) as it:
        it.gateway.quota = late
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 5)
        assert it.states == {"accepted": 4, "ready": 4}
        slow.set()
        await settle(task)
        await drive(it.clock, task)
        all_well(it, 8)


async def test_the_drift_that_others_leave_is_what_the_counter_says_beyond_our_own_books(tmp_path: Path) -> None:
    async with desk(tmp_path, 5, simulator={"quota": 100, "hidden_used": 30}) as it:
        await it.carry_out(no_wait=True)
        used = (await it.gateway.limit()).used
        period = (START + timedelta(days=1)).date().isoformat()
        assert used - it.ledger.posts_in_period(it.run.account, period) == 30
