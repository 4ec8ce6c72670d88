"""A run's figures as report.json and `compare --json` give them: the Summary as plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from mmsflow.report.experiment import Comparison, Interval, compare, count_arm
from mmsflow.report.model import ReasonCount, Summary
from mmsflow.report.moments import Moments
from mmsflow.report.parts import HourCount, Latency, Part, SegmentCounts


def summary_as_json(summary: Summary, moments: Moments) -> dict[str, object]:
    """All figures; instants are ISO 8601 in the zone of ``moments``, times are seconds, shares are 0 to 1."""

    def text(at: datetime | None) -> str | None:
        return moments[at].text or None

    return {
        "rows": summary.rows,
        "expected_rows": summary.expected_rows,
        "repeated": summary.repeated,
        "sent": summary.sent,
        "requests": summary.requests,
        "first_sent": text(summary.first_sent),
        "last_sent": text(summary.last_sent),
        "latency_median_seconds": _seconds(summary.latency_median),
        "latency_p95_seconds": _seconds(summary.latency_p95),
        "latency": latency_as_json(summary.latency),
        "failures": reasons_as_json(summary.failures),
        "set_aside": reasons_as_json(summary.set_aside),
        "sources": [{"source": part.name} | part_as_json(part) for part in summary.sources],
        "variants": variants_as_json(summary.variants),
        "segments": [_segment(item) for item in summary.segments],
        "hours": [_hour(item, text) for item in summary.hours],
        "waves": [
            {"wave": wave.number, "starts_at": text(wave.starts_at), "planned": wave.planned, "sent": wave.sent}
            for wave in summary.waves
        ],
        "curve": [{"at": text(point.at), "sent": point.sent, "delivered": point.delivered} for point in summary.curve],
        "address_errors": [
            {"prefix": item.prefix, "messages": item.messages, "address_errors": item.address_errors}
            for item in summary.prefixes
        ],
    }


def part_as_json(part: Part) -> dict[str, object]:
    """Counts of a part, and shares of its messages that were sent; a share is null where nothing was."""
    return {
        "rows": part.rows,
        "sent": part.sent,
        "delivered": part.delivered,
        "failed": part.failed,
        "other": part.other,
        "delivered_share": _share(part.delivered, part.sent),
        "failed_share": _share(part.failed, part.sent),
        "buckets": dict(part.buckets),
    }


def compared_variants(variants: Sequence[Part]) -> Comparison:
    """The variants as arms of a test, in their order."""
    return compare([count_arm(part.name, part.buckets) for part in variants])


def variants_as_json(variants: Sequence[Part]) -> dict[str, object] | None:
    """The arms with their intervals, and the verdict; None where the run has no variants."""
    if not variants:
        return None
    found = compared_variants(variants)
    return {
        "arms": [
            {"variant": part.name}
            | part_as_json(part)
            | {
                "final": arm.counts.final,
                "delivered_of_final": None if arm.share is None else round(arm.share, 6),
                "interval": interval_as_json(arm.interval),
            }
            for part, arm in zip(variants, found.arms, strict=True)
        ],
        "winner": found.winner or None,
        "verdict": found.verdict,
    }


def interval_as_json(interval: Interval | None) -> list[float] | None:
    """Low and high end of a 95 % interval."""
    return None if interval is None else [round(interval.low, 6), round(interval.high, 6)]


def latency_as_json(latency: Latency | None) -> dict[str, object] | None:
    """Quantiles by their share in percent, and the histogram."""
    if latency is None:
        return None
    return {
        "reports": latency.reports,
        "quantiles_seconds": {f"p{share * 100:.0f}": _seconds(span) for share, span in latency.quantiles.items()},
        "histogram": [
            {"above_seconds": _seconds(item.above), "up_to_seconds": _seconds(item.up_to), "reports": item.count}
            for item in latency.bins
        ],
    }


def reasons_as_json(reasons: Sequence[ReasonCount]) -> list[dict[str, object]]:
    """Counts by reason, in their order."""
    return [
        {"bucket": item.bucket, "code": item.label, "example": item.example, "count": item.count} for item in reasons
    ]


def _segment(item: SegmentCounts) -> dict[str, object]:
    return {
        "column": item.column,
        "values": [{"value": part.name} | part_as_json(part) for part in item.parts],
        "other": part_as_json(item.rest) if item.rest else None,
        "distinct_values": item.values,
        "distinct_values_complete": not item.more,
    }


def _hour(item: HourCount, text: Callable[[datetime | None], str | None]) -> dict[str, object]:
    return {"at": text(item.at), "hour": item.hour} | part_as_json(item.part)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
