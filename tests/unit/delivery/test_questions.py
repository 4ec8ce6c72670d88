"""Whose question is asked next, where more are due than the budget allows."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from mmsflow.clock import ManualClock
from mmsflow.delivery.questions import Asker, Questions

PER_SECOND = 4.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 12, 1, tzinfo=UTC))


@pytest.fixture
def questions(clock: ManualClock) -> Questions:
    return Questions(PER_SECOND, clock)


class Backlog:
    """So many questions of one run, each waiting for its permit, up to eight at a time as a poller has them."""

    def __init__(self, name: str, asker: Asker, log: list[str]) -> None:
        self.name, self.asker, self._log = name, asker, log
        self._slots = asyncio.Semaphore(8)

    def begin(self, count: int) -> list[asyncio.Task[None]]:
        return [asyncio.ensure_future(self._one()) for _ in range(count)]

    async def _one(self) -> None:
        async with self._slots:
            await self.asker.permit()
            self._log.append(self.name)


async def test_five_thousand_due_questions_of_one_run_hold_ten_of_another_up_for_ten_turns(
    clock: ManualClock, questions: Questions
) -> None:
    log: list[str] = []
    big = Backlog("big", questions.asker(1), log).begin(5_000)
    await clock.advance(10)
    before = len(log)
    small = Backlog("small", questions.asker(1), log).begin(10)
    await clock.advance(21 / PER_SECOND)
    assert log[before:].count("small") == 10
    assert all(each.done() for each in small)
    await clock.advance(10)
    assert len(log) == pytest.approx(PER_SECOND * (20 + 21 / PER_SECOND), abs=2)
    for each in big:
        each.cancel()
    await asyncio.gather(*big, return_exceptions=True)


async def test_whoever_has_the_most_weight_gets_the_most_and_nobody_is_left_out(
    clock: ManualClock, questions: Questions
) -> None:
    log: list[str] = []
    weights = {"one": 1, "two": 2, "five": 5}
    waiting = [
        each for name, weight in weights.items() for each in Backlog(name, questions.asker(weight), log).begin(99)
    ]
    await clock.advance(20)
    asked = Counter(log)
    for name, weight in weights.items():
        assert asked[name] == pytest.approx(80 * weight / 8, abs=3)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_turns_that_were_not_used_are_not_saved_up(clock: ManualClock, questions: Questions) -> None:
    log: list[str] = []
    one, other = (Backlog(name, questions.asker(1), log) for name in ("one", "other"))
    waiting = one.begin(999)
    await clock.advance(50)
    before = len(log)
    waiting += other.begin(999)
    await clock.advance(10)
    assert Counter(log[before:])["one"] == pytest.approx(20, abs=1)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_within_any_time_no_more_is_asked_than_the_budget(clock: ManualClock, questions: Questions) -> None:
    moments: list[float] = []

    async def ask(asker: Asker) -> None:
        await asker.permit()
        moments.append(clock.monotonic())

    askers = [questions.asker(weight) for weight in (1, 3, 1)]
    asking = asyncio.gather(*(ask(asker) for asker in askers for _ in range(20)))
    await clock.advance(60 / PER_SECOND)
    assert asking.done()
    for first in moments:
        assert sum(first <= moment < first + 2 for moment in moments) <= PER_SECOND * 2.1 + 1


async def test_a_question_that_is_given_up_holds_nobody_up(clock: ManualClock, questions: Questions) -> None:
    log: list[str] = []
    given_up = Backlog("given up", questions.asker(1), log).begin(5)
    going_on = Backlog("going on", questions.asker(1), log).begin(9)
    await clock.advance(0)
    for each in given_up:
        each.cancel()
    await clock.advance(9 / PER_SECOND)
    assert all(each.done() for each in going_on)


async def test_released_questions_go_on_at_once_and_take_nothing_of_the_budget(
    clock: ManualClock, questions: Questions
) -> None:
    log: list[str] = []
    asker = questions.asker(1)
    released = Backlog("released", asker, log).begin(5)
    await clock.advance(0)
    asker.release()
    await clock.advance(0)
    assert all(each.done() for each in released)
    assert clock.next_wake is None
    other = Backlog("other", questions.asker(1), log).begin(8)
    await clock.advance(8 / PER_SECOND)
    assert all(each.done() for each in other)
