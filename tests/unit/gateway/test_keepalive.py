"""Whether an idle connection may be reused: learned one at a time, forbidden after a break."""

from __future__ import annotations

from random import Random

import pytest

from mmsflow.gateway.keepalive import ENOUGH, KeepAlive, Reuse


def survive(it: KeepAlive, idle_seconds: float, times: int = ENOUGH, now: float = 0.0) -> None:
    for _ in range(times):
        reuse = it.take(idle_seconds, now)
        assert reuse is not None
        it.survived(reuse)


def taken(it: KeepAlive, idle_seconds: float, now: float = 0.0) -> Reuse:
    reuse = it.take(idle_seconds, now)
    assert reuse is not None
    return reuse


def test_a_new_hosts_connections_are_reused_one_at_a_time() -> None:
    it = KeepAlive()
    for _ in range(ENOUGH):
        trial = taken(it, 0.01)
        assert it.take(0.01, 0.0) is None
        it.survived(trial)
    assert [it.take(0.01, 0.0) is None for _ in range(20)] == [False] * 20


def test_a_longer_idle_time_than_twice_what_survived_is_a_trial_again() -> None:
    it = KeepAlive()
    survive(it, 0.01)
    trial = taken(it, 3.0)
    assert it.take(3.0, 0.0) is None
    assert it.take(0.02, 0.0) is not None
    it.survived(trial)
    assert it.take(3.0, 0.0) is not None


def test_short_idle_times_prove_nothing_about_long_ones() -> None:
    it = KeepAlive()
    survive(it, 0.001, times=1000)
    trial = taken(it, 0.02)
    assert it.take(0.02, 0.0) is None
    it.ended(trial)


def test_after_a_break_none_is_reused_and_learning_begins_anew_later_and_later() -> None:
    it, now, bans = KeepAlive(), 0.0, []
    for _ in range(6):
        survive(it, 0.01, now=now)
        first, second = taken(it, 0.01, now), taken(it, 0.01, now)
        it.broke(first, now)
        it.broke(second, now)  # of the same moment: it counts once
        began = now
        while (trial := it.take(0.01, now)) is None:
            now += 10
        assert it.take(0.01, now) is None
        it.ended(trial)
        bans.append(now - began)
    assert bans == [60, 240, 960, 3600, 3600, 3600]


def test_a_break_of_long_ago_does_not_make_the_next_one_worse() -> None:
    it = KeepAlive()
    it.broke(taken(it, 1.0, 0.0), 0.0)
    later = 60 + 7 * 3600.0
    it.broke(taken(it, 1.0, later), later)
    assert it.take(1.0, later + 59) is None
    assert it.take(1.0, later + 60) is not None


@pytest.mark.parametrize("how", ["survived", "ended", "broke"])
def test_a_trial_that_ended_in_any_way_makes_room_for_the_next_one(how: str) -> None:
    it = KeepAlive()
    survive(it, 0.01)
    trial = taken(it, 0.5)
    survive(it, 0.02)  # what is ordinary changes while the trial is under way
    if how == "broke":
        it.broke(trial, 0.0)
        assert it.take(0.5, 60.0) is not None
        return
    getattr(it, how)(trial)
    assert it.take(0.5, 0.0) is not None


@pytest.mark.parametrize(
    ("header", "idle_seconds", "reused"),
    [
        ("timeout=5, max=100", 3.9, True),
        ("timeout=5, max=100", 4.1, False),
        ("max=100 , Timeout = 2", 1.5, False),
        ("timeout=1", 0.4, True),
        ("timeout=1", 0.6, False),
        ("timeout=0", 0.001, False),
        ("timeout=soon", 3.9, True),
        ("timeout=-1", 3.9, True),
        ("timeout=99999999999999999999", 3.9, True),
        ("", 3.9, True),
    ],
)
@pytest.mark.parametrize("learns", [True, False])
def test_what_the_server_says_of_its_idle_time_is_kept_to(
    header: str, idle_seconds: float, reused: bool, learns: bool
) -> None:
    it = KeepAlive(learns=learns)
    it.told(header)
    assert (it.take(idle_seconds, 0.0) is not None) is reused


def test_without_learning_every_connection_is_reused() -> None:
    it = KeepAlive(learns=False)
    it.broke(taken(it, 1.0), 0.0)
    assert all(it.take(idle, 0.0) for idle in (0.001, 1.0, 3.9))


def test_a_server_that_closes_after_a_random_idle_time_breaks_few_of_many() -> None:
    # The worst server: its close is never seen, whoever writes too late is lost. 16 at a time, for an hour.
    for seed in range(20):
        rng, it, now, broken, sent = Random(seed), KeepAlive(), 0.0, 0, 0
        while now < 3600:
            group = [reuse for reuse in (it.take(rng.expovariate(100), now) for _ in range(16)) if reuse is not None]
            sent += 16
            for reuse in group:
                if reuse.idle_seconds > rng.uniform(0.005, 0.03):
                    it.broke(reuse, now)
                    broken += 1
                else:
                    it.survived(reuse)
            now += 0.5
        assert broken <= 0.005 * sent, (seed, broken, sent)
