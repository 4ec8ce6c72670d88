"""A slice of the seeded simulation: the real delivery code through crashes, lost replies and failing disks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from torture.simulation.campaign import Tally, append, play_seeds, sum_up
from torture.simulation.scenario import draw
from torture.simulation.world import play

# Its lines are counted by other tests; `scripts/coverage` would take twice as long for it.
pytestmark = pytest.mark.no_cover

_SLICE = 300
_PART = 50


@pytest.mark.parametrize("first", range(0, _SLICE, _PART))
def test_no_story_of_the_slice_breaks_a_promise(first: int) -> None:
    tally = play_seeds(first, first + _PART)
    assert tally.violations == {}
    assert tally.counts.get("duplicates", 0) == 0


def test_the_stories_are_about_something() -> None:
    counts: Counter[str] = Counter(play_seeds(0, 60).counts)
    for happening in ("posts", "received", "questions", "kills", "commits_failed", "takeover", "outage", "stop"):
        assert counts[happening], happening
    for state in ("delivered", "failed", "unknown", "rejected", "not_sent", "accepted_noid"):
        assert counts[f"state_{state}"], state


def test_a_seed_tells_the_same_story_every_time() -> None:
    for seed in (3, 17, 42):
        assert draw(seed) == draw(seed)
        assert play(seed, traced=True) == play(seed, traced=True)


def test_results_of_several_campaigns_add_up_and_no_seed_counts_twice(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    first = Tally(0, 10, "code-1", seconds=1.5, counts={"posts": 7})
    for tally in (first, replace(first, first=10, end=30, violations={12: ["received 2 times"]}), first):
        append(results, tally)
    total = sum_up(results)
    assert total["seeds"] == 30
    assert total["counts"] == {"posts": 14}
    assert total["violations"] == {"12": ["received 2 times"]}
