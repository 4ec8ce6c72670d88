"""Two runs held against each other: shares, differences that chance would explain or not, and the page of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from report_samples import RUN, START, a_row

from mmsflow.ledger.model import ReportRow
from mmsflow.mms.status import Bucket
from mmsflow.report.comparison import Comparison, Side, compare_sides, difference
from mmsflow.report.comparison_document import comparison_as_json
from mmsflow.report.comparison_page import comparison_page, facts, verdict
from mmsflow.report.moments import Moments, zone_of
from mmsflow.report.summary import Summariser

OTHER_RUN = replace(RUN, key=2, run="winter-sale-20261208-1", created_at=START + timedelta(days=7))


def counts(delivered: int, failed: int, accepted: int = 0) -> dict[Bucket, int]:
    return {Bucket.DELIVERED: delivered, Bucket.FAILED: failed, Bucket.ACCEPTED: accepted, Bucket.INVALID: 7}


def compared(first: list[ReportRow], second: list[ReportRow], segments: tuple[str, ...] = ()) -> Comparison:
    sides = []
    for run, rows in ((RUN, first), (OTHER_RUN, second)):
        summariser = Summariser(len(rows), (), Moments(zone_of(run.config)), segments)
        summariser.add(rows)
        sides.append(Side(run, summariser.summary()))
    numbers = {(Bucket.DELIVERED, Bucket.FAILED): 3, (Bucket.DELIVERED, None): 2, (None, Bucket.DELIVERED): 1}
    return compare_sides(sides[0], sides[1], numbers)


# The intervals are those of Newcombe's own table II, method 10, for 56/70 - 48/80 and 9/10 - 3/10.
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((48, 32), (56, 14), 0.0524, 0.3339), ((3, 7), (9, 1), 0.1705, 0.8090)],
)
def test_the_interval_of_a_difference_is_the_published_one(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    found = difference(counts(*first), counts(*second))
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)
    assert found.beyond_chance


def test_a_difference_turns_its_sign_with_the_order_of_the_runs() -> None:
    there, back = (difference(counts(*a), counts(*b)) for a, b in (((90, 10), (80, 20)), ((80, 20), (90, 10))))
    assert there.by is not None
    assert back.by == pytest.approx(-there.by)
    assert back.low == pytest.approx(-(there.high or 0))


@pytest.mark.parametrize("small", [(9, 1), (10, 0)])
def test_ten_messages_against_ten_say_nothing_beyond_chance(small: tuple[int, int]) -> None:
    found = difference(counts(8, 2), counts(*small))
    assert not found.beyond_chance
    assert "chance alone would explain that" in verdict(found)


def test_a_run_without_a_final_outcome_has_no_share_and_no_difference() -> None:
    found = difference(counts(0, 0, 5), counts(9, 1))
    assert (found.first.share, found.by, found.beyond_chance) == (None, None, False)
    assert "Nothing to compare yet" in verdict(found)


def test_messages_that_still_wait_are_named_beside_the_verdict() -> None:
    assert "7 messages still wait" in verdict(difference(counts(90, 10, 7), counts(90, 10)))


def failures(*labels: str) -> list[ReportRow]:
    return [a_row(n, Bucket.FAILED, status=label, code=label) for n, label in enumerate(labels, start=1)]


def test_failures_stand_side_by_side_by_reason_the_most_frequent_first() -> None:
    found = compared(failures("Address Error", "Rejected"), failures("Rejected", "Rejected"))
    assert [(pair.label, pair.first, pair.second) for pair in found.failures] == [
        ("Rejected", 1, 2),
        ("Address Error", 1, 0),
    ]


def test_segments_are_compared_where_both_runs_have_the_column() -> None:
    first = [a_row(1, segments=("Gdynia",)), a_row(2, segments=("Łódź",))]
    second = [a_row(1, Bucket.FAILED, segments=("Gdynia",)), a_row(2, segments=("Kraków",))]
    pairs = {pair.name: pair for pair in compared(first, second, ("city",)).segments["city"]}
    assert set(pairs) == {"Gdynia", "Łódź", "Kraków"}
    moved = pairs["Gdynia"].difference
    assert moved is not None
    assert moved.by == -1
    assert (pairs["Łódź"].second, pairs["Kraków"].first, pairs["Kraków"].difference) == (None, None, None)
    assert compared(first, second).segments == {}


def test_the_document_holds_both_runs_and_what_became_of_the_numbers() -> None:
    document = json.loads(json.dumps(comparison_as_json(compared([a_row(1)], [a_row(1)]))))
    assert [document[side]["run"] for side in ("first", "second")] == [RUN.run, OTHER_RUN.run]
    assert document["first"]["summary"]["latency"]["quantiles_seconds"]["p50"] == pytest.approx(180, rel=0.01)
    numbers = document["numbers"]
    assert (numbers["in_both"], numbers["only_first"], numbers["only_second"]) == (3, 2, 1)
    assert {"first": "delivered", "second": None, "numbers": 2} in numbers["became"]


def test_a_number_in_the_gateways_words_is_masked_in_the_document() -> None:
    row = a_row(1, Bucket.FAILED, status="refused 501102030", reason="no such number +48 501 102 030", code="")
    document = json.dumps(comparison_as_json(compared([row], [row])))
    assert "…030" in json.loads(document)["failures"][0]["code"]
    assert "501102030" not in document
    assert "501 102 030" not in document


def test_facts_stand_in_the_same_order_for_both_runs() -> None:
    found = {what: (one, other) for what, one, other in facts(compared([a_row(1)], [a_row(1, Bucket.FAILED)]))}
    assert found["Delivered"] == ("1", "0")
    assert found["50 % of reports within"] == ("3 min", "–")


def test_the_page_keeps_hostile_texts_as_texts_and_numbers_out() -> None:
    evil = "<script>x</script> 501102030"
    rows = [a_row(1, Bucket.FAILED, status=evil, code=evil, segments=(evil,))]
    page = comparison_page(compared(rows, rows, (evil,)), now=START)
    assert "<script>" not in page
    assert "501102030" not in page
    assert "default-src 'none'" in page


def test_the_page_shows_what_became_of_the_same_numbers() -> None:
    page = comparison_page(compared([a_row(1)], [a_row(1)]), now=START)
    assert "3 numbers are in both runs, 2 only in the first, 1 only in the second." in page
    assert page.count("Not in it") == 2
