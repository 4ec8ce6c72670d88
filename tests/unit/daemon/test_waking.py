"""Being woken: by alarms at instants, and by files that change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sending_desk import Inline

from mmsflow.clock import ManualClock, SystemClock
from mmsflow.daemon import watch
from mmsflow.daemon.alarm import Alarm, ClockAlarm, SchedulerAlarm
from mmsflow.daemon.watch import Watch

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_a_clocks_alarm_rings_once_at_its_instant_and_the_last_one_set_counts() -> None:
    clock = ManualClock(NOW)
    alarm, rung = ClockAlarm(clock), list[datetime]()
    alarm.set(NOW + HOUR, lambda: rung.append(clock.now()))
    alarm.set(NOW + 2 * HOUR, lambda: rung.append(clock.now()))
    await clock.advance(3 * 3600)
    assert rung == [NOW + 2 * HOUR]
    alarm.set(NOW, lambda: rung.append(clock.now()))
    await clock.advance(1)
    assert rung[1:] == [NOW + 3 * HOUR]
    alarm.set(NOW + 4 * HOUR, lambda: rung.append(clock.now()))
    alarm.set(None, lambda: rung.append(clock.now()))
    alarm.close()
    await clock.advance(9 * 3600)
    assert len(rung) == 2


async def test_the_schedulers_alarm_rings_however_long_ago_its_instant_was_and_never_for_one_that_was_replaced() -> (
    None
):
    alarm: Alarm = SchedulerAlarm()
    rung: list[str] = []
    woken = asyncio.Event()

    def ring(name: str) -> Callable[[], None]:
        return lambda: (rung.append(name), woken.set())[0]  # type: ignore[func-returns-value]

    try:
        alarm.set(datetime.now(UTC) + HOUR, ring("later"))
        alarm.set(datetime.now(UTC) - 1000 * HOUR, ring("long ago"))
        await asyncio.wait_for(woken.wait(), 30)
        assert rung == ["long ago"]
        woken.clear()
        alarm.set(datetime.now(UTC), ring("now"))
        await asyncio.wait_for(woken.wait(), 30)
        assert rung == ["long ago", "now"]
    finally:
        alarm.close()
        alarm.close()


async def test_a_change_that_the_system_does_not_tell_of_is_found_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.get_running_loop().set_default_executor(Inline())

    def deaf(*_: object, **__: object) -> None:
        raise OSError("no watches left")

    monkeypatch.setattr(watch, "awatch", deaf)
    clock, changes = ManualClock(NOW), list[datetime]()
    task = asyncio.ensure_future(Watch(tmp_path, clock).follow(lambda: changes.append(clock.now())))
    await clock.advance(30)
    for name in ("campaigns/a.yaml", "lists/new/a.csv", "campaigns/.runs/a.json", "mmsflow.toml", "reports/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        before = len(changes)
        (tmp_path / name).write_text("x")
        await clock.advance(60)
        assert (len(changes) > before) is (".runs" not in name and "reports" not in name)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_change_just_before_the_watch_begins_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(*_: object, **__: object) -> None:
        raise OSError("no watches left")

    monkeypatch.setattr(watch, "awatch", deaf)
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "a.yaml").write_text("x")
    changed = asyncio.Event()
    task = asyncio.ensure_future(Watch(tmp_path, ManualClock(NOW)).follow(changed.set))
    await asyncio.wait_for(changed.wait(), 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_files_of_folders_that_come_later_are_followed_too(tmp_path: Path) -> None:
    changed = asyncio.Event()
    task = asyncio.ensure_future(Watch(tmp_path, SystemClock()).follow(changed.set))

    async def told_of(name: str) -> None:
        """Written again until it is noticed: the system's watches begin at a moment that nobody tells."""
        changed.clear()
        for attempt in range(60):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(str(attempt))
            try:
                await asyncio.wait_for(changed.wait(), 2)
            except TimeoutError:
                continue
            return
        pytest.fail(f"{name} was never noticed")

    await told_of("campaigns/a.yaml")
    await told_of("campaigns/a.yaml")
    await told_of("lists/a.csv")
    task.cancel()
    (ended,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)
