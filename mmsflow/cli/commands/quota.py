"""``mmsflow quota``: the gateway's counter beside our own books."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from mmsflow.cli.output import local, print_json, say, table, tell
from mmsflow.cli.session import Session
from mmsflow.gateway.model import QuotaCounter, QuotaReply
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import MessageState
from mmsflow.plan.model import QuotaForecast
from mmsflow.plan.quota import QuotaRules, forecast
from mmsflow.wiring import open_gateway, reading_ledger, reset_rules
from mmsflow.workflow.history import iso
from mmsflow.workflow.quota import CALLS, Measured, measure_quota


@dataclass(frozen=True, slots=True)
class _Books:
    """The gateway's counter beside ours.

    Attributes:
        reserved: requests that our unfinished runs still need.
        ours: requests that we have begun in this period.
        zone: in which the reset is shown.
    """

    account: str
    reply: QuotaReply
    seen: QuotaForecast
    reserved: int
    ours: int
    zone: ZoneInfo

    @property
    def drift(self) -> int:
        return self.reply.used - self.ours

    @property
    def period(self) -> str | None:
        return self.seen.period.text if self.seen.period else None


def quota(*, measure: bool, as_json: bool) -> int:
    """Ask for the quota and compare; returns the exit code."""
    session = Session.start()
    reply, measured = asyncio.run(_ask(session, measure=measure))
    books = _books(session, reply)
    if as_json:
        print_json(_as_json(books) | ({"measured": _measured_as_json(measured)} if measured else {}))
        return 0
    tell(table(_rows(books, measured), ("quota", "")))
    if books.seen.assumption:
        say(f"\nassumed  {books.seen.assumption}")
    return 0


def _books(session: Session, reply: QuotaReply) -> _Books:
    account = session.settings.account
    with reading_ledger(session.settings) as ledger:
        reserved = sum(_unsent(ledger, run) for run in ledger.runs(account=account, unfinished=True))
        ours = ledger.posts_in_period(account, reply.period)
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
    return _Books(account, reply, seen, reserved, ours, resets.zone)


def _as_json(books: _Books) -> dict[str, object]:
    return {
        "account": books.account,
        "used": books.reply.used,
        "available": books.reply.available,
        "resets_at": iso(books.seen.resets_at, books.zone),
        "reset_date": books.reply.raw_date,
        "period": books.period,
        "counters": [
            {"name": each.name, "used": each.used, "available": each.available, "reset_date": each.raw_date}
            for each in books.reply.counters
        ],
        "reserved": books.reserved,
        "ours": books.ours,
        "drift": books.drift,
    }


def _rows(books: _Books, measured: Measured | None) -> list[tuple[str, object]]:
    reply = books.reply
    resets_at = local(books.seen.resets_at, books.zone)
    rows: list[tuple[str, object]] = [
        ("account", books.account),
        ("used, says the gateway", reply.used),
        ("begun by us in this period", books.ours),
        ("drift (others, or calls that count beside sending)", books.drift),
        ("available", reply.available),
        ("still needed by our unfinished runs", books.reserved),
        ("resets", resets_at or f"not known (the gateway says {reply.raw_date or 'nothing'})"),
        ("period", books.period or "not known"),
    ]
    if len(reply.counters) > 1:
        rows += [(f"counter {_named(number, each)}", _figures(each)) for number, each in enumerate(reply.counters, 1)]
    if measured:
        rows.append(("a status question", measured.status.value))
        rows.append(("a question for this counter", measured.limit.value))
    return rows


def _named(number: int, counter: QuotaCounter) -> str:
    return counter.name or str(number)


def _figures(counter: QuotaCounter) -> str:
    resets = f", reset {counter.raw_date}" if counter.raw_date else ""
    return f"{counter.used} used, {counter.available} available{resets}"


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
