"""Runs in the daemon's hands: stopped, killed, crashed, paused, resumed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemon_desk import NUMBERS, campaign, desk
from sending_desk import Trouble

from mmsflow.daemon.director import Periods
from mmsflow.gateway.model import Evidence, OutgoingMessage, Wire
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.ledger.requests import Action, Request, Spool, Trial
from mmsflow.mms.status import Bucket

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FILE = "campaigns/news.yaml"
SLOW = "rate: 1/min\n"


async def test_a_gentle_stop_settles_what_is_on_the_wire_and_the_next_start_goes_on(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more=SLOW))
        await it.start()
        await it.until(NINE + MINUTE)
        await it.end()
        assert 0 < sum(it.received.values()) < 3
        (run,) = it.runs()
        assert (tmp_path / "reports" / run.run / "report.csv").exists()
        await it.start()
        await it.over(HOUR)
        assert set(it.received.values()) == {1}
        assert len(it.received) == 3
        assert [run.state for run in it.runs()] == [RunState.DONE]


async def test_a_second_stop_does_not_wait_for_what_is_on_the_wire(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        it.gateway.hold = asyncio.Event()
        await it.until(NINE + MINUTE / 60)
        it.stop.set()
        await it.settle()
        assert it.task is not None
        assert not it.task.done()
        it.director.cut_off()
        await it.settle()
        assert it.task.done()
        await it.end()
        assert [run.state for run in it.runs()] == [RunState.RUNNING]
        await it.start()
        await it.over(MINUTE)
        (run,) = it.runs()
        assert run.state is RunState.DONE_WITH_UNKNOWN
        assert f"maybe-sent/{run.run}" in it.notices()
        assert not it.received  # of unknown fate, so never sent again by itself


async def test_an_unforeseen_error_of_one_run_ends_neither_the_daemon_nor_another_run(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        it.write("campaigns/other.yaml", campaign("other", "every: '5 9 * * *'"))
        await it.start()

        def broken(message: OutgoingMessage) -> None:
            raise ZeroDivisionError(message.msisdn)

        it.gateway.before = broken
        await it.until(NINE + MINUTE)
        it.gateway.before = lambda _: None
        await it.until(NINE + 2 * HOUR)
        (run,), (other,) = it.runs(), it.runs("other")
        assert other.state is RunState.DONE
        assert run.state is not RunState.RUNNING
        assert not it.task.done() if it.task else False
        said = [str(facts) for facts in it.happened("error")]
        assert any("ZeroDivisionError" in each for each in said)
        assert not any("48501000101" in each for each in said)


async def test_a_run_that_crashed_is_not_tried_again_until_a_person_resumes_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        crew = it.director._crew
        seen = crew._seen

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        crew._seen = broken  # type: ignore[method-assign,assignment]
        await it.until(NINE + HOUR)
        (run,) = it.runs()
        assert (run.state, run.paused_by) == (RunState.PAUSED, PausedBy.BREAKER)
        assert it.notices() == [f"paused/{run.run}"]
        crew._seen = seen  # type: ignore[method-assign]
        await it.restart()
        await it.over(HOUR)
        assert not it.received
        assert f"unfinished/{run.run}" in it.notices()
        assert not it.ask(Action.RESUME, run.run).refused
        await it.over(HOUR)
        assert set(it.received.values()) == {1}
        assert it.notices() == [f"finished/{run.run}"]


async def test_a_run_that_a_person_paused_stays_paused_over_a_restart_until_another_terminal_resumes_it(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more=SLOW))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        run = it.runs()[0].run
        assert not it.ask(Action.PAUSE, run).refused
        before = sum(it.received.values())
        await it.until(NINE + HOUR)
        await it.restart()
        await it.over(HOUR)
        assert sum(it.received.values()) == before
        assert it.notices() == [f"unfinished/{run}"]
        spool = Spool(it.ledger.path)
        await it.until(NINE + 3 * HOUR - MINUTE / 6)  # shortly before the daemon looks at what is asked
        name = spool.post(Request(run, Action.RESUME, it.clock.now()))
        await it.over(MINUTE)
        answer = spool.answer(name)
        assert answer is not None
        assert not answer.refused
        await it.over(HOUR)
        assert set(it.received.values()) == {1}
        assert len(it.received) == 3


async def test_what_cannot_be_resumed_is_said(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        await it.until(NINE + HOUR)
        (run,) = it.runs()
        assert it.ask(Action.RESUME, "nothing-1").refused
        assert it.ask(Action.RESUME, run.run).refused


async def test_a_run_that_nobody_expects_any_more_needs_a_person(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: 2026-12-01 09:00", more=SLOW))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        await it.restart(after=8 * DAY)
        await it.over(HOUR)
        (run,) = it.runs()
        assert len(it.received) < 3
        assert it.notices() == [f"unfinished/{run.run}"]
        assert not it.ask(Action.CANCEL, run.run).refused
        await it.over(MINUTE)
        assert it.runs()[0].state is RunState.CANCELLED
        assert f"unfinished/{run.run}" not in it.notices()


async def test_that_other_terminals_are_not_heard_is_said_once_as_long_as_it_lasts(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=Periods(turn=5, requests=1, quota=6 * 3600)) as it:
        it.write(FILE, campaign())
        await it.start()
        folder = Spool(it.ledger.path).folder
        for times in (1, 2):
            folder.write_text("what root has left there is as good as a file: nothing can be read")
            await it.over(MINUTE / 4)
            assert it.notices() == ["requests"]
            assert len(it.happened("error")) == times
            folder.unlink()
            await it.over(MINUTE / 4)
            assert it.notices() == []
        with it.reading() as ledger:
            assert "chown -R" in ledger.notices("simulator", 9)[0].said.advice


async def test_that_other_terminals_were_not_heard_is_over_after_a_start_that_hears_them(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=Periods(turn=5, requests=1, quota=6 * 3600)) as it:
        await it.start()
        folder = Spool(it.ledger.path).folder
        folder.write_text("no folder")
        await it.over(MINUTE / 4)
        await it.end()
        folder.unlink()
        assert it.notices() == ["requests"]
        await it.start()
        await it.over(MINUTE / 4)
        assert it.notices() == []


async def test_a_run_that_waits_for_the_quota_of_a_month_goes_on_after_a_start_in_the_middle_of_it(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, simulator={"quota": 2, "quota_days": 20}) as it:
        it.write(FILE, campaign(schedule="start: 2026-12-01 09:00"))
        await it.start()
        await it.until(NINE + 9 * DAY)
        assert it.runs()[0].paused_by is PausedBy.QUOTA
        await it.restart()
        assert it.notices() == []
        await it.until(NINE + 25 * DAY)
        assert it.runs()[0].state is RunState.DONE
        assert sum(it.received.values()) == 3


async def test_delivery_reports_are_followed_over_a_restart_and_the_report_written_anew(tmp_path: Path) -> None:
    simulator = {"delivery_delay": (900, 900)}
    async with desk(tmp_path, simulator=simulator) as it:
        it.write(FILE, campaign().replace("until: 60s", "until: 1h"))
        await it.start()
        await it.until(NINE + MINUTE)
        (run,) = it.runs()
        report = tmp_path / "reports" / run.run / "report.csv"
        assert report.read_text().count(",accepted,") == 3
        assert not it.notices()
        await it.restart()
        await it.over(HOUR)
        assert report.read_text().count(",delivered,") == 3
        assert it.notices() == [f"finished/{run.run}"]
        assert set(it.received.values()) == {1}


async def test_whoever_waits_for_a_change_is_woken_by_it_and_else_by_the_time(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        now = it.board.version
        assert await it.board.changed(now - 1, 60) == now
        waiting = asyncio.ensure_future(it.board.changed(now, 60))
        await it.settle()
        assert not waiting.done()
        it.director.files_changed()
        await it.settle()
        assert waiting.done()
        assert waiting.result() > now
        assert it.board.healthy
        assert "Hello" in await it.board.preview(FILE)


async def test_a_run_that_a_person_paused_is_not_sent_because_another_one_met_a_refusal(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more=SLOW))
        it.write("campaigns/other.yaml", campaign("other", "every: '1 9 * * *'", more=SLOW))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        held = it.runs()[0].run
        assert not it.ask(Action.PAUSE, held).refused
        it.gateway.evidence = lambda _: Evidence(Wire.ANSWERED, http_status=302, text="moved")
        await it.until(NINE + MINUTE * 4 / 3)
        assert it.runs("other")[0].paused_by is PausedBy.GATEWAY
        it.gateway.evidence = lambda _: None
        await it.until(NINE + HOUR)
        (run,) = it.runs()
        assert (run.state, run.paused_by) == (RunState.PAUSED, PausedBy.USER)
        assert it.runs("other")[0].state is not RunState.PAUSED  # it has gone on by itself
        assert sum(n for (_, subject), n in it.received.items()) == 3
        it.ask(Action.RESUME, held)
        await it.over(HOUR)
        assert it.runs()[0].state is RunState.DONE


async def test_a_run_that_a_breaker_stopped_before_it_sent_something_once_more_waits_for_a_person(
    tmp_path: Path,
) -> None:
    lost = Evidence(Wire.BEGUN, text="no reply")
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more="unknown: resend\n"))
        await it.start()
        it.gateway.evidence = lambda message: lost if message.msisdn.endswith("101") else None
        await it.until(NINE + MINUTE)
        (run,) = it.runs()
        it.ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.BREAKER, reason="the canary failed")
        await it.restart()
        await it.over(HOUR)
        assert it.gateway.sent == []
        assert f"unfinished/{run.run}" in it.notices()
        it.ask(Action.RESUME, run.run)
        await it.over(HOUR)
        assert len(it.gateway.sent) == 1
        assert it.runs()[0].state is RunState.DONE


async def test_cancelling_a_paused_run_is_done_with_the_first_thing_that_is_written(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more=SLOW))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        held = it.runs()[0].run
        it.ask(Action.PAUSE, held)
        await it.restart()
        await it.over(MINUTE)
        trouble = Trouble(it.ledger, of={2: "before", 3: "before", 4: "before"})
        said = it.ask(Action.CANCEL, held)
        assert (trouble.count >= 1, said.refused, it.runs()[0].state) == (True, False, RunState.CANCELLED)
        await it.restart()
        await it.over(HOUR)
        assert it.runs()[0].state is RunState.CANCELLED
        assert sum(it.received.values()) == 1


async def test_a_pause_in_the_moment_after_a_resume_stands(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more="rate: 1/min\n"))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        (run,) = it.runs()
        assert not it.ask(Action.PAUSE, run.run).refused
        await it.restart()
        await it.over(MINUTE)
        assert not it.ask(Action.RESUME, run.run).refused
        assert not it.ask(Action.PAUSE, run.run).refused  # before anything else had its turn
        await it.over(HOUR)
        (run,) = it.runs()
        assert (run.state, run.paused_by) == (RunState.PAUSED, PausedBy.USER)
        assert it.received.total() == 1
        assert not it.ask(Action.RESUME, run.run).refused
        await it.over(HOUR)
        assert it.runs()[0].state is RunState.DONE
        assert it.received.total() == 3


async def test_a_pause_that_is_lifted_at_once_still_shows_what_a_run_waits_for(tmp_path: Path) -> None:
    async with desk(tmp_path, start=NINE + 9 * HOUR) as it:
        it.write(FILE, campaign(schedule="start: 2026-12-01T18:00, window: {hours: '09:00-17:00'}"))
        await it.start()
        await it.over(MINUTE)
        (run,) = it.runs()
        assert run.paused_by is PausedBy.WINDOW
        assert not it.ask(Action.PAUSE, run.run).refused
        assert not it.ask(Action.RESUME, run.run).refused
        await it.over(MINUTE)
        (run,) = it.runs()
        assert (run.state, run.paused_by, run.resumes_at) == (RunState.PAUSED, PausedBy.WINDOW, NINE + 24 * HOUR)


async def test_a_test_that_was_cut_off_ends_at_the_next_start_and_its_reports_are_followed(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: now"))
        await it.start()
        it.gateway.hold = asyncio.Event()
        said = await it.board.send_test(Trial(FILE, ("+48501102031", "+48501102032")))
        await it.over(MINUTE)
        assert it.gateway.on_wire == 2
        await it.restart()
        await it.over(HOUR)
        with it.reading() as ledger:
            run = ledger.find_run(said.run)
            assert run is not None
            assert run.state is RunState.CANCELLED
            assert ledger.bucket_counts(run.key)[Bucket.MAYBE_SENT] == 2
        assert it.received.total() == 0
        assert it.notices() == []


async def test_no_test_is_begun_by_a_daemon_that_stops_and_one_at_a_time_by_others(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: now"))
        await it.start()
        trial = Trial(FILE, ("+48501102031",))
        first, second = await asyncio.gather(it.board.send_test(trial), it.board.send_test(trial))
        assert (first.refused, second.refused) == (False, True)
        assert "another test" in second.text
        await it.over(HOUR)
        it.director._crew.hold()
        late = await it.board.send_test(trial)
        assert late.refused
        assert "stopping" in late.text
        with it.reading() as ledger:
            assert [run.run for run in ledger.runs()] == [first.run]


@pytest.mark.parametrize("file", [FILE, "campaigns/copy.yaml"])
async def test_a_campaign_renamed_while_its_run_is_unfinished_waits_and_tells_and_the_run_goes_on(
    tmp_path: Path, file: str
) -> None:
    async with desk(tmp_path) as it:
        text = campaign(more=SLOW)
        it.write(FILE, text)
        await it.start()
        await it.until(NINE + MINUTE / 2)
        again = text.replace("campaign: news", "campaign: renamed").replace("0 9 * * mon-fri", "1 9 * * *")
        await it.change(file, again)
        await it.until(NINE + MINUTE * 5 / 2)
        assert it.runs("renamed") == []
        assert "ledger/renamed" in it.notices()
        assert "in " + it.runs()[0].run in it.card(file).reason
        view = await it.board.plan(file)
        assert (view.can_begin, bool(view.why_not)) == (False, True)
        await it.until(NINE + DAY / 2)
        assert it.runs()[0].state is RunState.DONE
        assert {number for number, _ in it.received} == set(NUMBERS)
        assert set(it.received.values()) == {1}
        assert it.runs("renamed") == []
        await it.until(NINE + DAY * 3 / 2)  # the next day is another matter
        assert len(it.runs("renamed")) == (file == FILE)  # beside its original it is the same again
