"""Sending a run: durable intents, bounded concurrency, pace, and what every verdict leads to."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sending_desk import START, Desk, advance, desk, drive, number, rules, settle

from mmsflow.engine.embedded import Ended, carry_out
from mmsflow.errors import GatewayRefused, LedgerError, RunUnfinished
from mmsflow.gateway.model import Evidence, OutgoingMessage, Wire
from mmsflow.gateway.retry import RetryPolicy
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import MessageState
from mmsflow.simulator.faults import FaultKind, FaultRule

LOST = Evidence(Wire.BEGUN, text="no reply")
UNREACHABLE = Evidence(Wire.NOT_BEGUN, text="connection refused")


def faulty(*faults: FaultRule, **changes: Any) -> dict[str, Any]:
    return {"faults": faults, **changes}


def answering(status: int, code: int = 0, **changes: Any) -> FaultRule:
    body = f'{{"code": {code}, "message": "No"}}' if code else ""
    return FaultRule(kind=FaultKind.REPLY, status=status, body=body, **changes)


async def test_every_message_is_sent_once_and_its_report_followed(tmp_path: Path) -> None:
    async with desk(tmp_path, 20) as it:
        ended = await it.carry_out()
        assert ended.halt is None
        assert it.states == {"delivered": 20}
        assert dict(it.received) == {number(n): 1 for n in range(1, 21)}
        assert it.now.state is RunState.DONE
        assert it.seen[-1].unsent == it.seen[-1].waiting_for_reports == 0


async def test_an_intent_is_durable_before_its_request_begins(tmp_path: Path) -> None:
    async with desk(tmp_path, 10) as it:
        seen: dict[str, str] = {}

        def look(message: OutgoingMessage) -> None:
            with LedgerReader.open(f"sqlite:///{tmp_path / 'ledger.db'}") as reader:  # as after a crash at this moment
                row = next(row for row in reader.report_rows(it.run.key) if row.number == message.msisdn)
                seen[row.number] = row.status

        it.gateway.before = look
        await it.carry_out(no_wait=True)
        assert seen == {number(n): "sending" for n in range(1, 11)}


async def test_no_more_messages_are_uncertain_at_a_time_than_requests_may_be_in_flight(tmp_path: Path) -> None:
    async with desk(tmp_path, 30, in_flight=3, simulator={"latency": (0.01, 0.2)}) as it:
        most = 0

        def look(_: OutgoingMessage) -> None:
            nonlocal most
            most = max(most, it.in_state(MessageState.SENDING))

        it.gateway.before = look
        await it.carry_out(no_wait=True)
        assert most == it.gateway.most_on_wire == 3
        assert it.states == {"accepted": 30}


async def test_the_campaigns_rate_holds_for_all_requests_together(tmp_path: Path) -> None:
    async with desk(tmp_path, 25, carried=rules(per_second=2)) as it:
        await it.carry_out(no_wait=True)
        moments = [moment for moment, _ in it.gateway.sent]
        assert 11.5 <= moments[-1] - moments[0] <= 12.1
        for begins in moments:
            assert sum(begins <= moment < begins + 1 for moment in moments) <= 3


async def test_without_delivery_reports_accepted_is_final_and_nothing_is_asked(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, report=False) as it:
        ended = await it.carry_out()
        assert (ended.halt, it.states, it.gateway.asked) == (None, {"accepted": 3}, [])


async def test_a_used_up_quota_pauses_the_run_until_the_reset_and_then_it_goes_on(tmp_path: Path) -> None:
    async with desk(tmp_path, 25, simulator={"quota": 10}) as it:
        ended = await it.carry_out()
        assert ended.halt is None
        assert it.states == {"delivered": 25}
        days = [int((moment + 9 * 3600) // 86400) for moment, _ in it.gateway.sent]
        assert [days.count(day) for day in (0, 1, 2)] == [10, 10, 5]
        paused = [event for event in it.ledger.run_events(it.run.key) if event.new == "paused"]
        assert paused[0].detail["paused_by"] == "quota"


async def test_without_waiting_a_used_up_quota_ends_the_run_and_says_when_it_goes_on(tmp_path: Path) -> None:
    async with desk(tmp_path, 25, simulator={"quota": 10}) as it:
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert isinstance(ended.halt.error, RunUnfinished)
        assert "10 used, 0 available" in ended.halt.error.message
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.QUOTA)
        assert it.now.resumes_at == START.replace(day=1, hour=23, minute=0)  # midnight in Warsaw
        assert it.states == {"ready": 15, "accepted": 10}


async def test_a_reset_within_one_date_is_seen_by_the_counter_falling(tmp_path: Path) -> None:
    async with desk(tmp_path, 25, simulator={"quota": 10, "quota_seconds": 60, "reset_date": "tomorrow"}) as it:
        await it.carry_out()
        assert it.states == {"delivered": 25}
        assert it.gateway.sent[-1][0] < 600


async def test_a_quota_without_a_readable_date_is_asked_again_until_it_has_room(tmp_path: Path) -> None:
    async with desk(tmp_path, 15, simulator={"quota": 10, "quota_seconds": 7200, "reset_date": "yesterday"}) as it:
        await it.carry_out()
        assert it.states == {"delivered": 15}


async def test_a_share_of_the_quota_is_kept_to_over_several_runs_of_the_command(tmp_path: Path) -> None:
    share = rules(quota=rules().quota.__class__(reserve=0, share=0.5))
    async with desk(tmp_path, 25, carried=share, simulator={"quota": 10}) as it:
        for _ in range(2):
            ended = await it.carry_out(no_wait=True)
            assert ended.halt is not None
            assert "`quota.share`" in ended.halt.error.message
        assert it.received.total() == 5


async def test_a_reserve_is_left_to_others(tmp_path: Path) -> None:
    reserve = rules(quota=rules().quota.__class__(reserve=4))
    async with desk(tmp_path, 25, carried=reserve, simulator={"quota": 10}) as it:
        await it.carry_out(no_wait=True)
        assert it.received.total() == 6


async def test_a_rate_limit_of_the_gateway_slows_down_and_loses_nobody(tmp_path: Path) -> None:
    async with desk(tmp_path, 20, in_flight=8, simulator={"rate_limit": 3}) as it:
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is None
        assert it.received.total() == 20
        assert it.states == {"accepted": 20}


async def test_quota_used_up_by_others_loses_nobody(tmp_path: Path) -> None:
    async with desk(tmp_path, 25, simulator={"quota": 20, "hidden_per_second": 0.001, "hidden_used": 5}) as it:
        await it.carry_out()
        assert it.states == {"delivered": 25}
        assert set(it.received.values()) == {1}


@pytest.mark.parametrize(
    ("fault", "by"),
    [
        (answering(401, 41), PausedBy.CREDENTIALS),
        (answering(403, 50), PausedBy.CREDENTIALS),
        (answering(404, 60), PausedBy.GATEWAY),
        (answering(405, 61), PausedBy.GATEWAY),
    ],
)
async def test_a_refusal_of_the_set_up_pauses_the_run_with_exit_4_and_nobody_is_lost(
    tmp_path: Path, fault: FaultRule, by: PausedBy
) -> None:
    async with desk(tmp_path, 10, simulator=faulty(fault)) as it:
        ended = await it.carry_out()
        assert ended.halt is not None
        assert isinstance(ended.halt.error, GatewayRefused)
        assert ended.halt.error.exit_code == 4
        assert it.states == {"ready": 10}
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, by)


async def test_a_paused_run_goes_on_with_the_rest_once_the_cause_is_gone(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, simulator=faulty(answering(404, 60, times=4))) as it:
        assert (await it.carry_out()).halt is not None
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 10}
        assert set(it.received.values()) == {1}


async def test_five_refusals_at_the_start_of_a_run_pause_it(tmp_path: Path) -> None:
    async with desk(tmp_path, 50, in_flight=2, simulator=faulty(answering(400, 25))) as it:
        ended = await it.carry_out()
        assert ended.halt is not None
        assert ended.halt.by is PausedBy.BREAKER
        assert ended.halt.error.exit_code == 7
        assert it.in_state(MessageState.REJECTED) in (5, 6)
        assert it.in_state(MessageState.READY) >= 44


async def test_a_refused_recipient_among_others_is_failed_with_the_operators_code(tmp_path: Path) -> None:
    async with desk(tmp_path, 10, simulator=faulty(answering(400, 25, nth=3))) as it:
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 9, "rejected": 1}
        refused = next(row for row in it.rows if row.bucket == "failed")
        assert (refused.code, refused.attempts) == ("400/25", 1)


async def test_a_reply_lost_after_the_request_left_is_maybe_sent_and_never_sent_again(tmp_path: Path) -> None:
    async with desk(tmp_path, 6) as it:
        it.gateway.evidence = lambda message: LOST if message.msisdn == number(2) else None
        await it.carry_out()
        await it.carry_out()
        assert it.states == {"delivered": 5, "unknown": 1}
        assert it.now.state is RunState.DONE_WITH_UNKNOWN
        assert [to for _, to in it.gateway.sent].count(number(2)) == 1


async def test_a_gateway_that_never_answers_does_not_turn_the_whole_list_into_maybe_sent(tmp_path: Path) -> None:
    async with desk(tmp_path, 200) as it:
        it.gateway.evidence = lambda _: LOST
        ended = await it.carry_out()
        assert ended.halt is not None
        assert ended.halt.by is PausedBy.BREAKER
        assert it.in_state(MessageState.UNKNOWN) <= 50 + it.in_flight
        assert it.in_state(MessageState.READY) >= 150 - it.in_flight


async def test_an_unreachable_gateway_is_probed_by_one_request_at_a_time_at_most_once_a_minute(tmp_path: Path) -> None:
    async with desk(tmp_path, 10) as it:
        it.gateway.evidence = lambda _: UNREACHABLE if it.clock.monotonic() < 3600 else None
        ended = await it.carry_out()
        assert ended.halt is None
        assert it.states == {"delivered": 10}
        assert set(it.received.values()) == {1}
        probes = [moment for moment, _ in it.gateway.sent if 600 < moment < 3600]
        assert all(after - before >= 59.9 for before, after in pairwise(probes))
        assert len(probes) >= 40
        assert all(row.attempts > 0 and row.bucket == "delivered" for row in it.rows)


async def test_an_unreachable_gateway_uses_up_no_quota_and_no_attempts(tmp_path: Path) -> None:
    async with desk(tmp_path, 5, carried=rules(attempts=1)) as it:
        it.gateway.evidence = lambda _: UNREACHABLE if it.clock.monotonic() < 100 else None
        assert (await it.carry_out()).halt is None
        assert it.ledger.posts_in_period(it.run.account, "2026-12-02", it.run.key) == 5


async def test_a_gateway_that_asks_for_time_gets_it_from_the_whole_account(tmp_path: Path) -> None:
    asked = answering(503, 5, nth=3, headers=(("Retry-After", "40"),))
    async with desk(tmp_path, 12, simulator=faulty(asked)) as it:
        await it.carry_out()
        assert it.states == {"delivered": 12}
        moments = [moment for moment, _ in it.gateway.sent]
        assert not any(0.1 < moment < 39.9 for moment in moments)


async def test_used_up_attempts_pause_the_run_and_fail_nobody(tmp_path: Path) -> None:
    async with desk(tmp_path, 4, carried=rules(attempts=3), simulator=faulty(answering(502))) as it:
        it.policy = RetryPolicy(frozenset({502}))
        ended = await it.carry_out()
        assert ended.halt is not None
        assert "failed 3 times" in ended.halt.error.message
        assert it.states == {"ready": 4}


async def test_a_run_waits_for_its_start_however_far_it_is(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, carried=rules(start=START + timedelta(hours=30))) as it:
        assert (await it.carry_out()).halt is None
        assert it.gateway.sent[0][0] == pytest.approx(30 * 3600, abs=0.1)


async def test_without_waiting_a_start_in_the_future_ends_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, carried=rules(start=START + timedelta(hours=30))) as it:
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert ended.halt.resumes_at == START + timedelta(hours=30) == it.now.resumes_at
        assert it.gateway.sent == []


async def test_what_is_not_sent_by_the_deadline_is_not_sent_at_all(tmp_path: Path) -> None:
    carried = rules(per_second=1, not_after=START + timedelta(seconds=9.5))
    async with desk(tmp_path, 50, carried=carried) as it:
        assert (await it.carry_out()).halt is None
        assert it.in_state(MessageState.DELIVERED) + it.in_state(MessageState.NOT_SENT) == 50
        assert 9 <= it.in_state(MessageState.DELIVERED) <= 11
        assert it.now.state is RunState.EXPIRED
        assert {row.code for row in it.rows if row.bucket == "not_sent"} == {"not_after"}


async def test_a_deadline_is_kept_while_waiting_for_quota(tmp_path: Path) -> None:
    carried = rules(not_after=START + timedelta(minutes=20))
    async with desk(tmp_path, 5, carried=carried, simulator={"quota": 2}) as it:
        await it.carry_out()
        assert it.states == {"delivered": 2, "not_sent": 3}
        assert it.clock.monotonic() < 25 * 60


async def test_what_a_dead_process_left_on_the_wire_is_maybe_sent(tmp_path: Path) -> None:
    async with desk(tmp_path, 6) as it:
        taken = it.ledger.take_run(it.run.key)
        ready = it.ledger.ready(taken.key, now=START, after=0, limit=2)
        it.ledger.commit(taken.key, taken.fence, outcomes=[], intents=[each.id for each in ready], now=START, period="")
        await it.carry_out()
        assert it.states == {"delivered": 4, "unknown": 2}
        assert number(1) not in it.received


async def begun(it: Desk) -> asyncio.Task[Ended]:
    """A run with its first requests on the wire, held there."""
    it.gateway.hold = asyncio.Event()
    task = asyncio.ensure_future(carry_out(it.engine, it.run, no_wait=False, observer=it.seen.append))
    while it.gateway.on_wire < it.in_flight:
        await settle(task)
    return task


async def test_a_first_signal_settles_what_is_on_the_wire(tmp_path: Path) -> None:
    async with desk(tmp_path, 20) as it:
        task = await begun(it)
        os.kill(os.getpid(), signal.SIGTERM)
        await settle(task)
        assert it.gateway.hold is not None
        it.gateway.hold.set()
        ended = await drive(it.clock, task)
        assert ended.interrupted
        assert it.states == {"ready": 16, "accepted": 4}


async def test_a_second_signal_cuts_off_what_is_on_the_wire_and_records_it_as_maybe_sent(tmp_path: Path) -> None:
    async with desk(tmp_path, 20) as it:
        task = await begun(it)
        os.kill(os.getpid(), signal.SIGTERM)
        await settle(task)
        for _ in range(2):  # the third one is impatience, and changes nothing
            os.kill(os.getpid(), signal.SIGTERM)
        ended = await drive(it.clock, task)
        assert ended.interrupted
        assert it.states == {"ready": 16, "unknown": 4}


async def test_a_cancelled_run_records_what_was_on_the_wire_as_maybe_sent(tmp_path: Path) -> None:
    async with desk(tmp_path, 20) as it:
        task = await begun(it)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert it.states == {"ready": 16, "unknown": 4}


async def test_a_ledger_that_cannot_be_written_stops_sending_and_settles_what_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, 20) as it:
        commit, calls = it.ledger.commit, 0

        def failing(*args: Any, **named: Any) -> list[int]:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise LedgerError("the ledger has no room left")
            return commit(*args, **named)

        monkeypatch.setattr(it.ledger, "commit", failing)
        with pytest.raises(LedgerError, match="no room"):
            await it.carry_out()
        assert it.states == {"ready": 16, "accepted": 4}
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.LEDGER)
        assert (await it.carry_out()).halt is None
        assert set(it.received.values()) == {1}
        assert it.states == {"delivered": 20}


async def test_a_bug_in_one_request_is_raised_and_the_others_are_settled(tmp_path: Path) -> None:
    async with desk(tmp_path, 20) as it:

        def evidence(message: OutgoingMessage) -> Evidence | None:
            if message.msisdn == number(2):
                raise ZeroDivisionError
            return None

        it.gateway.evidence = evidence
        with pytest.raises(ZeroDivisionError):
            await it.carry_out()
        assert it.in_state(MessageState.SENDING) == 1
        await it.carry_out()
        assert it.states == {"delivered": 19, "unknown": 1}


async def test_reports_that_may_not_be_asked_for_cut_no_message_off(tmp_path: Path) -> None:
    refusal = answering(403, 50, endpoint="status")
    async with desk(tmp_path, 20, carried=rules(per_second=1), simulator=faulty(refusal)) as it:
        with pytest.raises(GatewayRefused, match="delivery reports"):
            await it.carry_out()
        assert it.states == {"accepted": 20}


async def test_the_run_tells_why_nothing_moves(tmp_path: Path) -> None:
    async with desk(tmp_path, 5, simulator={"quota": 2}) as it:
        task = asyncio.ensure_future(carry_out(it.engine, it.run, no_wait=False, observer=it.seen.append))
        while it.clock.monotonic() < 60:
            await advance(it.clock, task)
        assert it.seen[-1].notice == "the quota is used up (2 used, 0 available)"
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.QUOTA)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
