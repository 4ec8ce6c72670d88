from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from report_samples import RUN, START, a_row, many_rows

from mmsflow.ledger.model import ReportRow, WaveRecord
from mmsflow.mms.status import Bucket
from mmsflow.report.model import OTHER, Summary
from mmsflow.report.moments import Moments, zone_of
from mmsflow.report.summary import Summariser
from mmsflow.report.timeline import MAX_BINS, Spans, Timeline, bin_edges


def summarise(*rows: ReportRow, expected: int | None = None, waves: tuple[WaveRecord, ...] = ()) -> Summary:
    summariser = Summariser(len(rows) if expected is None else expected, waves, Moments(UTC))
    summariser.add(rows)
    return summariser.summary()


def failed(ordinal: int, **changes: object) -> ReportRow:
    return a_row(ordinal, Bucket.FAILED, **{"status": "Address Error", "code": "", **changes})


def test_every_bucket_is_counted_and_named_also_when_it_is_empty() -> None:
    summary = summarise(*(a_row(ordinal, bucket) for ordinal, bucket in enumerate(Bucket, start=1)))
    assert summary.buckets == dict.fromkeys(Bucket, 1)
    assert summarise().buckets == dict.fromkeys(Bucket, 0)


def test_the_buckets_add_up_when_each_row_of_the_lists_is_seen_once() -> None:
    assert summarise(a_row(1), a_row(2, Bucket.INVALID)).adds_up


@pytest.mark.parametrize(
    ("ordinals", "expected"),
    [((1, 2), 3), ((1, 2, 3), 2), ((1, 2, 2), 3), ((1, 3, 2), 3)],
    ids=["a row is missing", "a row too many", "a row came twice", "a row came out of order"],
)
def test_the_buckets_do_not_add_up_when(ordinals: tuple[int, ...], expected: int) -> None:
    assert not summarise(*map(a_row, ordinals), expected=expected).adds_up


def test_a_row_that_comes_again_in_a_later_chunk_is_noticed() -> None:
    summariser = Summariser(3, (), Moments(UTC))
    for chunk in ([a_row(1), a_row(2)], [a_row(2)]):
        summariser.add(chunk)
    assert summariser.summary().repeated == 1


def test_failures_are_counted_by_code_else_by_the_operators_word_else_by_the_reason() -> None:
    rows = (failed(1, code="too_big"), failed(2), failed(3), failed(4, status="", reason="refused"))
    reasons = {item.label: item.count for item in summarise(*rows).failures}
    assert reasons == {"Address Error": 2, "too_big": 1, "refused": 1}


def test_reasons_beyond_the_most_frequent_are_counted_together() -> None:
    rows = [failed(n, status=f"word {n}") for n in range(1, 41)]
    failures = summarise(*rows).failures
    assert failures[-1].label == OTHER
    assert sum(item.count for item in failures) == 40


def test_reasons_made_by_machine_do_not_fill_memory() -> None:
    rows = [failed(n, code=f"machine {n}") for n in range(1, 5_001)]
    summariser = Summariser(5_000, (), Moments(UTC))
    summariser.add(rows)
    assert len(summariser._reasons) <= 2_001
    assert sum(item.count for item in summariser.summary().failures) == 5_000


def test_a_row_set_aside_is_counted_by_its_reason_with_the_words_of_the_first() -> None:
    rows = [a_row(n, Bucket.DUPLICATE, code="duplicate", reason=f"same as row {n}") for n in (1, 2, 3)]
    (reason,) = summarise(*rows).set_aside
    assert (reason.bucket, reason.label, reason.count, reason.example) == (
        Bucket.DUPLICATE,
        "duplicate",
        3,
        "same as row 1",
    )


def test_each_list_has_its_own_counts() -> None:
    rows = (a_row(1, source="a.csv"), a_row(2, Bucket.INVALID, source="a.csv"), a_row(3, source="b.csv"))
    first, second = summarise(*rows).sources
    assert (first.name, first.rows, first.buckets) == ("a.csv", 2, {Bucket.DELIVERED: 1, Bucket.INVALID: 1})
    assert (second.name, second.rows) == ("b.csv", 1)


def test_a_message_that_provably_never_left_does_not_count_as_sent() -> None:
    summary = summarise(a_row(1, Bucket.PENDING, attempts=1, sent_at=START), a_row(2, Bucket.MAYBE_SENT))
    assert (summary.sent, summary.requests) == (1, 2)


def test_waves_show_what_was_planned_and_what_was_sent() -> None:
    waves = (WaveRecord(1, START, 2), WaveRecord(2, None, 5))
    rows = (a_row(1, wave=1), a_row(2, wave=1), a_row(3, wave=2), a_row(4, Bucket.PENDING, wave=2))
    assert [(wave.planned, wave.sent) for wave in summarise(*rows, waves=waves).waves] == [(2, 2), (5, 1)]


