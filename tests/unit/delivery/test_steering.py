"""People and deadlines against whatever the sender waits for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sending_desk import START, Desk, Trouble, desk, drive, number, rules, settle, until

from mmsflow.engine.embedded import Ended, carry_out
from mmsflow.errors import GatewayUnavailable
from mmsflow.gateway.model import Evidence, OutgoingMessage, QuotaReply, StatusReply, Wire
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.ledger.requests import Action, Request, Spool
from mmsflow.mms.status import MessageState

LOST = Evidence(Wire.BEGUN, text="no reply")
REFUSED_US = Evidence(Wire.ANSWERED, http_status=403, code=50, text="no right")


@asynccontextmanager
async def carried(it: Desk) -> AsyncIterator[asyncio.Task[Ended]]:
    """The run is carried out by a process that other terminals can ask."""
    engine = replace(it.engine, heeds_requests=True)
    task = asyncio.ensure_future(carry_out(engine, it.run, no_wait=False, observer=it.seen.append))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ask(it: Desk, task: asyncio.Task[Ended], action: Action, *decisions: Decision) -> None:
    """From another terminal; done two seconds later."""
    await settle(task)
    Spool(it.ledger.path).post(Request(it.run.run, action, it.clock.now(), decisions))
    await until(it, task, it.clock.monotonic() + 2)


class SlowCounter:
    """A quota counter whose answer does not come until it is let out."""

    def __init__(self, it: Desk) -> None:
        self._it = it
        self.asked = 0
        self.answers = asyncio.Event()

    async def __call__(self) -> QuotaReply:
        self.asked += 1
        await self.answers.wait()
        return QuotaReply(0, 100, None, "")


async def test_a_pause_while_the_quota_is_awaited_is_a_persons_until_a_person_lifts_it(tmp_path: Path) -> None:
    short = {"quota": 2, "quota_seconds": 60, "reset_date": "tomorrow"}
    async with desk(tmp_path, 5, simulator=short) as it, carried(it) as task:
        await until(it, task, 10)
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.QUOTA)
        await ask(it, task, Action.PAUSE)
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.USER)
        await until(it, task, 200)  # long after the reset
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.USER)
        assert len(it.gateway.sent) == 2
        await ask(it, task, Action.RESUME)
        await drive(it.clock, task)
        assert it.states == {"delivered": 5}


async def test_resuming_while_the_quota_is_still_used_up_shows_that_again(tmp_path: Path) -> None:
    async with desk(tmp_path, 5, simulator={"quota": 2}) as it, carried(it) as task:
        await until(it, task, 60)
        await ask(it, task, Action.PAUSE)
        await ask(it, task, Action.RESUME)
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.QUOTA)


async def test_a_pause_while_the_counter_is_asked_keeps_its_answer_from_beginning_anything(tmp_path: Path) -> None:
    async with desk(tmp_path, 5) as it:
        it.gateway.quota = counter = SlowCounter(it)
        async with carried(it) as task:
            await ask(it, task, Action.PAUSE)
            counter.answers.set()
            await until(it, task, 60)
            assert it.gateway.sent == []
            assert it.now.paused_by is PausedBy.USER
            await ask(it, task, Action.RESUME)
            assert len(it.gateway.sent) == 5


async def test_a_cancel_while_the_counter_is_asked_is_done_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path, 5) as it:
        it.gateway.quota = SlowCounter(it)
        async with carried(it) as task:
            await settle(task)
            Spool(it.ledger.path).post(Request(it.run.run, Action.CANCEL, it.clock.now()))
            await drive(it.clock, task)
            assert it.clock.monotonic() < 2
            assert (it.now.state, it.states) == (RunState.CANCELLED, {"not_sent": 5})


async def test_the_deadline_is_kept_to_the_instant_while_the_counter_is_asked(tmp_path: Path) -> None:
    deadline = rules(not_after=START + timedelta(seconds=100))
    async with desk(tmp_path, 5, carried=deadline) as it:
        it.gateway.quota = SlowCounter(it)
        ended = await it.carry_out()
        assert (ended.halt, it.states) == (None, {"not_sent": 5})
        assert it.now.state is RunState.EXPIRED
        assert it.clock.monotonic() == pytest.approx(100, abs=0.1)


async def test_a_signal_while_the_counter_is_asked_ends_the_process_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path, 5) as it:
        it.gateway.quota = SlowCounter(it)
        async with carried(it) as task:
            await settle(task)
            os.kill(os.getpid(), signal.SIGTERM)
            await settle(task)
            assert (await drive(it.clock, task)).interrupted
            assert it.clock.monotonic() < 1
            assert it.states == {"ready": 5}


async def test_a_deadline_that_passes_during_a_pause_ends_the_run(tmp_path: Path) -> None:
    deadline = rules(per_second=1, not_after=START + timedelta(seconds=60))
    async with desk(tmp_path, 30, carried=deadline) as it, carried(it) as task:
        await until(it, task, 4)
        await ask(it, task, Action.PAUSE)
        sent = len(it.gateway.sent)
        await drive(it.clock, task)
        assert len(it.gateway.sent) == sent
        assert it.states == {"delivered": sent, "not_sent": 30 - sent}
        assert it.now.state is RunState.EXPIRED


@pytest.mark.parametrize("waits_for", ["start", "outage", "rate"])
async def test_the_deadline_is_kept_to_the_instant_whatever_is_awaited(tmp_path: Path, waits_for: str) -> None:
    late = rules(
        start=START + timedelta(hours=9) if waits_for == "start" else START,
        per_second=0.001 if waits_for == "rate" else None,
        not_after=START + timedelta(seconds=1234.5),
    )
    async with desk(tmp_path, 5, carried=late) as it:
        if waits_for == "outage":
            it.gateway.evidence = lambda _: Evidence(Wire.NOT_BEGUN, text="connection refused")
        ended_at: list[float] = []
        await it.carry_out(observer=lambda seen: ended_at.append(it.clock.monotonic()) if not seen.unsent else None)
        assert it.in_state(MessageState.NOT_SENT) >= 3
        assert min(ended_at) == pytest.approx(1234.5, abs=0.1)
        assert all(moment < 1234.5 for moment, _ in it.gateway.sent)


async def test_a_cancel_is_not_undone_by_a_refusal_that_comes_afterwards(tmp_path: Path) -> None:
    async with desk(tmp_path, 8, in_flight=2) as it:
        it.gateway.hold = asyncio.Event()
        it.gateway.evidence = lambda _: REFUSED_US
        async with carried(it) as task:
            await ask(it, task, Action.CANCEL)
            it.gateway.hold.set()
            ended = await drive(it.clock, task)
            assert ended.halt is None
            assert (it.now.state, it.states) == (RunState.CANCELLED, {"not_sent": 8})


async def test_a_cancel_and_then_a_signal_leave_nothing_to_be_sent(tmp_path: Path) -> None:
    async with desk(tmp_path, 8, in_flight=2) as it:
        it.gateway.hold = asyncio.Event()
        it.gateway.evidence = lambda _: Evidence(Wire.NOT_BEGUN, text="connection refused")
        async with carried(it) as task:
            await ask(it, task, Action.CANCEL)
            os.kill(os.getpid(), signal.SIGTERM)
            await settle(task)
            it.gateway.hold.set()
            await drive(it.clock, task)
            assert (it.now.state, it.states) == (RunState.CANCELLED, {"not_sent": 8})


async def test_a_pause_that_the_ledger_could_not_keep_pauses_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path, 20, carried=rules(per_second=1)) as it, carried(it) as task:
        await until(it, task, 3)
        trouble = Trouble(it.ledger, lasts=True)
        name = Spool(it.ledger.path).post(Request(it.run.run, Action.PAUSE, it.clock.now()))
        await until(it, task, 6)
        answer = Spool(it.ledger.path).answer(name)
        assert answer is not None
        assert answer.refused
        trouble.lasts = False
        await drive(it.clock, task)
        assert it.states == {"delivered": 20}


async def test_what_a_person_has_sent_again_while_reports_are_followed_is_followed_too(tmp_path: Path) -> None:
    def lost_once(message: OutgoingMessage) -> Evidence | None:
        tried.append(message.msisdn)
        return LOST if message.msisdn == number(1) and tried.count(number(1)) == 1 else None

    tried: list[str] = []
    async with desk(tmp_path, 3, simulator={"delivery_delay": (300, 300)}) as it, carried(it) as task:
        it.gateway.evidence = lost_once
        await until(it, task, 30)
        assert (it.now.state, it.states) == (RunState.DONE_WITH_UNKNOWN, {"accepted": 2, "unknown": 1})
        (doubt,) = it.ledger.maybe_sent(it.run.key)
        await ask(it, task, Action.RESOLVE, Decision(doubt.id, doubt.attempt, MessageState.READY))
        assert tried.count(number(1)) == 2
        await drive(it.clock, task)
        assert (it.now.state, it.states) == (RunState.DONE, {"delivered": 3})


@pytest.mark.parametrize("sent_before", [0, 5])
async def test_a_gateway_that_is_down_for_six_hours_is_probed_once_a_minute_and_then_every_message_is_sent_once(
    tmp_path: Path, sent_before: int
) -> None:
    """Probes of every kind count: requests to send, questions about delivery, questions about the quota."""

    def is_down() -> bool:
        return len(it.gateway.sent) >= sent_before and it.clock.monotonic() < 6 * 3600

    async def counter() -> QuotaReply:
        if is_down():
            raise GatewayUnavailable("connection refused")
        return QuotaReply(0, 1000, None, "")

    async with desk(tmp_path, 20, in_flight=2, carried=rules(per_second=1, poll_until=timedelta(hours=12))) as it:
        it.gateway.evidence = lambda _: Evidence(Wire.NOT_BEGUN, text="connection refused") if is_down() else None
        it.gateway.reply = lambda _: StatusReply(None, text="connection refused") if is_down() else None
        it.gateway.quota = counter
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 20}
        assert set(it.received.values()) == {1}
        probes = sorted([*it.gateway.limits, *(moment for moment, _ in (*it.gateway.sent, *it.gateway.asked))])
        during = [moment for moment in probes if 300 < moment < 6 * 3600]
        assert all(after - before >= 59.9 for before, after in pairwise(during))
        assert len(during) >= 300
        assert all(row.attempts >= 1 and row.bucket == "delivered" for row in it.rows)
