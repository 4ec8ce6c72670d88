"""Our planning: campaign file to draft, and the draft frozen into a durable ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.contender import Measurement, Stopwatch, Task
from benchmarks.lists import CAMPAIGN
from mmsflow.clock import SystemClock
from mmsflow.gateway.model import QuotaReply
from mmsflow.settings import load_settings
from mmsflow.wiring import reset_rules, writing_ledger
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import prepare
from mmsflow.workflow.run import freeze


def plan(task: Task) -> Measurement:
    """Plan and freeze; the parts are ``draft`` and ``freeze``."""
    workspace = Path(task.folder)
    settings = load_settings(
        workspace, {"MMSFLOW_GATEWAY": "simulator", "MMSFLOW_LEDGER": f"sqlite:///{workspace}/ours.db"}
    )
    whole, draft, freezing = Stopwatch(), Stopwatch(), Stopwatch()
    now = datetime.now(UTC)
    quota = QuotaReply(0, 10**9, date(2038, 1, 22), "Fri Jan 22 2038")
    with writing_ledger(settings, SystemClock(), "bench") as ledger:
        with whole.running(), draft.running():
            prepared = prepare(workspace / CAMPAIGN, workspace)
        with prepared.draft, whole.running(), freezing.running():
            resets = reset_rules(settings)
            made = plan_campaign(prepared, quota, ledger, account=settings.account, resets=resets, now=now)
            run = freeze(prepared, made, ledger, workspace=workspace, now=now)
    if run.rows != task.count:
        raise RuntimeError(f"the list has {task.count} rows, the run {run.rows}")
    return whole.measurement(task.count, draft=draft.seconds, freeze=freezing.seconds)
