"""The page of a comparison: the look of the report, without scripts or requests, and without any number in it."""

from __future__ import annotations

from datetime import datetime

from mmsflow.mms.status import Bucket
from mmsflow.report.comparison import Comparison, Difference, Side
from mmsflow.report.forest import Share, forest
from mmsflow.report.html import account_host, finished_page, instant_in, span
from mmsflow.report.moments import zone_of
from mmsflow.report.wording import BUCKET_WORDS, REASON_WORDS, masked, points, state_words

Fact = tuple[str, str, str]


def comparison_page(found: Comparison, *, now: datetime) -> str:
    """The whole page, dated with ``now``; instants are in each run's own zone."""
    zone = zone_of(found.second.run.config)
    shares = [
        Share(side.run.run, delivered.share, delivered.interval)
        for side, delivered in ((found.first, found.delivered.first), (found.second, found.delivered.second))
    ]
    rows = [bucket for bucket in (*BUCKET_WORDS, None) if any(first == bucket for first, _ in found.numbers)]
    columns = [bucket for bucket in (*BUCKET_WORDS, None) if any(second == bucket for _, second in found.numbers)]
    return finished_page(
        "comparison.html.j2",
        {
            "found": found,
            "facts": facts(found),
            "verdict": verdict(found.delivered),
            "forest": forest("Share of delivered in both runs, with its 95 % interval", shares),
            "words": BUCKET_WORDS,
            "reason_words": REASON_WORDS,
            "words_of_others": masked,
            "bucket": Bucket,
            "rows": rows,
            "columns": columns,
            "points": points,
            "now": now,
            "now_zone": now.astimezone(zone).tzname(),
            "instant": instant_in(zone),
        },
    )


def facts(found: Comparison) -> list[Fact]:
    """The figures side by side, as people read them: what, in the first run, in the second."""
    both = zip(_facts(found.first), _facts(found.second), strict=True)
    return [(what, one, other) for (what, one), (_, other) in both if (one, other) != ("0", "0")]


def _facts(side: Side) -> list[tuple[str, str]]:
    run, summary = side.run, side.summary
    instant = instant_in(zone_of(run.config))
    times = summary.latency.quantiles if summary.latency else {}
    return [
        ("Campaign", run.campaign),
        ("Gateway", account_host(run.account)),
        ("State", state_words(run)),
        ("Started", instant(run.created_at)),
        ("First sent", instant(summary.first_sent)),
        ("Last sent", instant(summary.last_sent)),
        ("Rows in the lists", f"{summary.rows:,}"),
        ("Messages sent", f"{summary.sent:,}"),
        *((words.name, f"{summary.buckets[bucket]:,}") for bucket, words in BUCKET_WORDS.items()),
        *((f"{share * 100:.0f} % of reports within", span(times.get(share))) for share in (0.1, 0.5, 0.9, 0.95, 0.99)),
    ]


def verdict(item: Difference) -> str:
    """The difference of the shares in one sentence."""
    if item.by is None or item.low is None or item.high is None:
        return "Nothing to compare yet: one of the runs has no message with a final outcome."
    way = "more" if item.by > 0 else "fewer"
    moved = f"{abs(100 * item.by):.1f} percentage points {way} than" if item.by else "as many as"
    sentence = (
        f"Of its messages with a final outcome, the second run delivered {moved} the first "
        f"(95 % interval {points(item.low)} to {points(item.high)})"
    )
    waiting = item.first.outstanding + item.second.outstanding
    tail = f"; {waiting:,} messages still wait for their outcome" if waiting else ""
    chance = "more than chance would explain" if item.beyond_chance else "chance alone would explain that"
    return f"{sentence}; {chance}{tail}."
