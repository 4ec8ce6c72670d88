"""Sending inside the campaign's windows only: when it waits, when it goes on, and what never waits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sending_desk import START, WARSAW, Desk, desk, rules, until

from mmsflow.clock import ManualClock
from mmsflow.engine.embedded import carry_out
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.plan.calendar import WindowRule

EVERY_DAY = frozenset(range(7))
NOON = WindowRule(EVERY_DAY, ((12 * 60, 13 * 60),))
MORNING = WindowRule(EVERY_DAY, ((9 * 60, 9 * 60 + 1),))


def local_times(it: Desk) -> list[str]:
    """When each message was sent, as clocks in Warsaw showed it."""
    return [
        (START + timedelta(seconds=moment)).astimezone(WARSAW).strftime("%d %H:%M") for moment, _ in it.gateway.sent
    ]


async def test_before_the_window_nothing_goes_out_and_the_ledger_says_when_it_opens(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, carried=rules(windows=(NOON,))) as it:
        task = asyncio.ensure_future(carry_out(it.engine, it.run, no_wait=False, observer=it.seen.append))
        await until(it, task, 3 * 3600 - 1)
        assert it.gateway.sent == []
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.WINDOW)
        assert it.now.resumes_at == datetime(2026, 12, 1, 11, tzinfo=UTC)
        await until(it, task, 3 * 3600 + 60)
        assert set(local_times(it)) == {"01 12:00"}
        assert it.states == {"delivered": 3}
        await task


async def test_nothing_begins_at_the_end_of_a_window_or_after_it_and_the_rest_follows_the_next_day(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, 9, carried=rules(windows=(MORNING,), per_second=0.1), in_flight=1) as it:
        await it.carry_out()
        days = local_times(it)
        assert {moment[3:] for moment in days} == {"09:00"}
        assert days[0].startswith("01")
        assert days[-1].startswith("02")
        assert max(moment % 86400 for moment, _ in it.gateway.sent) < 60
        assert it.times_sent == {1}
        assert it.states == {"delivered": 9}


async def test_without_waiting_the_command_leaves_and_names_the_opening(tmp_path: Path) -> None:
    async with desk(tmp_path, 2, carried=rules(windows=(NOON,))) as it:
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert (ended.halt.by, ended.halt.resumes_at) == (PausedBy.WINDOW, datetime(2026, 12, 1, 11, tzinfo=UTC))
        assert it.gateway.sent == []


async def test_delivery_reports_are_followed_while_the_window_is_closed(tmp_path: Path) -> None:
    late = {"delivery_delay": (7200, 7200)}
    carried = rules(windows=(MORNING,), per_second=0.1, poll_until=timedelta(hours=8))
    async with desk(tmp_path, 8, carried=carried, simulator=late) as it:
        task = asyncio.ensure_future(carry_out(it.engine, it.run, no_wait=False, observer=it.seen.append))
        await until(it, task, 6 * 3600)
        delivered = it.states["delivered"]
        assert 4 < delivered < 8
        assert it.now.paused_by is PausedBy.WINDOW
        await until(it, task, 5 * 86400)
        assert it.states == {"delivered": 8}
        await task


async def test_a_quota_that_comes_back_at_night_is_used_in_the_morning(tmp_path: Path) -> None:
    carried = rules(windows=(WindowRule(EVERY_DAY, ((9 * 60, 17 * 60),)),))
    async with desk(tmp_path, 6, carried=carried, simulator={"quota": 4, "quota_seconds": 86400}) as it:
        await it.carry_out()
        assert it.times_sent == {1}
        assert [moment[3:] for moment in local_times(it)][:4] == ["09:00"] * 4
        assert all(9 <= int(moment[3:5]) < 17 for moment in local_times(it))
        assert it.states == {"delivered": 6}


async def test_a_night_in_which_the_clocks_change_keeps_the_hours_of_the_wall_clock(tmp_path: Path) -> None:
    evening = datetime(2027, 3, 27, 19, tzinfo=UTC)  # 20:00 in Warsaw; at 02:00 the clocks jump
    clock = ManualClock(evening)
    carried = rules(start=evening, windows=(WindowRule(EVERY_DAY, ((9 * 60, 17 * 60),)),))
    async with desk(tmp_path, 1, carried=carried, clock=clock) as it:
        await it.carry_out()
        ((moment, _),) = it.gateway.sent
        assert evening + timedelta(seconds=moment) == datetime(2027, 3, 28, 7, tzinfo=UTC)


async def test_a_deadline_that_passes_while_the_window_is_closed_ends_the_rest(tmp_path: Path) -> None:
    carried = rules(windows=(NOON,), not_after=START + timedelta(hours=1))
    async with desk(tmp_path, 2, carried=carried) as it:
        await it.carry_out()
        assert it.states == {"not_sent": 2}
        assert it.gateway.sent == []
