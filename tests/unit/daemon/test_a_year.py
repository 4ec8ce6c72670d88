"""A recurring campaign over a whole year, with quota resets, crashes at bad moments and a week of nobody there."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from daemon_desk import NUMBERS, Desk, desk

from mmsflow.daemon.director import Periods
from mmsflow.gateway.model import OutgoingMessage
from mmsflow.ledger.model import ReportRow
from mmsflow.mms.status import Bucket

WARSAW = ZoneInfo("Europe/Warsaw")
FIRST, LAST = date(2027, 1, 1), date(2027, 12, 31)
AWAY = [date(2027, 7, 12) + timedelta(days=day) for day in range(5)]  # nobody is there for a week
CAMPAIGN = """\
version: 1
campaign: news
purpose: transactional
sender: ACME
recipients: [{csv: lists/a.csv}]
message: {subject: Hello}
schedule: {every: "0 9 * * mon-fri", until: 2027-12-31 23:00}
delivery_report: false
report: {formats: [csv]}
"""
# 65 requests in 30 days: where 22 working days need 66, the last message of the last run waits for the reset.
SIMULATOR = {"quota_days": 30, "quota": 65, "token_life": 10**8}


def working_days() -> list[date]:
    days = [FIRST + timedelta(days=day) for day in range((LAST - FIRST).days + 1)]
    return [day for day in days if day.weekday() < 5]


def due(day: date) -> datetime:
    """09:00 on the wall, whichever side of the changes of the clocks."""
    return datetime.combine(day, time(9), WARSAW).astimezone(UTC)


def die_between_freezing_and_accounting(it: Desk) -> None:
    def heard(name: str, _: object) -> None:
        if name == "run_frozen" and not it.dies:
            it.gateway.hold = asyncio.Event()
            it.snapshot()

    it.heard = heard


def die_before_the_first_send(it: Desk) -> None:
    account_for = it.ledger.account_for

    def dying(*args: Any, **kwargs: Any) -> None:
        account_for(*args, **kwargs)
        it.gateway.hold = asyncio.Event()
        it.snapshot()

    it.ledger.account_for = dying  # type: ignore[method-assign]


def die_while_sending(it: Desk) -> None:
    """All three intents are durable, one request has left, no reply was written down."""
    begun: list[str] = []

    def before(message: OutgoingMessage) -> None:
        begun.append(message.msisdn)
        if len(begun) == 1:
            it.snapshot()
        else:
            it.gateway.hold = asyncio.Event()

    it.gateway.before = before


CRASHES = {
    date(2027, 2, 10): die_between_freezing_and_accounting,
    date(2027, 5, 4): die_while_sending,
    date(2027, 10, 20): die_before_the_first_send,
}


def waited(it: Desk) -> list[tuple[ReportRow, datetime]]:
    with it.reading() as ledger:
        return [(row, run.due_at) for run in it.runs() if run.due_at for row in ledger.report_rows(run.key)]


# Its lines are counted by other tests; `scripts/coverage` would take twice as long for it.
@pytest.mark.no_cover
async def test_every_time_of_a_year_is_a_run_or_a_named_skip_and_nobody_gets_a_message_twice(tmp_path: Path) -> None:
    periods = Periods(turn=40 * 86400, requests=40 * 86400, quota=40 * 86400, news=40 * 86400)
    begins = datetime.combine(FIRST, time(0), WARSAW).astimezone(UTC)
    async with desk(tmp_path, start=begins, periods=periods, simulator=SIMULATOR) as it:
        it.write("campaigns/news.yaml", CAMPAIGN)
        await it.start()
        for day, die in CRASHES.items():
            if it.clock.now() < due(AWAY[0]) < due(day):
                await it.until(due(AWAY[0]) - timedelta(hours=1))
                await it.restart(after=timedelta(days=7))
            await it.until(due(day) - timedelta(minutes=1))
            die(it)
            await it.until(due(day) + timedelta(hours=1))
            assert it.dies
            it.heard = lambda *_: None
            await it.restart(after=timedelta(minutes=1))
        await it.until(due(LAST) + timedelta(hours=12))
        await it.end()
        runs, skips = it.runs(), it.skips()
        table = [due(day) for day in working_days()]
        missed = [due(day) for day in AWAY]
        assert [skip.due_at for skip in skips] == missed
        assert {skip.code for skip in skips} == {"missed"}
        assert [run.due_at for run in runs] == [each for each in table if each not in missed]
        with it.reading() as ledger:
            rows = [row for run in runs for row in ledger.report_rows(run.key)]
        buckets = Counter(row.bucket for row in rows)
        assert buckets == {Bucket.ACCEPTED: len(NUMBERS) * (len(runs) - 1), Bucket.MAYBE_SENT: len(NUMBERS)}
        got = [entry.id for entry in it.app.state.record.entries(None, -1, 0)]
        known = Counter(row.gateway_id for row in rows if row.bucket is Bucket.ACCEPTED)
        assert set(known.values()) == {1}
        assert len(set(got) - set(known)) == 1  # the one request that left before its reply was written down
        assert len(got) == len(set(got)) == len(known) + 1
        assert any(row.sent_at and row.sent_at - run_due > timedelta(hours=1) for row, run_due in waited(it))
        finished = {name for name in it.notices() if name.startswith("finished/")}
        assert finished == {f"finished/{run.run}" for run in runs}
