from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from html.parser import HTMLParser

import pytest
from report_samples import RUN, START, a_row

from mmsflow.ledger.model import PausedBy, ReportRow, RunInfo, RunState
from mmsflow.mms.status import Bucket
from mmsflow.report import chart
from mmsflow.report.exhibits import Exhibits, Picture, TextTemplate
from mmsflow.report.html import account_host, render_page, share, span
from mmsflow.report.model import CurvePoint, Summary
from mmsflow.report.moments import Moments
from mmsflow.report.summary import Summariser
from mmsflow.report.wording import BUCKET_WORDS, masked, notices


def summary_of(*rows: ReportRow, expected: int | None = None) -> Summary:
    summariser = Summariser(len(rows) if expected is None else expected, (), Moments(UTC))
    summariser.add(rows)
    return summariser.summary()


def page(*rows: ReportRow, run: RunInfo = RUN, exhibits: Exhibits | None = None, show_numbers: bool = False) -> str:
    return render_page(run, summary_of(*rows), exhibits or Exhibits(), now=START, zone=UTC, show_numbers=show_numbers)


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_run_with_every_message_final_is_called_finished() -> None:
    (notice,) = notices(RUN, summary_of(a_row()))
    assert notice.level == "good"


@pytest.mark.parametrize(
    ("bucket", "level", "says"),
    [
        (Bucket.MAYBE_SENT, "look", "1 message may have been sent"),
        (Bucket.PENDING, "wait", "1 message not sent yet"),
        (Bucket.ACCEPTED, "wait", "1 message waiting for a delivery report"),
    ],
)
def test_what_is_unfinished_stands_at_the_head_of_the_page(bucket: Bucket, level: str, says: str) -> None:
    (notice,) = notices(RUN, summary_of(a_row(1), a_row(2, bucket)))
    assert (notice.level, notice.title) == (level, says)
    shown = page(a_row(1), a_row(2, bucket))
    assert shown.index(says) < shown.index("Rows in the lists")


def test_rows_that_do_not_add_up_are_the_first_thing_said() -> None:
    summary = summary_of(a_row(1), a_row(2, Bucket.MAYBE_SENT), expected=5)
    assert notices(RUN, summary)[0].level == "alarm"
    text = render_page(RUN, summary, Exhibits(), now=START, zone=UTC, show_numbers=False)
    assert 'role="alert"' in text
    assert "The buckets add up" not in text


def test_rows_that_add_up_are_shown_as_a_sum() -> None:
    rows = [a_row(n) for n in range(1, 4)] + [a_row(4, Bucket.INVALID, final_at=None)]
    assert "3 + 1 = 4, the number of rows in the lists" in page(*rows)


def test_a_pause_is_told_with_its_cause_and_the_way_on() -> None:
    run = replace(RUN, state=RunState.PAUSED, paused_by=PausedBy.QUOTA, reason="100 of 100 used")
    (notice,) = notices(run, summary_of(a_row(1, Bucket.PENDING)))
    assert notice.text == "The run is paused (until the quota's reset): 100 of 100 used."
    assert notice.command == "mmsflow run campaigns/winter-sale.yaml"


def test_without_delivery_reports_accepted_is_not_called_waiting() -> None:
    found = notices(replace(RUN, delivery_report=False), summary_of(a_row(1, Bucket.ACCEPTED)))
    assert [notice.level for notice in found] == ["good", "note"]


def test_a_rehearsal_and_a_test_are_named_as_such() -> None:
    found = notices(replace(RUN, account="simulator", test=True), summary_of(a_row()))
    assert [notice.title for notice in found] == ["Finished", "A rehearsal", "A test"]


def test_every_bucket_has_a_meaning_on_the_page() -> None:
    assert set(BUCKET_WORDS) == set(Bucket)
    shown = page(a_row())
    assert all(words.name in shown for words in BUCKET_WORDS.values())


def test_numbers_are_masked_to_three_digits_wherever_they_stand() -> None:
    rows = (
        a_row(1, subject="do 501 102 030"),
        a_row(2, Bucket.MAYBE_SENT, number="+48600700800", reason="no reply for +48600700800"),
        a_row(3, Bucket.FAILED, status="bad 48-600-700-800"),
        a_row(4, Bucket.INVALID, code="foreign +48 600 700 800", reason="0048600700800"),
    )
    text = TextTemplate("templates/a.j2", "call 600-700-800")
    hidden = page(*rows, exhibits=Exhibits(texts=(text,)))
    assert "…800" in hidden
    bare = "".join(character for character in hidden if character not in " -")
    assert "600700800" not in bare
    assert "501102030" not in bare
    assert "+48600700800" in page(*rows, show_numbers=True).replace("&#43;", "+")


