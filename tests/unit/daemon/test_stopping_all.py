"""A stop of all sending in the daemon: people are told once, times wait and are accounted for, all goes on at its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon_desk import Desk, campaign, desk

from mmsflow.daemon.director import Periods
from mmsflow.daemon.model import CardState
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.ledger.requests import Action, Request, Spool, Trial

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
FILE = "campaigns/news.yaml"
SLOW = "rate: 1/min\n"
PERIODS = Periods(turn=3600, requests=1, quota=6 * 3600, news=3600)


def stop(it: Desk, why: str = "wrong price") -> None:
    it.ledger.stop_file.set("anna", why, it.clock.now())


async def test_a_running_run_waits_people_are_told_once_and_all_goes_on_when_it_is_lifted(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=PERIODS) as it:
        it.write(FILE, campaign(more=SLOW))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        stop(it)
        await it.over(HOUR)
        assert sum(it.received.values()) == 1
        (run,) = it.runs()
        assert (run.state, run.paused_by) == (RunState.PAUSED, PausedBy.STOPPED)
        assert it.notices() == ["all_stopped"]
        assert len(it.happened("sending_stopped")) == 1
        it.ledger.stop_file.lift()
        await it.over(5 * MINUTE)
        assert set(it.received.values()) == {1}
        assert len(it.received) == 3
        assert "all_stopped" not in it.notices()
        assert len(it.happened("sending_started")) == 1


async def test_a_time_that_comes_under_a_stop_waits_and_begins_at_once_when_it_is_lifted(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=PERIODS) as it:
        it.write(FILE, campaign())
        await it.start()
        stop(it)
        await it.until(NINE + 20 * MINUTE)
        assert it.runs() == []
        assert it.card().state is CardState.HINDERED
        assert "stopped by anna: wrong price" in it.card().reason
        assert it.notices() == ["all_stopped"], "not one more for each campaign"
        it.ledger.stop_file.lift()
        await it.over(5 * SECOND)
        assert [run.due_at for run in it.runs()] == [NINE]
        assert len(it.received) == 3


async def test_a_time_whose_grace_ends_under_a_stop_is_skipped_with_the_stop_as_its_reason(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=PERIODS) as it:
        it.write(FILE, campaign(schedule="every: '0 9 * * mon-fri', grace: 30min"))
        await it.start()
        stop(it)
        await it.until(NINE + HOUR)
        (skip,) = it.skips()
        assert skip.code == "refused"
        assert "all sending is stopped by anna: wrong price" in skip.reason
        assert "its grace is over" in skip.reason
        it.ledger.stop_file.lift()
        await it.over(HOUR)
        assert it.runs() == []


async def test_a_stop_holds_over_a_kill_and_the_next_daemon_takes_the_run_up_when_it_is_lifted(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=PERIODS) as it:
        it.write(FILE, campaign(more=SLOW))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        stop(it)
        await it.over(MINUTE)
        await it.restart(after=MINUTE)
        await it.over(HOUR)
        assert sum(it.received.values()) == 1
        assert it.notices() == ["all_stopped"]
        it.ledger.stop_file.lift()
        await it.over(5 * MINUTE)
        assert len(it.received) == 3
        assert set(it.received.values()) == {1}


async def test_a_stop_set_and_lifted_while_the_daemon_was_dead_leaves_no_notice(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=PERIODS) as it:
        it.write(FILE, campaign())
        await it.start()
        stop(it)
        await it.over(5 * SECOND)
        await it.kill()
        stop_file = tmp_path / ".mmsflow" / "ledger.db.stopped"
        assert stop_file.exists()
        stop_file.unlink()
        await it.start()
        await it.over(5 * SECOND)
        assert it.notices() == []


async def test_what_people_ask_for_under_a_stop_is_refused_with_its_reason(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=PERIODS) as it:
        it.write(FILE, campaign(more=SLOW))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        (run,) = it.runs()
        said = await it.director.stop_all("Ola", "wrong price")
        assert not said.refused
        assert "stopped by Ola: wrong price; nothing is on the wire" in said.text
        await it.over(SECOND)
        for answer in (
            it.ask(Action.RESUME, run.run),
            await it.director.send_test(Trial(FILE, ("+48501000109",))),
        ):
            assert answer.refused
            assert "all sending is stopped by Ola" in answer.text
        assert not it.ask(Action.PAUSE, run.run).refused
        assert not (await it.director.start_all("Ola")).refused
        await it.over(HOUR)
        assert sum(it.received.values()) == 1, "the run's own pause outlives the stop"
        assert (await it.director.start_all("Ola")).text == "nothing was stopped"


async def test_another_terminal_is_told_when_nothing_is_on_the_wire_any_more(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=PERIODS) as it:
        it.write(FILE, campaign())
        await it.start()
        stop(it)
        spool = Spool(it.ledger.path)
        name = spool.post(Request("", Action.STOP, it.clock.now(), who="anna"))
        await it.over(3 * SECOND)
        answer = spool.answer(name)
        assert answer is not None
        assert (answer.text, answer.changed, answer.refused) == ("nothing is on the wire", 0, False)
