"""Arms compared by delivery: intervals and tests as the field knows them, and never a winner on too little data."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.mms.status import Bucket
from mmsflow.report.experiment import (
    FINAL_NEEDED,
    ArmCount,
    Interval,
    compare,
    count_arm,
    p_value,
    wilson_interval,
)

stats = pytest.importorskip("scipy.stats")


def arm(name: str, delivered: int, final: int, outstanding: int = 0) -> ArmCount:
    return ArmCount(name, final, delivered, outstanding)


@pytest.mark.parametrize(
    ("delivered", "final", "low", "high"),
    [
        # R. G. Newcombe, Two-sided confidence intervals for the single proportion, Stat. Med. 17 (1998), table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(delivered: int, final: int, low: float, high: float) -> None:
    found = wilson_interval(delivered, final)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@settings(deadline=None)
@given(st.integers(1, 5000).flatmap(lambda final: st.tuples(st.integers(0, final), st.just(final))))
def test_the_interval_agrees_with_scipy_and_holds_the_share(numbers: tuple[int, int]) -> None:
    delivered, final = numbers
    expected = stats.binomtest(delivered, final).proportion_ci(0.95, method="wilson")
    found = wilson_interval(delivered, final)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= found.low <= delivered / final <= found.high <= 1


def test_nothing_delivered_and_all_delivered_end_exactly_at_the_edge() -> None:
    assert wilson_interval(0, 10).low == 0
    assert wilson_interval(10, 10).high == 1


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 400), st.integers(1, 400)).flatmap(
        lambda sizes: st.tuples(
            st.just(sizes[0]), st.integers(0, sizes[0]), st.just(sizes[1]), st.integers(0, sizes[1])
        )
    )
)
def test_the_test_of_two_arms_agrees_with_scipy(table: tuple[int, int, int, int]) -> None:
    n, k, m, j = table
    found = p_value(arm("a", k, n), arm("b", j, m))
    cells = [[k, n - k], [j, m - j]]
    if 0 in (k + j, n + m - k - j):
        assert found == 1
    elif stats.contingency.expected_freq(cells).min() < 5:
        assert found == pytest.approx(stats.fisher_exact(cells).pvalue, abs=1e-6)
    else:
        assert found == pytest.approx(stats.chi2_contingency(cells, correction=False).pvalue, abs=1e-9)


def test_buckets_become_final_and_outstanding_and_what_was_never_sent_is_neither() -> None:
    buckets = {
        Bucket.DELIVERED: 90, Bucket.FAILED: 5, Bucket.EXPIRED: 3, Bucket.UNDETERMINED: 2, Bucket.ACCEPTED: 4,
        Bucket.MAYBE_SENT: 1, Bucket.PENDING: 6, Bucket.NOT_SENT: 50, Bucket.EXCLUDED: 7,
    }  # fmt: skip
    assert count_arm("a", buckets) == ArmCount("a", final=100, delivered=90, outstanding=11)


def test_an_arm_that_differs_by_more_than_chance_wins() -> None:
    found = compare([arm("a", 940, 1000), arm("b", 990, 1000)])
    assert found.winner == "b"
    assert found.verdict == "b was delivered more often: 99.0 % against 94.0 % of a"


@pytest.mark.parametrize("final", [0, 1, 40, FINAL_NEEDED - 1])
def test_no_winner_is_named_on_too_little_data_however_clear_it_looks(final: int) -> None:
    found = compare([arm("a", 10_000, 10_000), arm("b", 0, final)])
    assert found.winner == ""
    assert found.verdict == f"too little data: arm b has {final} final messages, 100 are needed"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 300)), min_size=2, max_size=5))
def test_no_numbers_whatever_make_a_winner_while_one_arm_is_small(numbers: list[tuple[int, int]]) -> None:
    arms = [arm(str(at), min(delivered, size), size) for at, (size, delivered) in enumerate(numbers)]
    assert compare(arms).winner == ""


@pytest.mark.parametrize(("outstanding", "winner"), [(0, "b"), (9, "b"), (11, "")])
def test_no_winner_is_named_while_a_hundredth_of_an_arm_is_outstanding(outstanding: int, winner: str) -> None:
    found = compare([arm("a", 700, 1000, outstanding), arm("b", 990, 1000)])
    assert found.winner == winner
    if not winner:
        assert found.verdict == "too little data: arm a waits for the outcome of 11 of its 1011 messages"


def test_a_difference_that_chance_explains_names_nobody() -> None:
    found = compare([arm("a", 950, 1000), arm("b", 955, 1000)])
    assert (found.winner, found.verdict) == ("", "no difference that chance would not explain")


def test_the_best_of_three_must_differ_from_each_other_one() -> None:
    found = compare([arm("a", 700, 1000), arm("b", 955, 1000), arm("c", 960, 1000)])
    assert (found.winner, found.verdict) == ("", "no winner: chance would explain the difference between c and b")


def test_more_pairs_need_a_clearer_difference() -> None:
    pair = [arm("a", 940, 1000), arm("b", 960, 1000)]  # p = 0.041
    assert compare(pair).winner == "b"
    assert compare([*pair, arm("c", 500, 1000)]).winner == ""


def test_one_arm_has_nothing_to_be_compared_with() -> None:
    found = compare([arm("a", 500, 1000)])
    assert (found.winner, found.verdict) == ("", "nothing to compare: there is only one arm")
    assert found.arms[0].share == 0.5


def test_an_arm_without_an_outcome_has_neither_share_nor_interval() -> None:
    found = compare([arm("a", 0, 0), arm("b", 1, 1)])
    assert (found.arms[0].share, found.arms[0].interval) == (None, None)
    assert isinstance(found.arms[1].interval, Interval)
