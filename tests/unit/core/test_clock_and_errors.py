"""The clock that tests own, and what every error carries."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mmsflow import errors
from mmsflow.clock import ManualClock, SystemClock
from mmsflow.errors import Finding, InvalidInput, MmsflowError

START = datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=1)))


async def test_sleepers_wake_in_the_order_of_their_deadlines_each_at_its_own_instant() -> None:
    clock = ManualClock(START)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [
        asyncio.ensure_future(sleeper(*each)) for each in [("late", 9), ("first", 1), ("second", 1), ("never", 99)]
    ]
    await clock.advance(10)
    assert woken == [("first", 1), ("second", 1), ("late", 9)]
    assert (clock.monotonic(), clock.next_wake) == (10, 89)
    tasks[-1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert clock.next_wake is None


async def test_one_who_sleeps_again_on_waking_is_woken_again_in_time() -> None:
    clock = ManualClock(START)
    ticks: list[float] = []

    async def ticker() -> None:
        for _ in range(5):
            await clock.sleep(2)
            ticks.append(clock.monotonic())

    task = asyncio.ensure_future(ticker())
    await clock.advance(10)
    assert ticks == [2, 4, 6, 8, 10]
    await task


async def test_a_sleep_of_nothing_is_one_turn_of_the_loop() -> None:
    for clock in (ManualClock(START), SystemClock()):
        await asyncio.wait_for(clock.sleep(0), 5)
        await asyncio.wait_for(clock.sleep(-1), 5)


async def test_instants_are_aware_and_in_utc() -> None:
    assert ManualClock(START).now() == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert ManualClock(START).now().tzinfo is UTC
    assert SystemClock().now().tzinfo is UTC
    assert SystemClock().monotonic() <= SystemClock().monotonic()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("MmsflowError", 1),
        ("UsageError", 2),
        ("InvalidInput", 3),
        ("GatewayRefused", 4),
        ("GatewayUnavailable", 5),
        ("PlanRefused", 6),
        ("RunUnfinished", 7),
        ("RunHeld", 8),
        ("IllegalTransition", 1),
        ("LedgerError", 1),
    ],
)
def test_each_error_has_its_exit_code_and_stands_in_the_drawing(name: str, code: int) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, MmsflowError)
    assert kind.exit_code == code
    assert f"{name} " in (errors.__doc__ or "")


def test_a_finding_names_its_place_as_far_as_it_is_known() -> None:
    assert Finding("a.yaml", 14, 12, "x").place == "a.yaml:14:12"
    assert Finding("a.csv", 14, 0, "x").place == "a.csv:14"
    assert Finding("a.csv", 0, 0, "x").place == "a.csv"
    assert set(Finding("a", 1, 1, "x", "y").as_json()) == {"file", "line", "column", "message", "fix"}


def test_invalid_input_counts_its_errors_and_not_its_warnings() -> None:
    wrong, odd = Finding("a", 1, 1, "x"), Finding("a", 1, 1, "y", severity="warning")
    assert InvalidInput([wrong, odd]).message == "1 error found"
    assert InvalidInput([wrong, wrong]).message == "2 errors found"
