"""What stands in report.json before and after its rows: the run's facts, and the summary.

The document is ``{"format", "generated_at", "run": {…}, "rows": […], "buckets": {…}, "adds_up", "summary": {…}}``; the
counts follow the rows because they are known only after them. Numbers are full, as in the CSV.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from mmsflow.ledger.model import FrozenInput, RunInfo
from mmsflow.report.model import ReasonCount, Summary
from mmsflow.report.moments import Moments

FORMAT = "mmsflow-report/1"


def opening(run: RunInfo, inputs: Sequence[FrozenInput], now: datetime, moments: Moments) -> str:
    """The document up to its first row."""
    facts: dict[str, object] = {
        "format": FORMAT,
        "generated_at": moments[now].text,
        "run": {
            "run": run.run,
            "campaign": run.campaign,
            "account": run.account,
            "test": run.test,
            "state": run.state,
            "paused_by": run.paused_by or None,
            "reason": run.reason,
            "created_at": moments[run.created_at].text,
            "updated_at": moments[run.updated_at].text,
            "resumes_at": moments[run.resumes_at].text or None,
            "sender": run.sender,
            "priority": run.priority,
            "delivery_report": run.delivery_report,
            "rows": run.rows,
            "campaign_file": run.campaign_file,
            "campaign_sha256": run.campaign_sha256,
            "plan_sha256": run.plan_sha256,
            "git_commit": run.git_commit or None,
            "git_clean": run.git_clean if run.git_commit else None,
            "inputs": [
                {"kind": item.kind, "path": item.path, "sha256": item.sha256, "size_bytes": item.size_bytes}
                for item in inputs
            ],
        },
    }
    return _members(facts) + ',\n"rows": ['


def closing(summary: Summary, moments: Moments) -> str:
    """The document after its last row."""
    counts: dict[str, object] = {
        "buckets": summary.buckets,
        "adds_up": summary.adds_up,
        "summary": {
            "rows": summary.rows,
            "expected_rows": summary.expected_rows,
            "repeated": summary.repeated,
            "sent": summary.sent,
            "requests": summary.requests,
            "first_sent": moments[summary.first_sent].text or None,
            "last_sent": moments[summary.last_sent].text or None,
            "latency_median_seconds": _seconds(summary.latency_median),
            "latency_p95_seconds": _seconds(summary.latency_p95),
            "failures": _reasons(summary.failures),
            "set_aside": _reasons(summary.set_aside),
            "sources": [
                {"source": item.source, "rows": item.rows, "buckets": item.buckets} for item in summary.sources
            ],
            "waves": [
                {
                    "wave": wave.number,
                    "starts_at": moments[wave.starts_at].text or None,
                    "planned": wave.planned,
                    "sent": wave.sent,
                }
                for wave in summary.waves
            ],
            "curve": [
                {"at": moments[point.at].text, "sent": point.sent, "delivered": point.delivered}
                for point in summary.curve
            ],
            "address_errors": [
                {"prefix": item.prefix, "messages": item.messages, "address_errors": item.address_errors}
                for item in summary.prefixes
            ],
        },
    }
    return "\n],\n" + _members(counts).removeprefix("{") + "\n}\n"


def _members(members: dict[str, object]) -> str:
    # One member a line, compact inside: the file stays readable at its top without growing.
    return "{" + ",\n".join(f'"{key}": {json.dumps(value, ensure_ascii=False)}' for key, value in members.items())


def _reasons(reasons: Sequence[ReasonCount]) -> list[dict[str, object]]:
    return [
        {"bucket": item.bucket, "code": item.label, "example": item.example, "count": item.count} for item in reasons
    ]


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
