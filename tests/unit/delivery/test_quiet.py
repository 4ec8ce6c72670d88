"""Moments in which nothing is on the wire, whatever runs would like to send."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sending_desk import drive
from sharing_desk import street


@pytest.mark.parametrize("names", [("alone",), ("one", "two"), ("high", "low", "lower")])
async def test_it_begins_when_the_wire_is_empty_and_nothing_is_begun_until_it_ends(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    with street(tmp_path, latency=2.0) as it:
        runs = [it.run(name, 40, priority=9 if name == "high" else 5) for name in names]
        work = asyncio.gather(*map(it.carry_out, runs))
        await it.passing(5, work)
        assert it.gateway.on_wire
        seen: list[tuple[int, int]] = []

        async def stand_still() -> None:
            async with it.engine.account.quiet():
                seen.append((it.gateway.on_wire, it.sent().total()))
                await it.clock.sleep(30)
                seen.append((it.gateway.on_wire, it.sent().total()))

        still = asyncio.ensure_future(stand_still())
        await it.passing(10, work)
        before = it.sent().total()
        await drive(it.clock, asyncio.gather(work, still))
        assert seen == [(0, before), (0, before)]
        assert it.sent() == dict.fromkeys(names, 40)
        assert it.violations == []


async def test_a_run_that_comes_meanwhile_waits_and_two_moments_at_once_are_both_quiet(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        late = it.run("late", 4)

        async def stand_still(seconds: float) -> None:
            async with it.engine.account.quiet():
                await it.clock.sleep(seconds)

        moments = asyncio.gather(stand_still(10), stand_still(20))
        work = asyncio.gather(it.carry_out(late), moments)
        await it.passing(19, work)
        assert it.sent().total() == 0
        await drive(it.clock, work)
        assert it.sent() == {"late": 4}


async def test_one_that_is_given_up_leaves_the_account_as_it_was(tmp_path: Path) -> None:
    with street(tmp_path, latency=60.0) as it:
        work = asyncio.ensure_future(it.carry_out(it.run("slow", 8)))
        await it.passing(1, work)
        waiting = asyncio.ensure_future(it.engine.account.quiet().__aenter__())
        await it.passing(5, work)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await drive(it.clock, work)
        assert it.sent() == {"slow": 8}
        assert it.engine.account.free == 4
