"""`--no-wait` leaves where the next message is known to go out later than in a moment."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import pytest
from sending_desk import START, desk, rules

from mmsflow.delivery.patience import LONGEST_SECONDS, TOGETHER_SECONDS, Patience
from mmsflow.delivery.thresholds import Canary
from mmsflow.gateway.model import Evidence, Wire
from mmsflow.ledger.model import PausedBy, RunState


def asked(seconds: float, status: int = 429) -> Evidence:
    return Evidence(Wire.ANSWERED, http_status=status, text="later", retry_after_seconds=seconds)


@pytest.mark.parametrize("seconds", [5.1, 3600.0, math.inf])
def test_a_wait_that_is_known_to_be_long_is_not_begun(seconds: float) -> None:
    assert Patience().is_over(seconds, 0.0)


def test_moments_are_waited_out_but_not_for_ever() -> None:
    it, now = Patience(), 100.0
    while not it.is_over(4.0, now):
        now += 4.0
    assert TOGETHER_SECONDS - 4 <= now - 100 <= TOGETHER_SECONDS
    it.got_through()
    assert not it.is_over(LONGEST_SECONDS, now)


@pytest.mark.parametrize("status", [408, 425, 429, 503])
@pytest.mark.parametrize("seconds", [6.0, 600.0, 3600.0])
async def test_a_gateway_that_asks_for_time_is_not_waited_for(tmp_path: Path, status: int, seconds: float) -> None:
    async with desk(tmp_path, 30, in_flight=4) as it:
        it.gateway.evidence = lambda _: asked(seconds, status)
        ended = await it.carry_out(no_wait=True)
        assert it.clock.monotonic() < 1
        assert ended.halt is not None
        assert (ended.halt.by, ended.halt.error.exit_code, ended.halt.error.cause) == (
            PausedBy.GATEWAY, 7, "gateway_unavailable",
        )  # fmt: skip
        expected = START + timedelta(seconds=min(seconds, 900.0))
        assert ended.halt.resumes_at is not None
        assert abs(ended.halt.resumes_at - expected) < timedelta(seconds=1)
        assert (it.now.state, it.now.resumes_at) == (RunState.PAUSED, ended.halt.resumes_at)
        assert it.states == {"ready": 30}


async def test_a_moment_is_waited_out(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, in_flight=4) as it:
        it.gateway.evidence = lambda _: asked(4.0) if it.clock.monotonic() < 3 else None
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is None
        assert 4 <= it.clock.monotonic() < 10


async def test_moments_without_end_are_not(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, in_flight=4) as it:
        it.gateway.evidence = lambda _: asked(4.0)
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert ended.halt.resumes_at is not None
        assert it.clock.monotonic() <= TOGETHER_SECONDS


async def test_an_unreachable_gateway_is_left_within_half_a_minute(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, in_flight=4) as it:
        it.gateway.evidence = lambda _: Evidence(Wire.NOT_BEGUN, text="connection refused")
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert (ended.halt.by, ended.halt.resumes_at is not None) == (PausedBy.GATEWAY, True)
        assert it.clock.monotonic() <= TOGETHER_SECONDS


async def test_what_is_on_the_wire_is_settled_before_it_leaves(tmp_path: Path) -> None:
    async with desk(tmp_path, 30, in_flight=8) as it:
        count = iter(range(10**6))
        it.gateway.evidence = lambda _: None if next(count) < 5 else asked(3600.0)
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert "sending" not in it.states
        assert it.states["accepted"] == 5


async def test_a_start_far_ahead_leaves_and_one_in_a_moment_is_waited_for(tmp_path: Path) -> None:
    for name, seconds, left in (("far", 60, True), ("near", 4, False)):
        (tmp_path / name).mkdir()
        carried = rules(start=START + timedelta(seconds=seconds))
        async with desk(tmp_path / name, 3, carried=carried) as it:
            ended = await it.carry_out(no_wait=True)
            assert (ended.halt is not None) is left
            if ended.halt is not None:
                assert ended.halt.resumes_at == START + timedelta(seconds=seconds)


async def test_the_canary_is_not_waited_for(tmp_path: Path) -> None:
    carried = rules(canary=Canary(first=2, wait=timedelta(minutes=5), min_delivered=0.5))
    async with desk(tmp_path, 10, carried=carried, simulator={"delivery_delay": (120, 120)}) as it:
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert (ended.halt.by, it.states) == (PausedBy.CANARY, {"accepted": 2, "ready": 8})
        assert it.clock.monotonic() < 2


async def test_the_campaigns_own_rate_is_no_wait(tmp_path: Path) -> None:
    async with desk(tmp_path, 4, carried=rules(per_second=1 / 60)) as it:
        ended = await it.carry_out(no_wait=True)
        assert (ended.halt, it.states) == (None, {"accepted": 4})
        assert it.clock.monotonic() >= 170
