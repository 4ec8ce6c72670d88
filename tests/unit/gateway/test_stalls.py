"""Deadlines in running time, on an event loop whose time a test owns."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

import pytest

from mmsflow.gateway.stalls import GRACE_SECONDS, Deadline, Stalls


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time goes on only as it waits, or as a test says."""

    def __init__(self) -> None:
        self.now = 1000.0
        super().__init__(_Skipping(self))

    def time(self) -> float:
        return self.now

    def freeze(self, seconds: float) -> None:
        """The process does not run for so long."""
        self.now += seconds


class _Skipping(selectors.SelectSelector):
    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.now += timeout or 0.0
        return super().select(0)


def played(play: Coroutine[Any, Any, float]) -> float:
    loop = Loop()
    try:
        return loop.run_until_complete(play)
    finally:
        loop.close()


def here() -> Loop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    return loop


async def waited(seconds: float, *, stalls: Stalls | None = None, freezes: dict[float, float] | None = None) -> float:
    """How long a block without end lasts under a deadline; ``freezes``: seconds from its begin to their length."""
    loop = here()
    began = loop.time()
    for at, length in (freezes or {}).items():
        loop.call_later(at, loop.freeze, length)
    with pytest.raises(TimeoutError), Deadline(stalls or Stalls(), seconds) as deadline:
        await loop.create_future()
    assert deadline.expired
    return loop.time() - began


def test_without_a_stall_it_ends_on_the_second() -> None:
    assert played(waited(60)) == pytest.approx(60)


@pytest.mark.parametrize("at", [0.01, 0.3, 5.0, 59.7])
@pytest.mark.parametrize("length", [1.0, 90.0, 86_400.0])
def test_a_stall_moves_it_by_its_own_length(at: float, length: float) -> None:
    lasted = played(waited(60, freezes={at: length}))
    assert 60 + length - 0.5 <= lasted <= 60 + length + GRACE_SECONDS


def test_a_stall_just_before_its_end_leaves_time_to_read() -> None:
    assert played(waited(60, freezes={59.999: 10})) >= 69.999 + GRACE_SECONDS - 0.01


def test_a_stall_shorter_than_the_ticks_is_noticed_by_the_deadline_itself() -> None:
    assert played(waited(0.3, freezes={0.2: 0.4})) >= 0.6 + GRACE_SECONDS - 0.01


def test_a_load_that_delays_timers_a_little_moves_nothing() -> None:
    assert played(waited(60, freezes={each / 2: 0.05 for each in range(1, 119)})) == pytest.approx(60, abs=0.2)


def test_stalls_again_and_again_do_not_hold_it_for_ever() -> None:
    # Frozen for 9 s of each 10: in 60 s of running time, and what the ticks overlook, it ends.
    lasted = played(waited(60, freezes={10.0 * each + 1: 9 for each in range(200)}))
    assert lasted <= 10 * 60 * 1.5


async def _reads_after_a_freeze() -> float:
    loop = here()
    reply = loop.create_future()
    loop.call_later(0.1, loop.freeze, 3600)
    loop.call_later(0.2, lambda: loop.call_soon(loop.call_soon, reply.set_result, None))  # some turns later
    with Deadline(Stalls(), 60) as deadline:
        await reply
    assert not deadline.expired
    return loop.time()


def test_a_reply_that_lay_unread_is_read_before_the_clock_decides() -> None:
    played(_reads_after_a_freeze())


async def _many_share_one_measure() -> float:
    stalls = Stalls()
    lasted = await asyncio.gather(
        waited(60, stalls=stalls, freezes={1.0: 30}), waited(5, stalls=stalls), waited(0.2, stalls=stalls)
    )
    assert lasted[2] == pytest.approx(0.2)
    assert lasted[1] == pytest.approx(35, abs=0.6 + GRACE_SECONDS)
    before = here().time()
    assert await waited(5, stalls=stalls) == pytest.approx(5)  # a stall of before is not its own
    return here().time() - before


def test_deadlines_at_the_same_time_share_what_is_measured() -> None:
    played(_many_share_one_measure())


async def _cancelled_from_outside() -> float:
    async def work() -> None:
        with Deadline(Stalls(), 60):
            await asyncio.get_running_loop().create_future()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return here().time()


def test_a_cancellation_stays_one_and_leaves_no_timer_behind() -> None:
    loop = Loop()
    try:
        loop.run_until_complete(_cancelled_from_outside())
        loop.run_until_complete(asyncio.sleep(1000))
        assert not [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
    finally:
        loop.close()
