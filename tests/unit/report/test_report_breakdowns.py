"""A run counted by list, variant, segment and hour, and its times until the delivery report."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from report_samples import RUN, START, a_row

from mmsflow.ledger.model import ReportRow
from mmsflow.mms.status import Bucket
from mmsflow.report import document
from mmsflow.report.breakdowns import HourCounter, SegmentCounter
from mmsflow.report.experiment import FINAL_NEEDED
from mmsflow.report.forest import Share, forest
from mmsflow.report.html import bin_label, hour_labels
from mmsflow.report.model import Summary
from mmsflow.report.moments import Moments
from mmsflow.report.parts import LatencyBin, Part
from mmsflow.report.summary import Summariser

WARSAW = ZoneInfo("Europe/Warsaw")


def summarise(*rows: ReportRow, segments: tuple[str, ...] = ()) -> Summary:
    summariser = Summariser(len(rows), (), Moments(WARSAW), segments)
    summariser.add(rows)
    return summariser.summary()


def json_of(summary: Summary) -> dict[str, Any]:
    moments = Moments(WARSAW)
    text = document.opening(RUN, (), START, moments) + document.closing(summary, moments)
    return dict(json.loads(text)["summary"])


def part_of(parts: tuple[Part, ...], name: str) -> Part:
    return next(part for part in parts if part.name == name)


def test_a_list_tells_what_was_sent_delivered_failed_and_everything_else_of_what_was_sent() -> None:
    (part,) = summarise(*(a_row(n, bucket) for n, bucket in enumerate(Bucket, start=1))).sources
    assert (part.rows, part.sent, part.delivered, part.failed, part.other) == (11, 6, 1, 1, 4)


def test_each_variant_counts_its_own_messages_and_rows_without_a_message_belong_to_none() -> None:
    rows = (
        a_row(1, variant="b"),
        a_row(2, Bucket.FAILED, variant="a"),
        a_row(3, Bucket.INVALID),
        a_row(4, variant="b"),
    )
    variants = summarise(*rows).variants
    assert [(part.name, part.rows, part.delivered, part.failed) for part in variants] == [
        ("b", 2, 2, 0),
        ("a", 1, 0, 1),
    ]


def test_a_run_without_variants_says_nothing_of_them() -> None:
    summary = summarise(a_row(1))
    assert summary.variants == ()
    assert json_of(summary)["variants"] is None


def arms(a_delivered: int, b_delivered: int, each: int, waiting: int = 0) -> dict[str, Any]:
    rows: list[ReportRow] = []
    for variant, delivered in (("a", a_delivered), ("b", b_delivered)):
        buckets = [Bucket.DELIVERED] * delivered + [Bucket.FAILED] * (each - delivered) + [Bucket.ACCEPTED] * waiting
        rows += [a_row(len(rows) + n, bucket, variant=variant) for n, bucket in enumerate(buckets, start=1)]
    return dict(json_of(summarise(*rows))["variants"])


def test_a_difference_far_beyond_chance_has_a_winner_once_there_is_enough_of_it() -> None:
    assert arms(990, 900, 1_000)["winner"] == "a"


@pytest.mark.parametrize(
    ("delivered", "each", "waiting"),
    [((99, 60), FINAL_NEEDED - 1, 0), ((951, 950), 1_000, 0), ((990, 900), 1_000, 200)],
    ids=["too few messages", "a difference that chance explains", "reports still awaited"],
)
def test_no_winner_is_named_on(delivered: tuple[int, int], each: int, waiting: int) -> None:
    found = arms(*delivered, each, waiting)
    assert found["winner"] is None
    assert found["verdict"]


def test_the_share_of_a_variant_lies_within_its_interval() -> None:
    for arm in arms(95, 90, 100)["arms"]:
        low, high = arm["interval"]
        assert 0 <= low < arm["delivered_of_final"] < high <= 1


def test_rows_are_counted_by_each_segment_column_and_set_aside_ones_too() -> None:
    rows = (
        a_row(1, segments=("Gdynia", "gold")),
        a_row(2, Bucket.FAILED, segments=("Gdynia", "")),
        a_row(3, Bucket.INVALID, segments=("Łódź", "gold")),
    )
    city, tier = summarise(*rows, segments=("city", "tier")).segments
    assert [(part.name, part.rows, part.sent) for part in city.parts] == [("Gdynia", 2, 2), ("Łódź", 1, 0)]
    assert [(part.name, part.rows) for part in tier.parts] == [("gold", 2), ("", 1)]
    assert city.rest is None


def test_a_row_without_cells_counts_as_an_empty_value() -> None:
    (city,) = summarise(a_row(1, segments=()), segments=("city",)).segments
    assert [(part.name, part.rows) for part in city.parts] == [("", 1)]


def test_of_many_values_the_twenty_largest_are_listed_and_the_rest_are_one_sum() -> None:
    rows = [a_row(n, segments=(f"city {n % 30}" if n <= 60 else "Gdynia",)) for n in range(1, 81)]
    (city,) = summarise(*rows, segments=("city",)).segments
    assert (len(city.parts), city.parts[0].name, city.parts[0].rows) == (20, "Gdynia", 20)
    assert city.rest is not None
    assert (city.values, city.more) == (31, False)
    assert sum(part.rows for part in city.parts) + city.rest.rows == 80


def test_a_column_in_which_every_row_differs_keeps_two_hundred_values_and_loses_no_row() -> None:
    counter = SegmentCounter(["code"])
    for n in range(10_000):
        counter.add([f"K{n}" * 1_000], Bucket.DELIVERED, 1)
    (code,) = counter.segments()
    assert len(counter._parts[0]) == 200
    assert max(len(name) for name in counter._parts[0]._counts) <= 200
    assert code.more
    assert code.rest is not None
    assert sum(part.rows for part in code.parts) + code.rest.rows == 10_000


def test_a_value_called_other_is_not_the_sum_of_the_others() -> None:
    rows = [a_row(n, segments=("other" if n < 50 else f"city {n}",)) for n in range(1, 100)]
    segment = json_of(summarise(*rows, segments=("city",)))["segments"][0]
    assert segment["values"][0]["value"] == "other"
    assert segment["values"][0]["rows"] == 49
    assert segment["other"]["rows"] == 50 - 19


def test_messages_are_counted_by_the_hour_of_sending_in_the_runs_zone() -> None:
    sent = [START + timedelta(minutes=minutes) for minutes in (0, 59, 60)]
    rows = [a_row(n, sent_at=at) for n, at in enumerate(sent, start=1)] + [a_row(4, Bucket.PENDING)]
    hours = summarise(*rows).hours
    assert [(hour.hour, hour.part.sent) for hour in hours] == [(9, 2), (10, 1)]
    assert [hour["at"] for hour in json_of(summarise(*rows))["hours"]] == [
        "2026-12-01T09:00:00+01:00",
        "2026-12-01T10:00:00+01:00",
    ]


def test_the_hour_that_comes_twice_in_autumn_is_two_hours() -> None:
    twice = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    hours = summarise(*(a_row(n, sent_at=at) for n, at in enumerate(twice, start=1))).hours
    assert [hour.hour for hour in hours] == [2, 2]
    assert [label for label, _ in hour_labels(hours, WARSAW)] == ["02:00 CEST", "02:00 CET"]


def test_hours_of_several_days_carry_their_day() -> None:
    rows = [a_row(n, sent_at=START + timedelta(days=n)) for n in (1, 2)]
    assert [label for label, _ in hour_labels(summarise(*rows).hours, WARSAW)] == ["2 Dec, 09:00", "3 Dec, 09:00"]


@pytest.mark.parametrize("count", [49, 100, 5_000])
def test_a_long_run_is_told_by_the_hour_of_the_day(count: int) -> None:
    counter = HourCounter(WARSAW)
    for hour in range(count):
        counter.add(START.timestamp() + 3_600 * hour, Bucket.DELIVERED, 1)
    hours = counter.hours()
    assert [hour.hour for hour in hours] == list(range(24))
    assert {hour.at for hour in hours} == {None}
    assert sum(hour.part.sent for hour in hours) == count
    assert len(counter._hours) <= 2_000
    assert hour_labels(hours, WARSAW)[23][0] == "23:00 – 00:00"


def test_times_until_the_report_have_quantiles_and_a_histogram_that_holds_each_report_once() -> None:
    rows = [a_row(n, final_at=START + timedelta(seconds=n)) for n in range(1, 1_001)]
    latency = summarise(*rows).latency
    assert latency is not None
    for share, span in latency.quantiles.items():
        assert span.total_seconds() == pytest.approx(1_000 * share, rel=0.01)
    assert list(latency.quantiles) == [0.1, 0.5, 0.9, 0.95, 0.99]
    assert latency.reports == 1_000
    assert [bin_label(item) for item in latency.bins[:2]] == ["up to 5 s", "5 s – 15 s"]
    assert latency.bins[0].count == 5


def test_a_report_after_exactly_five_minutes_is_one_within_five_minutes() -> None:
    latency = summarise(a_row(1, final_at=START + timedelta(minutes=5))).latency
    assert latency is not None
    assert latency.bins == (LatencyBin(timedelta(minutes=2), timedelta(minutes=5), 1),)


def test_a_report_after_days_is_in_the_bin_without_an_end() -> None:
    latency = summarise(a_row(1, final_at=START + timedelta(days=9))).latency
    assert latency is not None
    (item,) = latency.bins
    assert bin_label(item) == "more than 2 d"


def test_chunks_of_any_size_come_to_the_same_breakdowns() -> None:
    rows = [
        a_row(n, list(Bucket)[n % 11], variant="ab"[n % 2], segments=(f"c{n % 40}",), source=f"{n % 3}.csv")
        for n in range(1, 600)
    ]
    summariser = Summariser(len(rows), (), Moments(WARSAW), ("city",))
    for at in range(0, len(rows), 7):
        summariser.add(rows[at : at + 7])
    assert summariser.summary() == summarise(*rows, segments=("city",))


def test_the_picture_of_the_intervals_keeps_each_share_between_its_ends_and_within_the_axis() -> None:
    variants = arms(95, 90, 100)["arms"]
    from mmsflow.report.experiment import Interval

    shares = [Share(arm["variant"], arm["delivered_of_final"], Interval(*arm["interval"])) for arm in variants]
    picture = forest("shares", [*shares, Share("c", None, None)])
    assert picture is not None
    for row in picture.rows[:2]:
        assert picture.ticks[0].at <= row.low < row.middle < row.high <= picture.ticks[-1].at
    assert not picture.rows[2].drawn
    assert forest("nothing yet", [Share("a", None, None)]) is None


def test_the_table_of_a_run_without_segments_and_consent_has_no_further_columns() -> None:
    from mmsflow.report.tables import COLUMNS, CsvTable

    file = io.StringIO(newline="")
    CsvTable(file, RUN, Moments(WARSAW))
    assert file.getvalue().strip() == ",".join(COLUMNS)
