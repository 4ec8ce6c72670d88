"""What stands in report.json before and after its rows: the run's facts, and the summary.

The document is ``{"format", "generated_at", "run": {…}, "rows": […], "buckets": {…}, "adds_up", "summary": {…}}``; the
counts follow the rows because they are known only after them. Numbers are full, as in the CSV.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from mmsflow.ledger.model import FrozenInput, RunInfo
from mmsflow.ledger.operation import Approval
from mmsflow.report.figures import summary_as_json
from mmsflow.report.model import Summary
from mmsflow.report.moments import Moments

FORMAT = "mmsflow-report/1"


def opening(
    run: RunInfo,
    inputs: Sequence[FrozenInput],
    now: datetime,
    moments: Moments,
    approval: Approval | None = None,
    begun_by: str = "",
) -> str:
    """The document up to its first row.

    Args:
        approval: the one that the run was begun with.
        begun_by: who began it by hand; empty where nobody did.
    """
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
            "purged_at": moments[run.purged_at].text or None,
            "resumes_at": moments[run.resumes_at].text or None,
            "sender": run.sender,
            "priority": run.priority,
            "delivery_report": run.delivery_report,
            "rows": run.rows,
            "campaign_file": run.campaign_file,
            "campaign_sha256": run.campaign_sha256,
            "plan_sha256": run.plan_sha256,
            "approval": {"by": approval.who, "at": moments[approval.at].text} if approval else None,
            "begun_by": begun_by or None,
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
        "summary": summary_as_json(summary, moments),
    }
    return "\n],\n" + _members(counts).removeprefix("{") + "\n}\n"


def _members(members: dict[str, object]) -> str:
    # One member a line, compact inside: the file stays readable at its top without growing.
    return "{" + ",\n".join(f'"{key}": {json.dumps(value, ensure_ascii=False)}' for key, value in members.items())
