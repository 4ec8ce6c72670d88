"""Pause, resume, cancel and resolve on a run that is being carried out, asked for through the spool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sending_desk import Desk, desk, drive, freeze, number, rules, settle

from mmsflow.engine.control import LOOK_SECONDS
from mmsflow.engine.embedded import Ended, carry_out
from mmsflow.errors import LedgerError
from mmsflow.gateway.model import Evidence, OutgoingMessage, Wire
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.requests import Action, Answer, Request, Spool
from mmsflow.mms.status import Bucket, MessageState

READ_TIMEOUT = Evidence(Wire.BEGUN, text="no reply")


@asynccontextmanager
async def going_on(it: Desk, *, no_wait: bool = False) -> AsyncIterator[asyncio.Future[Ended]]:
    """The run is carried out, and two of its messages are on the wire without a reply."""
    it.gateway.hold = asyncio.Event()
    engine = replace(it.engine, heeds_requests=True)
    work = asyncio.ensure_future(carry_out(engine, it.run, no_wait=no_wait, observer=it.seen.append))
    await settle(work)
    assert it.gateway.on_wire == 2
    try:
        yield work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def ask(it: Desk, action: Action, *decisions: Decision) -> Answer:
    """Post a request as another terminal does; its answer, which is there at the next look."""
    spool = Spool(it.ledger.path)
    name = spool.post(Request(it.run.run, action, it.clock.now(), decisions))
    await it.clock.advance(LOOK_SECONDS)
    answer = spool.answer(name)
    assert answer is not None
    return answer


def replies_come(it: Desk) -> None:
    assert it.gateway.hold is not None
    it.gateway.hold.set()


async def test_a_pause_begins_nothing_more_settles_what_is_on_the_wire_and_is_durable_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, in_flight=2) as it, going_on(it) as work:
        assert not (await ask(it, Action.PAUSE)).refused
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.USER)
        replies_come(it)
        await it.clock.advance(600)
        assert len(it.gateway.sent) == 2
        assert it.in_state(MessageState.READY) == 4
        assert it.now.paused_by is PausedBy.USER
        assert not work.done()
        assert "already" in (await ask(it, Action.PAUSE)).text

        assert not (await ask(it, Action.RESUME)).refused
        await drive(it.clock, work)
        assert it.states == {"delivered": 6}
        assert it.now.state is RunState.DONE


async def test_resume_before_everything_on_the_wire_is_settled_goes_on_too(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, in_flight=2) as it, going_on(it) as work:
        await ask(it, Action.PAUSE)
        await ask(it, Action.RESUME)
        assert it.now.state is RunState.RUNNING
        replies_come(it)
        await drive(it.clock, work)
        assert it.states == {"delivered": 6}


async def test_resume_of_a_run_that_is_not_paused_changes_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, in_flight=2) as it, going_on(it):
        answer = await ask(it, Action.RESUME)
        assert not answer.refused
        assert "is not paused" in answer.text


async def test_without_waiting_a_paused_run_lets_its_process_go_and_stays_paused(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, in_flight=2) as it, going_on(it, no_wait=True) as work:
        await ask(it, Action.PAUSE)
        replies_come(it)
        ended = await drive(it.clock, work)
        assert ended.halt is not None
        assert ended.halt.error.exit_code == 7
        assert it.now.paused_by is PausedBy.USER


async def test_cancel_ends_what_is_unsent_at_once_and_reports_are_still_followed(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, in_flight=2) as it, going_on(it) as work:
        answer = await ask(it, Action.CANCEL)
        assert answer.changed == 4
        assert it.in_state(MessageState.NOT_SENT) == 4  # also should the process die before the replies come
        replies_come(it)
        await drive(it.clock, work)
        assert it.states == {"delivered": 2, "not_sent": 4}
        assert it.now.state is RunState.CANCELLED
        assert {row.code for row in it.rows if row.status == "not_sent"} == {"cancelled"}
        assert it.seen[-1].unsent == 0


async def test_a_cancel_survives_the_death_of_the_process(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, in_flight=2) as it:
        async with going_on(it):
            await ask(it, Action.CANCEL)
        it.gateway.hold = None
        await it.carry_out()
        assert it.states == {"unknown": 2, "not_sent": 4}
        run = it.ledger.take_run(it.run.key)
        doubts = [Decision(each.id, each.attempt, MessageState.UNDETERMINED) for each in it.ledger.maybe_sent(run.key)]
        it.ledger.decide(run.key, doubts)
        assert it.now.state is RunState.CANCELLED


async def test_what_comes_back_unsent_after_a_cancel_is_not_sent_either(tmp_path: Path) -> None:
    def refused(_: OutgoingMessage) -> Evidence:
        return Evidence(Wire.NOT_BEGUN, text="connection refused")

    async with desk(tmp_path, 6, in_flight=2) as it, going_on(it) as work:
        it.gateway.evidence = refused
        await ask(it, Action.CANCEL)
        replies_come(it)
        await drive(it.clock, work)
        assert it.states == {"not_sent": 6}


async def test_what_was_maybe_sent_is_sent_again_by_the_process_that_goes_on(tmp_path: Path) -> None:
    def lost(message: OutgoingMessage) -> Evidence | None:
        return READ_TIMEOUT if message.msisdn == number(1) and len(it.gateway.sent) < 5 else None

    async with desk(tmp_path, 6, in_flight=2, carried=rules(poll_until=timedelta(hours=8))) as it, going_on(it) as work:
        it.gateway.evidence = lost
        replies_come(it)
        await it.clock.advance(0.1)
        await settle(work)
        assert it.in_state(MessageState.UNKNOWN) == 1
        (doubt,) = it.ledger.maybe_sent(it.run.key)
        it.gateway.evidence = lambda _: None
        answer = await ask(it, Action.RESOLVE, Decision(doubt.id, doubt.attempt, MessageState.READY))
        assert answer.changed == 1
        await drive(it.clock, work)
        assert it.states == {"delivered": 6}
        assert repeated(it.gateway.sent) == {number(1): 2}
        assert it.now.state is RunState.DONE


def repeated(sent: list[tuple[float, str]]) -> dict[str, int]:
    """Numbers that were sent to more than once."""
    numbers = [each for _, each in sent]
    return {each: numbers.count(each) for each in numbers if numbers.count(each) > 1}


async def test_an_observer_sees_what_a_person_has_settled(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, in_flight=2) as it, going_on(it) as work:
        it.gateway.evidence = lambda message: READ_TIMEOUT if message.msisdn == number(1) else None
        replies_come(it)
        await it.clock.advance(0.1)
        await settle(work)
        (doubt,) = it.ledger.maybe_sent(it.run.key)
        await ask(it, Action.RESOLVE, Decision(doubt.id, doubt.attempt, MessageState.NOT_SENT))
        last = it.seen[-1].buckets
        assert sum(last.values()) == 6
        assert (last.get(Bucket.MAYBE_SENT, 0), last[Bucket.NOT_SENT]) == (0, 1)


async def test_a_request_for_another_run_of_the_ledger_is_done_beside(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, in_flight=2) as it:
        other = freeze(it.ledger, 2, rules(), "sale-2")
        async with going_on(it):
            spool = Spool(it.ledger.path)
            name = spool.post(Request(other.run, Action.PAUSE, it.clock.now()))
            await it.clock.advance(LOOK_SECONDS)
            answer = spool.answer(name)
            assert answer is not None
            assert not answer.refused
        paused = it.ledger.find_run(other.run)
        assert paused is not None
        assert paused.paused_by is PausedBy.USER
        assert it.now.paused_by is PausedBy.NOBODY


async def test_the_marker_is_left_under_the_new_fence_and_before_the_first_message(tmp_path: Path) -> None:
    async with desk(tmp_path, 2) as it:
        seen: list[tuple[int, int]] = []

        def taken(run: RunInfo) -> None:
            seen.append((run.fence, len(it.gateway.sent)))

        await drive(it.clock, carry_out(it.engine, it.run, no_wait=True, observer=it.seen.append, taken=taken))
        assert seen == [(1, 0)]
        assert len(it.gateway.sent) == 2


async def test_without_a_marker_nothing_is_sent(tmp_path: Path) -> None:
    def taken(_: RunInfo) -> None:
        raise LedgerError("the marker cannot be written")

    async with desk(tmp_path, 2) as it:
        with pytest.raises(LedgerError, match="marker"):
            await drive(it.clock, carry_out(it.engine, it.run, no_wait=True, observer=it.seen.append, taken=taken))
        assert it.gateway.sent == []
