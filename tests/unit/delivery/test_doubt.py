"""The share of messages in doubt over a sliding window, as a rule and as runs meet it."""

from __future__ import annotations

import asyncio
from math import comb
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sending_desk import Desk, after_a_crash, desk, number, rules

from mmsflow.delivery.doubt import DEFAULT_SHARE, FEWEST, DoubtWindow
from mmsflow.delivery.rules import RunRules
from mmsflow.gateway.model import Evidence, OutgoingMessage, Wire
from mmsflow.ledger.model import PausedBy, RunState

FAILED = Evidence(Wire.ANSWERED, http_status=500, text="oops")
WITHOUT_ID = Evidence(Wire.ANSWERED, http_status=200, text="no id")


def tripped_at(window: DoubtWindow, outcomes: list[bool]) -> int | None:
    return next((n for n, doubtful in enumerate(outcomes, 1) if window.note(doubtful=doubtful)), None)


@pytest.mark.parametrize(
    ("good", "doubtful", "expected"),
    [(0, 1, 25), (1, 3, 34), (1, 1, 50), (18, 1, 475), (19, 1, 500 - 19), (20, 1, None), (99, 1, None)],
)
def test_what_share_in_turns_trips_and_when(good: int, doubtful: int, expected: int | None) -> None:
    turns = ([True] * doubtful + [False] * good) * 400
    at = tripped_at(DoubtWindow(DEFAULT_SHARE), turns)
    if expected is None:
        assert at is None
    else:
        assert at is not None
        assert sum(turns[:at]) == FEWEST
        assert at <= expected


def test_a_burst_of_doubt_long_ago_does_not_count() -> None:
    window = DoubtWindow(DEFAULT_SHARE)
    assert tripped_at(window, [True] * 24 + [False] * 500 + [True] * 24) is None
    assert tripped_at(window, [True]) == 1


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5, 1.0])
def test_the_share_that_is_set_is_the_one_that_trips(share: float) -> None:
    def even(part: float) -> list[bool]:
        return [int((n + 1) * part) > int(n * part) for n in range(20_000)]

    assert tripped_at(DoubtWindow(share), even(min(1.0, share * 1.15))) is not None
    assert tripped_at(DoubtWindow(share), even(share * 0.85)) is None
    assert tripped_at(DoubtWindow(None), [True] * 1000) is None


def test_one_per_cent_at_random_practically_never_trips_in_ten_thousand() -> None:
    # Each doubtful outcome trips with the chance that 24 of the 499 before it are doubtful as well.
    tail = sum(comb(499, k) * 0.01**k * 0.99 ** (499 - k) for k in range(FEWEST - 1, 60))
    assert 10_000 * 0.01 * tail < 1e-6
    for seed in range(50):
        rng = Random(seed)
        assert tripped_at(DoubtWindow(DEFAULT_SHARE), [rng.random() < 0.01 for _ in range(10_000)]) is None


def test_a_new_start_remembers_but_leaves_room_to_go_on() -> None:
    assert tripped_at(DoubtWindow(DEFAULT_SHARE, 100, list(range(41, 91))), [True] * 30) == 5
    assert tripped_at(DoubtWindow(DEFAULT_SHARE, 5000, list(range(41, 91))), [True] * 30) == 25
    assert tripped_at(DoubtWindow(DEFAULT_SHARE, 0, [41]), [True] * 30) == 24


def three_of_four(it: Desk, evidence: Evidence = FAILED) -> None:
    count = iter(range(10**6))

    def fate(_: OutgoingMessage) -> Evidence | None:
        return evidence if next(count) % 4 else None

    it.gateway.evidence = fate


def carried(**changes: Any) -> RunRules:
    return rules(**changes)


@pytest.mark.parametrize("evidence", [FAILED, WITHOUT_ID], ids=["500", "no id"])
async def test_a_gateway_that_leaves_three_of_four_in_doubt_is_stopped(tmp_path: Path, evidence: Evidence) -> None:
    async with desk(tmp_path, 300, in_flight=16) as it:
        three_of_four(it, evidence)
        ended = await it.carry_out()
        assert ended.halt is not None
        assert (ended.halt.by, ended.halt.error.cause) == (PausedBy.BREAKER, "doubtful")
        assert "the fate of 25 of the last 500 messages is not known" in ended.halt.error.message
        assert "stop_if.doubtful" in ended.halt.error.advice
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.BREAKER)
        assert it.states.get("unknown", 0) + it.states.get("accepted_noid", 0) <= 44


async def test_going_on_with_a_gateway_that_is_still_ill_costs_little(tmp_path: Path) -> None:
    async with desk(tmp_path, 400, in_flight=16) as it:
        three_of_four(it)
        await it.carry_out()
        for _ in range(3):
            before = it.states["unknown"]
            ended = await it.carry_out()
            assert ended.halt is not None
            assert it.states["unknown"] - before <= 5 + 16


async def test_going_on_with_a_gateway_that_is_well_again_sends_the_rest(tmp_path: Path) -> None:
    async with desk(tmp_path, 200, in_flight=16) as it:
        three_of_four(it)
        await it.carry_out()
        it.gateway.evidence = lambda _: None
        ended = await it.carry_out()
        assert ended.halt is None
        assert "ready" not in it.states


async def test_with_the_share_off_everything_goes_out(tmp_path: Path) -> None:
    async with desk(tmp_path, 120, carried=carried(doubtful=None), in_flight=16) as it:
        three_of_four(it)
        ended = await it.carry_out()
        assert ended.halt is None
        assert it.states["unknown"] == 90


def test_the_share_is_frozen_with_the_run_and_older_runs_have_the_usual_one() -> None:
    for share in (0.2, None):
        assert RunRules.from_config(carried(doubtful=share).as_config()).doubtful == share
    older = carried().as_config()
    del older["doubtful"]
    assert RunRules.from_config(older).doubtful == DEFAULT_SHARE


async def test_what_our_own_stop_left_in_doubt_says_nothing_about_the_gateway(tmp_path: Path) -> None:
    async with desk(tmp_path, 60, in_flight=16) as it:
        it.gateway.evidence = lambda message: FAILED if message.msisdn in {number(2), number(5)} else None
        await it.carry_out()
        position, marks = it.ledger.doubtful_positions(it.run.key, FEWEST)
        first = it.ledger.first_messages(it.run.key, 1).last_id
        assert marks == [first + 1, first + 4]
        assert position >= marks[-1]
        assert it.ledger.doubtful_positions(it.run.key, 1)[1] == marks[-1:]


async def test_a_crash_with_requests_on_the_wire_counts_no_doubt(tmp_path: Path) -> None:
    async with desk(tmp_path, 60, in_flight=16) as it:
        it.gateway.hold = asyncio.Event()
        work = asyncio.ensure_future(it.carrying_out())
        await it.clock.advance(1)
        async with after_a_crash(it, tmp_path / "copy") as later:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            later.ledger.take_run(later.run.key)
            assert later.states["unknown"] == 16
            assert later.ledger.doubtful_positions(later.run.key, FEWEST)[1] == []