def test_recipients_who_need_a_decision_come_first_and_only_fifty_are_listed() -> None:
    rows = [failed(n) for n in range(1, 61)] + [a_row(61, Bucket.MAYBE_SENT)]
    summary = summarise(*rows)
    assert summary.problems[0].bucket is Bucket.MAYBE_SENT
    assert (len(summary.problems), summary.problems_total) == (50, 61)


def test_a_reason_whose_first_rows_gave_no_words_takes_them_from_a_later_chunk() -> None:
    summariser = Summariser(2, (), Moments(UTC))
    for row in (
        a_row(1, Bucket.EXCLUDED, code="opt_out"),
        a_row(2, Bucket.EXCLUDED, code="opt_out", reason="on a.csv"),
    ):
        summariser.add([row])
    (reason,) = summariser.summary().set_aside
    assert (reason.count, reason.example) == (2, "on a.csv")


def test_the_curve_starts_at_nothing_never_falls_and_ends_at_the_totals() -> None:
    rows = [
        a_row(n, sent_at=START + timedelta(seconds=n), final_at=START + timedelta(seconds=40 * n))
        for n in range(1, 200)
    ]
    curve = summarise(*rows).curve
    assert (curve[0].sent, curve[0].delivered) == (0, 0)
    assert (curve[-1].sent, curve[-1].delivered) == (199, 199)
    assert all(a.sent <= b.sent and a.delivered <= b.delivered and a.at < b.at for a, b in pairwise(curve))
    assert len(curve) <= MAX_BINS + 1


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 61, 3_600, 86_400, 86_400 * 9, 86_400 * 800])
def test_bins_cover_the_span_and_are_at_most_sixty(seconds: int) -> None:
    first = int(START.timestamp()) + 7
    edges = bin_edges(first, first + seconds)
    assert edges[0] <= first
    assert edges[-1] > first + seconds
    assert 1 <= len(edges) - 1 <= MAX_BINS


def test_a_timeline_of_months_keeps_every_event_in_bounded_memory() -> None:
    timeline = Timeline()
    for minute in range(100_000):
        timeline.add(minute * 60)
    assert len(timeline._counts) <= 4096
    assert list(timeline.cumulative(range(0, 8_000_000, 7_999_999))) == [0, 100_000]


def test_time_to_delivery_is_right_within_a_percent() -> None:
    spans = Spans()
    for seconds in range(1, 10_001):
        spans.add(float(seconds))
    for share, exact in ((0.5, 5_000), (0.95, 9_500)):
        quantile = spans.quantile(share)
        assert quantile is not None
        assert quantile.total_seconds() == pytest.approx(exact, rel=0.01)


def test_a_report_dated_before_its_message_counts_as_no_time_at_all() -> None:
    summary = summarise(a_row(1, final_at=START - timedelta(seconds=5)))
    assert summary.latency_median == timedelta(0)


def test_without_messages_there_are_no_times() -> None:
    summary = summarise(a_row(1, Bucket.INVALID))
    assert (summary.curve, summary.first_sent, summary.latency_median) == ((), None, None)


def test_address_errors_are_shown_by_prefix_beside_all_messages_to_it() -> None:
    rows = (
        failed(1, number="+48501000001"),
        a_row(2, number="+48501000002"),
        failed(3, number="+48600000001", status="Rejected"),
    )
    (prefix,) = summarise(*rows).prefixes
    assert (prefix.prefix, prefix.messages, prefix.address_errors) == ("+48501", 2, 1)


def test_chunks_of_any_size_come_to_the_same_summary() -> None:
    rows = list(many_rows(500))
    summariser = Summariser(500, (), Moments(UTC))
    for at in range(0, 500, 7):
        summariser.add(rows[at : at + 7])
    assert summariser.summary() == summarise(*rows)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 12, 1, 8, 0, 3, 999, UTC), "2026-12-01T09:00:03+01:00"),
        (datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC), "2026-10-25T02:59:59+02:00"),
        (datetime(2026, 10, 25, 1, 0, 0, tzinfo=UTC), "2026-10-25T02:00:00+01:00"),
    ],
    ids=["winter", "last second of summer time", "first second of winter time"],
)
def test_instants_carry_the_offset_that_the_zone_had_then(instant: datetime, text: str) -> None:
    moments = Moments(zone_of(RUN.config))
    assert moments[instant].text == text
    assert moments[instant].epoch == instant.timestamp()


@pytest.mark.parametrize(
    "config", [{}, {"timezone": ""}, {"timezone": "Mars/Base"}, {"timezone": 7}, {"timezone": "../x"}]
)
def test_a_run_without_a_known_zone_is_told_in_utc(config: dict[str, object]) -> None:
    assert Moments(zone_of(config))[START].text == "2026-12-01T08:00:00+00:00"


def test_remembered_instants_are_bounded() -> None:
    moments = Moments(UTC)
    for second in range(25_000):
        assert moments[START + timedelta(seconds=second)].epoch == START.timestamp() + second
    assert len(moments) <= 10_000
