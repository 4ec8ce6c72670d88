"""``unknown: resend``: what was maybe sent is sent once more, once only, and not before a late reply can come."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sending_desk import START, Desk, desk, drive, number, rules, settle, until
from sharing_desk import Street, street

from mmsflow.engine.control import answer
from mmsflow.engine.embedded import Ended
from mmsflow.errors import LedgerError
from mmsflow.gateway.model import Evidence, OutgoingMessage, Wire
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import CANCELLED_BY_PERSON, PausedBy, RunInfo, RunState
from mmsflow.ledger.requests import Action, Answer, Request
from mmsflow.mms.status import MessageState

LOST = Evidence(Wire.BEGUN, text="no reply")
NO_ID = Evidence(Wire.ANSWERED, http_status=200)
RESEND = rules(resend_unknown=True)
AFTER = 300  # five times the longest request, which is a minute


def losing(it: Desk, *ordinals: int, times: int = 1, how: Evidence = LOST) -> None:
    """The replies to these messages are lost, so many times each."""
    tried: Counter[str] = Counter()
    lost = {number(n) for n in ordinals}

    def evidence(message: OutgoingMessage) -> Evidence | None:
        tried[message.msisdn] += 1
        return how if message.msisdn in lost and tried[message.msisdn] <= times else None

    it.gateway.evidence = evidence


def moments(it: Desk, ordinal: int) -> list[float]:
    return [moment for moment, to in it.gateway.sent if to == number(ordinal)]


@pytest.mark.parametrize("how", [LOST, NO_ID])
async def test_what_was_maybe_sent_is_sent_once_more_when_no_late_reply_can_come(tmp_path: Path, how: Evidence) -> None:
    async with desk(tmp_path, 5, carried=RESEND) as it:
        losing(it, 2, how=how)
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 5}
        first, second = moments(it, 2)
        assert second - first == pytest.approx(AFTER, abs=1)
        assert it.now.state is RunState.DONE
        assert it.violations == []


async def test_without_the_campaigns_word_nothing_is_sent_again(tmp_path: Path) -> None:
    async with desk(tmp_path, 3) as it:
        losing(it, 2)
        await it.carry_out()
        await it.clock.advance(7200)
        await it.carry_out()
        assert it.states == {"delivered": 2, "unknown": 1}
        assert len(moments(it, 2)) == 1


async def test_it_is_done_once_only(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, carried=RESEND) as it:
        losing(it, 2, times=99)
        for _ in range(3):
            await it.carry_out()
        assert it.states == {"delivered": 2, "unknown": 1}
        assert len(moments(it, 2)) == 2
        assert it.now.state is RunState.DONE_WITH_UNKNOWN


async def test_a_person_may_have_it_sent_a_third_time_and_that_is_no_rule_for_a_fourth(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, carried=RESEND) as it:
        losing(it, 2, times=99)
        await it.carry_out()
        (doubt,) = it.ledger.maybe_sent(it.run.key)
        it.ledger.decide(it.run.key, [Decision(doubt.id, doubt.attempt, MessageState.READY)])
        await it.carry_out()
        await it.carry_out()
        assert len(moments(it, 2)) == 3


async def test_what_a_crash_left_uncertain_is_resent_as_well(tmp_path: Path) -> None:
    async with desk(tmp_path, 4, carried=RESEND) as it:
        taken = it.ledger.take_run(it.run.key)
        ids = [message.id for message in it.ledger.ready(taken.key, now=START, after=0, limit=2)]
        it.ledger.commit(taken.key, taken.fence, outcomes=[], intents=ids, now=START, period="")
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 4}
        assert all(moment >= AFTER for n in (1, 2) for moment in moments(it, n))


async def test_the_run_waits_for_it_and_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path, 2, carried=RESEND) as it:
        losing(it, 2)
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 60)
        assert "sent once more" in it.seen[-1].notice
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.GATEWAY)
        assert it.now.resumes_at == START + timedelta(seconds=AFTER)
        await drive(it.clock, task)
        assert it.states == {"delivered": 2}


async def test_without_waiting_the_command_ends_and_a_later_one_sends_it(tmp_path: Path) -> None:
    async with desk(tmp_path, 2, carried=RESEND) as it:
        losing(it, 2)
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert ended.halt.error.exit_code == 7
        assert it.now.state is RunState.PAUSED
        await it.clock.advance(AFTER)
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 2}


async def test_a_signal_in_between_does_not_end_the_run_for_good(tmp_path: Path) -> None:
    async with desk(tmp_path, 2, carried=RESEND) as it:
        losing(it, 2)
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 60)
        os.kill(os.getpid(), signal.SIGTERM)
        await settle(task)
        assert (await drive(it.clock, task)).interrupted
        assert it.now.state is RunState.PAUSED
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 2}


async def test_nothing_is_sent_once_more_after_the_campaigns_deadline(tmp_path: Path) -> None:
    carried = rules(resend_unknown=True, not_after=START + timedelta(seconds=AFTER - 1))
    async with desk(tmp_path, 2, carried=carried) as it:
        losing(it, 2)
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 1, "unknown": 1}
        assert it.now.state is RunState.DONE_WITH_UNKNOWN
        assert it.clock.monotonic() < AFTER


async def test_those_to_be_resent_can_be_counted_beforehand(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, carried=RESEND) as it:
        losing(it, 2, 3, 5)
        await it.carry_out(no_wait=True)
        assert it.ledger.resends(it.run.key) == 3
        await it.carry_out()
        assert it.ledger.resends(it.run.key) == 0


@contextmanager
def waiting_to_resend(folder: Path) -> Iterator[tuple[Street, RunInfo, asyncio.Task[Ended]]]:
    """A run all of which is sent, but for one message of unknown fate that is to be sent once more."""
    with street(folder) as it:
        run = it.run("run", 3, resend_unknown=True)
        it.gateway.evidence = lambda message: LOST if message.msisdn == number(2) and it.sent()["run"] <= 3 else None
        yield it, run, asyncio.ensure_future(it.carry_out(run))


def ask(it: Street, run: RunInfo, action: Action) -> Answer:
    return answer(it.ledger, Request(run.run, action, it.clock.now()), it.engine.live)


async def test_a_run_that_only_waits_to_send_something_once_more_can_be_paused_and_resumed(tmp_path: Path) -> None:
    with waiting_to_resend(tmp_path) as (it, run, work):
        await it.passing(10, work)
        assert not ask(it, run, Action.PAUSE).refused
        await it.passing(3 * AFTER, work)
        assert it.sent()["run"] == 3
        assert (it.now(run).state, it.now(run).paused_by) == (RunState.PAUSED, PausedBy.USER)
        assert not ask(it, run, Action.RESUME).refused
        await drive(it.clock, work)
        assert it.sent()["run"] == 4
        assert it.now(run).state is RunState.DONE


@pytest.mark.parametrize("paused_before", [False, True])
@pytest.mark.parametrize("dies", [False, True])
async def test_a_run_that_only_waits_to_send_something_once_more_can_be_cancelled(
    tmp_path: Path, paused_before: bool, dies: bool
) -> None:
    with waiting_to_resend(tmp_path) as (it, run, work):
        await it.passing(10, work)
        if paused_before:
            ask(it, run, Action.PAUSE)
            await it.passing(12, work)
        said = ask(it, run, Action.CANCEL)
        assert not said.refused
        assert "1 of unknown fate not once more" in said.text
        for action in Action.PAUSE, Action.RESUME:
            assert ask(it, run, action).refused
        if dies:  # at once: nothing is done after what the answer stands for
            it.ledger.set_state, it.ledger.pause = dead, dead  # type: ignore[method-assign]
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            del it.ledger.set_state, it.ledger.pause
            work = asyncio.ensure_future(it.carry_out(run))
        await drive(it.clock, work)
        await it.clock.advance(2 * AFTER)
        assert it.sent()["run"] == 3
        assert it.now(run).state is RunState.CANCELLED
        assert it.violations == []


def dead(*_: object, **__: object) -> None:
    raise LedgerError("this process has died")


async def test_a_run_that_rests_before_it_sends_something_once_more_can_be_paused_and_cancelled(tmp_path: Path) -> None:
    with waiting_to_resend(tmp_path) as (it, run, work):
        await it.up_to(10, work)
        assert not ask(it, run, Action.PAUSE).refused
        assert it.now(run).paused_by is PausedBy.USER
        assert "1 of unknown fate not once more" in ask(it, run, Action.CANCEL).text
        assert it.now(run).state is RunState.CANCELLED
        await drive(it.clock, it.carry_out(run))
        assert it.sent()["run"] == 3


@pytest.mark.parametrize("then", ["nothing", "dies", "the ledger fails"])
async def test_what_comes_back_to_be_tried_again_after_a_cancel_is_not_sent_by_whoever_takes_the_run(
    tmp_path: Path, then: str
) -> None:
    busy = Evidence(Wire.ANSWERED, http_status=503, text="busy", retry_after_seconds=30)
    with street(tmp_path, latency=5.0) as it:
        run = it.run("run", 8, resend_unknown=True)
        work = asyncio.ensure_future(it.carry_out(run))
        await it.passing(1, work)
        it.gateway.evidence = lambda message: busy if message.msisdn == number(1) else LOST
        assert ask(it, run, Action.CANCEL).changed == 4
        assert it.now(run).reason == CANCELLED_BY_PERSON
        if then == "dies":
            work.cancel()
        if then == "the ledger fails":
            it.ledger.commit = dead  # type: ignore[assignment, method-assign]
            await asyncio.gather(drive(it.clock, work), return_exceptions=True)
            assert it.now(run).reason == CANCELLED_BY_PERSON
            del it.ledger.commit
        if then == "nothing":
            await drive(it.clock, work)
        else:
            await asyncio.gather(work, return_exceptions=True)
            await drive(it.clock, it.carry_out(run))
        await it.clock.advance(2 * AFTER)
        assert it.sent()["run"] == 4
        assert it.now(run).state is RunState.CANCELLED
        assert it.violations == []
