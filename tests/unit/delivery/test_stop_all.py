"""A stop of all sending: nothing is claimed while it is in force, whatever a run does or waits for; reports go on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sending_desk import START, Desk, Inline, after_a_crash, desk, drive, rules, until
from sharing_desk import street

from mmsflow.engine.control import answer, heed_requests, settled
from mmsflow.engine.embedded import carry_out
from mmsflow.gateway.model import Evidence, Wire
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.ledger.requests import Action, Answer, Request
from mmsflow.mms.status import MessageState
from mmsflow.plan.calendar import WindowRule

BROKEN = Evidence(Wire.BEGUN, text="connection lost")
NOON = WindowRule(frozenset(range(7)), ((12 * 60, 16 * 60),))


@pytest.fixture(autouse=True)
async def no_threads() -> None:
    asyncio.get_running_loop().set_default_executor(Inline(max_workers=1))


def stop(it: Desk, why: str = "wrong price") -> None:
    it.ledger.stop_file.set("anna", why, datetime.now(UTC))


def shown(it: Desk) -> tuple[RunState, PausedBy]:
    return it.now.state, it.now.paused_by


async def test_a_running_run_settles_what_is_on_the_wire_begins_nothing_more_and_goes_on_when_it_is_lifted(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, 20) as it:
        it.gateway.hold = asyncio.Event()
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 1)
        assert len(it.gateway.sent) == 4
        stop(it)
        it.gateway.hold.set()
        await until(it, task, 60)
        assert len(it.gateway.sent) == 4
        assert shown(it) == (RunState.PAUSED, PausedBy.STOPPED)
        assert it.now.reason == "all sending is stopped by anna: wrong price"
        assert it.in_state(MessageState.SENDING) == 0
        assert it.ledger.stop_file.lift()
        assert (await drive(it.clock, task)).halt is None
        assert it.times_sent == {1}
        assert it.states == {"delivered": 20}


async def test_delivery_reports_are_followed_while_nothing_goes_out(tmp_path: Path) -> None:
    async with desk(tmp_path, 8, simulator={"delivery_delay": (30, 30)}, carried=rules(per_second=1.0)) as it:
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 2.5)
        stop(it)
        await until(it, task, 300)
        assert it.in_state(MessageState.DELIVERED) == len(it.gateway.sent) == 3
        it.ledger.stop_file.lift()
        await drive(it.clock, task)


async def test_a_run_that_was_all_sent_ends_under_a_stop_and_is_not_called_stopped(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, simulator={"delivery_delay": (30, 30)}) as it:
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 5)
        stop(it)
        assert (await drive(it.clock, task)).halt is None
        assert it.now.state is RunState.DONE


async def test_no_wait_leaves_at_once_with_who_and_why(tmp_path: Path) -> None:
    async with desk(tmp_path, 3) as it:
        stop(it)
        ended = await it.carry_out(no_wait=True)
        assert ended.halt is not None
        assert (ended.halt.by, ended.halt.error.exit_code, ended.halt.error.cause) == (
            PausedBy.STOPPED,
            7,
            "all_stopped",
        )
        assert "anna: wrong price" in ended.halt.error.message
        assert it.gateway.sent == []
        assert shown(it) == (RunState.PAUSED, PausedBy.STOPPED)


@pytest.mark.parametrize("waits_for", ["window", "start", "retry", "resend"])
async def test_a_run_that_waits_for_something_else_sends_nothing_when_that_comes_under_a_stop(
    tmp_path: Path, waits_for: str
) -> None:
    carried = {
        "window": rules(windows=(NOON,)),
        "start": rules(start=START + timedelta(hours=1)),
        "retry": rules(attempts=99),
        "resend": rules(resend_unknown=True),
    }[waits_for]
    async with desk(tmp_path, 4, carried=carried) as it:
        planted = {
            "retry": Evidence(Wire.NOT_BEGUN, text="refused"),
            "resend": BROKEN,
        }.get(waits_for)
        it.gateway.evidence = lambda _: planted
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 30)
        before = len(it.gateway.sent)
        stop(it)
        it.gateway.evidence = lambda _: None
        await until(it, task, 4 * 3600)
        assert len(it.gateway.sent) == before
        assert shown(it) == (RunState.PAUSED, PausedBy.STOPPED)
        it.ledger.stop_file.lift()
        assert (await drive(it.clock, task)).halt is None
        assert it.in_state(MessageState.DELIVERED) == 4


async def test_the_deadline_passes_under_a_stop_as_it_does_in_a_pause(tmp_path: Path) -> None:
    async with desk(tmp_path, 4, carried=rules(not_after=START + timedelta(hours=1))) as it:
        stop(it)
        assert (await it.carry_out()).halt is None
        assert it.states == {"not_sent": 4}
        assert it.clock.now() - START >= timedelta(hours=1)


async def test_a_stop_holds_over_a_crash_and_in_the_process_that_comes_after_it(tmp_path: Path) -> None:
    folder = tmp_path / "first"
    folder.mkdir()
    async with desk(folder, 12, carried=rules(per_second=1.0)) as it:
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 3.5)
        stop(it)
        before = len(it.gateway.sent)
        async with after_a_crash(it, tmp_path / "second") as again:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            work = asyncio.ensure_future(again.carrying_out())
            await until(again, work, 600)
            assert len(it.gateway.sent) == before
            again.ledger.stop_file.lift()
            await drive(it.clock, work)
            assert again.times_sent == {1}


async def test_a_waiting_run_is_shown_as_stopped_within_two_seconds_and_as_waiting_again(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        run = it.run("run", 4, start=START + timedelta(hours=1))
        work = asyncio.ensure_future(carry_out(it.engine, run, no_wait=False, observer=lambda _: None))
        heeding = asyncio.ensure_future(heed_requests(it.ledger, it.clock, it.engine.live))
        await it.passing(20, work)
        assert it.now(run).paused_by is PausedBy.WINDOW
        it.ledger.stop_file.set("anna", "", START)
        await it.passing(22, work)
        assert it.now(run).paused_by is PausedBy.STOPPED
        it.ledger.stop_file.lift()
        await it.passing(24, work)
        assert it.now(run).paused_by is PausedBy.WINDOW
        for each in (work, heeding):
            each.cancel()
        await asyncio.gather(work, heeding, return_exceptions=True)


async def test_after_the_answer_that_nothing_is_on_the_wire_nothing_is_begun_of_any_of_three_runs(
    tmp_path: Path,
) -> None:
    for moment in (0.0, 0.4, 1.1, 2.7):
        with street(tmp_path / str(moment), latency=1.0, in_flight=16) as it:
            runs = [it.run(name, 30, per_second=20.0) for name in ("a", "b", "c")]
            works = [
                asyncio.ensure_future(carry_out(it.engine, run, no_wait=False, observer=lambda _: None)) for run in runs
            ]
            everything = asyncio.gather(*works)
            await it.passing(moment, everything)
            it.ledger.stop_file.set("anna", "", START)
            said = await drive(it.clock, settled(it.ledger, it.clock, it.engine.live))
            assert (said.refused, said.changed, said.text) == (False, 0, "nothing is on the wire")
            before = it.sent()
            await it.passing(900, everything)
            assert it.sent() == before
            assert {it.now(run).paused_by for run in runs} == {PausedBy.STOPPED}
            it.ledger.stop_file.lift()
            await drive(it.clock, everything)
            assert [it.accepted(run) for run in runs] == [30, 30, 30]


async def test_replies_that_do_not_come_are_not_waited_for_for_ever_and_are_counted(tmp_path: Path) -> None:
    with street(tmp_path, latency=500.0, in_flight=3) as it:
        run = it.run("run", 8)
        work = asyncio.ensure_future(carry_out(it.engine, run, no_wait=False, observer=lambda _: None))
        await it.passing(1, work)
        it.ledger.stop_file.set("anna", "", START)
        said = await drive(it.clock, settled(it.ledger, it.clock, it.engine.live))
        assert said.changed == 3
        assert "3 requests are still on the wire" in said.text
        it.ledger.stop_file.lift()
        await drive(it.clock, work)


async def test_a_process_that_sees_no_stop_file_does_not_say_that_it_has_heard(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        assert (await settled(it.ledger, it.clock, it.engine.live)).refused


async def test_a_person_s_pause_is_not_lifted_under_a_stop_and_outlives_it(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        run = it.run("run", 8, per_second=1.0)
        work = asyncio.ensure_future(carry_out(it.engine, run, no_wait=False, observer=lambda _: None))
        await it.passing(2, work)

        def ask(action: Action) -> Answer:
            return answer(it.ledger, Request(run.run, action, it.clock.now()), it.engine.live)

        ask(Action.PAUSE)
        it.ledger.stop_file.set("anna", "wrong price", START)
        await it.passing(10, work)
        refused = ask(Action.RESUME)
        assert refused.refused
        assert "stopped by anna" in refused.text
        assert it.now(run).paused_by is PausedBy.USER
        it.ledger.stop_file.lift()
        await it.passing(20, work)
        assert it.now(run).paused_by is PausedBy.USER
        assert not ask(Action.RESUME).refused
        assert (await drive(it.clock, work)).halt is None


async def test_a_run_can_be_cancelled_under_a_stop(tmp_path: Path) -> None:
    async with desk(tmp_path, 4) as it:
        stop(it)
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 5)
        it.ledger.cancel_run(it.run.key)
        await until(it, task, 10)
        assert it.states == {"not_sent": 4}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
