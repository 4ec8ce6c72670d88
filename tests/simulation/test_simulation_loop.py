"""The loop below the simulation: time that never waits, one callback a turn, and no end that goes unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from itertools import count
from typing import TypeVar

import pytest

from torture.simulation.loop import Stuck, VirtualLoop

_T = TypeVar("_T")


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop(most_turns=1_000)
    yield loop
    loop.close()


def run(loop: VirtualLoop, coroutine: Coroutine[object, object, _T]) -> _T:
    return loop.run_until_complete(coroutine)


def test_a_year_of_waiting_takes_no_time_and_sleepers_wake_in_their_order(loop: VirtualLoop) -> None:
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(loop.time())

    async def all_of_them() -> None:
        await asyncio.gather(*(sleep(seconds) for seconds in (31_536_000.0, 2.0, 0.5)))

    run(loop, all_of_them())
    assert woken == [0.5, 2.0, 31_536_000.0]


def test_waiting_for_what_never_comes_is_an_end(loop: VirtualLoop) -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="never comes"):
        run(loop, wait())


def test_a_story_without_an_end_is_noticed(loop: VirtualLoop) -> None:
    async def spin() -> None:
        for _ in count():
            await asyncio.sleep(1)

    with pytest.raises(Stuck, match="no end after 1000 turns"):
        run(loop, spin())


def test_somebody_may_look_between_any_two_callbacks(loop: VirtualLoop) -> None:
    seen: list[int] = []
    loop.before_turn = seen.append

    async def three_turns() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    run(loop, three_turns())
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 4


def test_a_thread_is_no_thread_here_so_that_its_timing_plays_no_part(loop: VirtualLoop) -> None:
    async def work() -> tuple[int, float]:
        return await asyncio.to_thread(sum, (1, 2, 3)), loop.time()

    assert run(loop, work()) == (6, 0.0)


def test_tasks_are_hashed_by_their_number_so_that_sets_of_them_are_in_the_same_order_every_time(
    loop: VirtualLoop,
) -> None:
    async def nothing() -> None:
        await asyncio.sleep(0)

    async def numbers() -> list[int]:
        tasks = [asyncio.ensure_future(nothing()) for _ in range(5)]
        await asyncio.gather(*tasks)
        return [hash(task) for task in tasks]

    first, *others = run(loop, numbers())
    assert others == [first + 1, first + 2, first + 3, first + 4]
