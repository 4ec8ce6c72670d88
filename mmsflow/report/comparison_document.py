"""A comparison of two runs as `compare --json` gives it; numbers that the gateway's words bring along are masked."""

from __future__ import annotations

from mmsflow.mms.status import Bucket
from mmsflow.report.comparison import Comparison, Delivered, Difference, Side
from mmsflow.report.figures import interval_as_json, part_as_json, summary_as_json
from mmsflow.report.moments import Moments, zone_of
from mmsflow.report.wording import masked

FORMAT = "mmsflow-comparison/1"


def comparison_as_json(found: Comparison) -> dict[str, object]:
    """The whole document; instants are in each run's own zone, shares are 0 to 1, times are seconds."""
    return {
        "format": FORMAT,
        "first": _side(found.first),
        "second": _side(found.second),
        "delivered": _difference(found.delivered),
        "failures": [
            {"code": masked(pair.label), "first": pair.first, "second": pair.second} for pair in found.failures
        ],
        "segments": [
            {
                "column": column,
                "values": [
                    {
                        "value": masked(pair.name),
                        "first": part_as_json(pair.first) if pair.first else None,
                        "second": part_as_json(pair.second) if pair.second else None,
                        "delivered": _difference(pair.difference) if pair.difference else None,
                    }
                    for pair in pairs
                ],
            }
            for column, pairs in found.segments.items()
        ],
        "numbers": {
            "in_both": found.in_both,
            "only_first": found.only_first,
            "only_second": found.only_second,
            "became": [
                {"first": first, "second": second, "numbers": count} for (first, second), count in _ordered(found)
            ],
        },
    }


def _ordered(found: Comparison) -> list[tuple[tuple[Bucket | None, Bucket | None], int]]:
    places: dict[Bucket | None, int] = {bucket: place for place, bucket in enumerate(Bucket)}
    places[None] = len(places)
    return sorted(found.numbers.items(), key=lambda item: (places[item[0][0]], places[item[0][1]]))


def _side(side: Side) -> dict[str, object]:
    run, moments = side.run, Moments(zone_of(side.run.config))
    return {
        "run": run.run,
        "campaign": run.campaign,
        "account": run.account,
        "test": run.test,
        "state": run.state,
        "created_at": moments[run.created_at].text,
        "buckets": side.summary.buckets,
        "summary": _masked(summary_as_json(side.summary, moments)),
    }


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return masked(value) if isinstance(value, str) else value


def _difference(item: Difference) -> dict[str, object]:
    return {
        "first": _delivered(item.first),
        "second": _delivered(item.second),
        "difference": None if item.by is None else round(item.by, 6),
        "interval": None if item.low is None or item.high is None else [round(item.low, 6), round(item.high, 6)],
        "beyond_chance": item.beyond_chance,
    }


def _delivered(item: Delivered) -> dict[str, object]:
    return {
        "final": item.final,
        "delivered": item.delivered,
        "outstanding": item.outstanding,
        "share": None if item.share is None else round(item.share, 6),
        "interval": interval_as_json(item.interval),
    }