@pytest.mark.parametrize("text", ["2026-12-01 09:00", "kod 12345678", "id 1234567890123", "4.85E+10", "30 min"])
def test_what_is_no_phone_number_is_not_masked(text: str) -> None:
    assert masked(text) == text


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    picture = Picture("media/a.png", 3, "data:image/png;base64,AAAA", "")
    elements = Elements(page(a_row(), exhibits=Exhibits(pictures=(picture,)))).found
    tags = [tag for tag, _ in elements]
    assert not {"script", "iframe", "object", "embed", "form", "a"} & set(tags)
    for _, attributes in elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        addresses = [attributes.get(name) or "data:" for name in ("src", "href", "action")]
        assert all(address.startswith("data:") for address in addresses)


def test_markup_in_any_field_stays_text() -> None:
    evil = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    rows = (
        a_row(1, subject=evil, source=evil),
        a_row(2, Bucket.FAILED, status=evil, reason=evil, code=evil, source=evil, number=evil),
        a_row(3, Bucket.INVALID, code=evil, reason=evil, number=evil),
    )
    run = replace(RUN, run=evil, campaign=evil, sender=evil, reason=evil, account=evil, campaign_file=evil)
    exhibits = Exhibits(pictures=(Picture(evil, 1, "", evil),), texts=(TextTemplate(evil, evil),))
    shown = Elements(page(*rows, run=run, exhibits=exhibits)).found
    assert "script" not in [tag for tag, _ in shown]
    assert not [attributes for _, attributes in shown if "onerror" in attributes]


def test_control_characters_are_shown_as_their_pictures() -> None:
    assert "a␀b␛" in page(a_row(subject="a\x00b\x1b"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (0.44, "0.4 s"), (12, "12 s"), (185, "3 min 5 s"), (7_200, "2 h"), (273_600, "3 d 4 h")],
)
def test_spans_of_time_are_told_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "–"),
        (0, 9, "0 %"),
        (9, 9, "100 %"),
        (1, 3, "33.3 %"),
        (1, 10**6, "< 0.1 %"),
        (10**6 - 1, 10**6, "> 99.9 %"),
    ],
)
def test_a_share_is_called_all_or_nothing_only_when_it_is(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text


@pytest.mark.parametrize(
    ("account", "host"),
    [
        ("https://apigateway.example:8443/base client", "apigateway.example:8443"),
        ("http://127.0.0.1:9/#abc", "127.0.0.1:9"),
        ("simulator", "simulator"),
    ],
)
def test_the_account_is_shown_by_its_host(account: str, host: str) -> None:
    assert account_host(account) == host


def test_one_row_in_a_million_is_seen_in_the_bar() -> None:
    counts = dict.fromkeys(Bucket, 0) | {Bucket.DELIVERED: 10**6, Bucket.FAILED: 1}
    first, second = chart.bar(counts, tuple(BUCKET_WORDS))
    assert second.width >= 5
    assert first.width + second.width == pytest.approx(chart.BAR_WIDTH, abs=0.1)


def test_an_empty_run_has_no_bar_and_no_curve() -> None:
    assert chart.bar(dict.fromkeys(Bucket, 0), tuple(Bucket)) == ()
    assert chart.curve((), UTC) is None
    assert "<h2>Where every row ended</h2>" in page()


@pytest.mark.parametrize("days", [0.0001, 0.01, 0.4, 2, 30, 700])
@pytest.mark.parametrize("count", [1, 7, 999, 1_000_000])
def test_the_curve_stays_inside_its_axes_and_their_labels_are_few(days: float, count: int) -> None:
    points = [CurvePoint(START, 0, 0), CurvePoint(START + timedelta(days=days), count, count // 2)]
    drawn = chart.curve(points, UTC)
    assert drawn is not None
    assert 1 <= len(drawn.x_ticks) <= 8
    assert 2 <= len(drawn.y_ticks) <= 8
    assert all(drawn.left <= tick.at <= drawn.right for tick in drawn.x_ticks)
    assert all(drawn.top <= tick.at <= drawn.bottom for tick in drawn.y_ticks)
    assert len({tick.label for tick in drawn.y_ticks}) == len(drawn.y_ticks)
