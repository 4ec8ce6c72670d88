"""``mmsflow quota``: the gateway's counter beside our own books."""

from __future__ import annotations

import asyncio

from mmsflow.cli.output import local, print_json, say, table, tell
from mmsflow.cli.session import Session
from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import MessageState
from mmsflow.plan.quota import forecast
from mmsflow.wiring import open_gateway, reading_ledger, reset_rules
from mmsflow.workflow.history import iso
from mmsflow.workflow.quota import CALLS, Measured, measure_quota


def quota(*, measure: bool, as_json: bool) -> int:
    """Ask for the quota and compare; returns the exit code."""
    from mmsflow.plan.quota import QuotaRules

    session = Session.start()
    account = session.settings.account
    reply, measured = asyncio.run(_ask(session, measure=measure))
    with reading_ledger(session.settings) as ledger:
        reserved = sum(_unsent(ledger, run) for run in ledger.runs(account=account, unfinished=True))
        period = reply.reset_on.isoformat() if reply.reset_on else "unknown"
        ours = ledger.posts_in_period(account, period)
        earlier = [reading.reset_on for reading in ledger.quota_readings(account) if reading.reset_on]
    resets = reset_rules(session.settings)
    seen = forecast(
        reply.used,
        reply.available,
        reply.reset_on,
        now=session.clock.now(),
        rules=QuotaRules(),
        resets=resets,
        earlier_resets=earlier,
    )
    document = {
        "account": account,
        "used": reply.used,
        "available": reply.available,
        "resets_at": iso(seen.resets_at, resets.zone),
        "reset_date": reply.raw_date,
        "period": seen.period.text if seen.period else None,
        "reserved": reserved,
        "ours": ours,
        "drift": reply.used - ours,
    }
    if as_json:
        print_json(document | ({"measured": _measured_as_json(measured)} if measured else {}))
        return 0
    rows = [
        ("account", account),
        ("used, says the gateway", reply.used),
        ("begun by us in this period", ours),
        ("drift (others, or calls that count beside sending)", reply.used - ours),
        ("available", reply.available),
        ("still needed by our unfinished runs", reserved),
        ("resets", local(seen.resets_at, resets.zone) or f"not known (the gateway says {reply.raw_date or 'nothing'})"),
        ("period", document["period"] or "not known"),
    ]
    if measured:
        rows.append(("a status question", measured.status.value))
        rows.append(("a question for this counter", measured.limit.value))
    tell(table(rows, ("quota", "")))
    if seen.assumption:
        say(f"\nassumed  {seen.assumption}")
    return 0


async def _ask(session: Session, *, measure: bool) -> tuple[QuotaReply, Measured | None]:
    async with open_gateway(session.settings, session.clock) as gateway:
        measured = await measure_quota(gateway) if measure else None
        return await gateway.limit(), measured


def _measured_as_json(measured: Measured) -> dict[str, object]:
    return {
        "status_calls": measured.status.value,
        "limit_calls": measured.limit.value,
        "calls": CALLS,
        "answered": measured.answered,
        "used": list(measured.used),
    }


def _unsent(ledger: LedgerReader, run: RunInfo) -> int:
    counts = ledger.state_counts(run.key)
    return counts.get(MessageState.READY, 0) + counts.get(MessageState.SENDING, 0)
