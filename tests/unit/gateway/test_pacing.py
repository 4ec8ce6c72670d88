from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mmsflow.clock import ManualClock
from mmsflow.gateway.pacing import Pacer


class JumpingClock(ManualClock):
    """A clock whose wall time, and if need be even its monotonic time, is moved by hand."""

    def __init__(self) -> None:
        super().__init__(datetime(2026, 12, 1, tzinfo=UTC))
        self.wall_offset = timedelta()
        self.seconds = 0.0

    def now(self) -> datetime:
        return super().now() + self.wall_offset

    def monotonic(self) -> float:
        return self.seconds


def run(pacer: Pacer, clock: JumpingClock, seconds: float, want: int = 64) -> list[float]:
    """Take as much as is granted, waiting as told; the instants of all permits."""
    granted_at = []
    end = clock.seconds + seconds
    while clock.seconds < end:
        granted, wait = pacer.take(want)
        granted_at += [clock.seconds] * granted
        clock.seconds += wait
    return granted_at


@pytest.mark.parametrize("per_second", [0.1, 0.5, 1, 3, 20, 600, 5000])
def test_over_time_exactly_the_rate_is_granted(per_second: float) -> None:
    clock = JumpingClock()
    seconds = max(20.0, 20 / per_second)
    granted = run(Pacer(per_second, clock), clock, seconds)
    assert len(granted) == pytest.approx(per_second * seconds, abs=1 + per_second * 0.11)


@pytest.mark.parametrize("per_second", [1, 20, 600])
def test_no_second_sees_more_than_a_tenth_above_the_rate(per_second: int) -> None:
    clock = JumpingClock()
    granted = run(Pacer(per_second, clock), clock, 5)
    for start in granted:
        within = sum(start <= at < start + 1 for at in granted)
        assert within <= per_second * 1.1 + 1


def test_a_rate_below_one_a_second_grants_one_and_names_the_wait() -> None:
    clock = JumpingClock()
    pacer = Pacer(0.1, clock)
    granted, wait = pacer.take(5)
    assert (granted, round(wait, 6)) == (1, 10.0)
    clock.seconds = 10.0
    assert pacer.take(5)[0] == 1


def test_without_a_rate_everything_is_granted_at_once() -> None:
    assert Pacer(None, JumpingClock()).take(1000) == (1000, 0.0)


def test_a_jump_of_the_wall_clock_grants_nothing() -> None:
    clock = JumpingClock()
    pacer = Pacer(10, clock)
    pacer.take(1)
    clock.wall_offset = timedelta(hours=1)
    assert pacer.take(100)[0] == 0


def test_a_long_pause_is_not_made_up_for_with_a_burst() -> None:
    clock = JumpingClock()
    pacer = Pacer(10, clock)
    pacer.take(1)
    clock.seconds += 3600
    assert pacer.take(1000)[0] == 2


def test_time_that_goes_back_neither_grants_nor_takes_permits() -> None:
    clock = JumpingClock()
    pacer = Pacer(10, clock)
    clock.seconds = 100.0
    assert pacer.take(1)[0] == 1
    clock.seconds = 50.0
    assert pacer.take(1)[0] == 0
    clock.seconds = 50.1
    assert pacer.take(1)[0] == 1


def test_unused_permits_can_be_given_back() -> None:
    clock = JumpingClock()
    pacer = Pacer(10, clock)
    assert pacer.take(1)[0] == 1
    pacer.give_back(1)
    assert pacer.take(1)[0] == 1


def test_given_back_permits_do_not_add_up_to_a_burst() -> None:
    pacer = Pacer(10, JumpingClock())
    pacer.give_back(1000)
    assert pacer.take(1000)[0] == 2


def test_asking_for_nothing_gets_nothing_without_a_wait() -> None:
    assert Pacer(1, JumpingClock()).take(0) == (0, 0.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Pacer(rate, JumpingClock())
