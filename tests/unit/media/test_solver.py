"""Which way each picture goes: within the bytes always, and as good together as they allow."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from mmsflow.media.model import Candidate
from mmsflow.media.solver import allowances, choose


def way(size_bytes: int, score: float) -> Candidate:
    return Candidate("jpeg", 100, 100, 80, size_bytes, score)


TABLES = st.lists(
    st.lists(st.builds(way, st.integers(1, 300), st.floats(0, 1)), min_size=1, max_size=6), min_size=1, max_size=3
)


def score(chosen: list[Candidate]) -> float:
    return sum(candidate.score for candidate in chosen)


@given(TABLES, st.integers(0, 900))
def test_the_choice_fits_whenever_anything_fits_and_is_one_step_from_the_best_at_most(
    tables: list[list[Candidate]], budget: int
) -> None:
    fitting = [each for each in product(*tables) if sum(candidate.size_bytes for candidate in each) <= budget]
    chosen = choose(tables, budget)
    if chosen is None:
        assert not fitting
        return
    assert sum(candidate.size_bytes for candidate in chosen) <= budget
    assert all(candidate in table for candidate, table in zip(chosen, tables, strict=True))
    best = max(score(list(each)) for each in fitting)
    step = max(max(c.score for c in table) - min(c.score for c in table) for table in tables)
    assert score(chosen) >= best - step - 1e-9


@given(TABLES, st.integers(0, 900))
def test_nothing_better_fits_into_what_is_left_over(tables: list[list[Candidate]], budget: int) -> None:
    if chosen := choose(tables, budget):
        left = budget - sum(candidate.size_bytes for candidate in chosen)
        for table, now in zip(tables, chosen, strict=True):
            assert not [c for c in table if c.score > now.score and c.size_bytes - now.size_bytes <= left]


def test_the_bytes_go_to_the_picture_that_gains_most_by_them() -> None:
    plain = [way(10, 0.90), way(50, 0.92)]
    rich = [way(10, 0.50), way(50, 0.90)]
    assert choose([plain, rich], 60) == [plain[0], rich[1]]


def test_what_is_kept_as_it_is_takes_no_share_of_what_is_left_over() -> None:
    kept = Candidate("kept", 10, 10, 0, 100, 1.0)
    assert allowances([kept, way(100, 0.9), way(300, 0.9)], 900) == [100, 200, 600]


@given(TABLES, st.integers(0, 900))
def test_allowances_add_up_to_the_budget_at_most(tables: list[list[Candidate]], budget: int) -> None:
    if chosen := choose(tables, budget):
        shares = allowances(chosen, budget)
        assert sum(shares) <= budget
        assert all(share >= candidate.size_bytes for share, candidate in zip(shares, chosen, strict=True))
