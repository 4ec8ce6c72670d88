"""What people are told of runs: each end and each pause once, whatever happens to the daemon in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemon_desk import ACCOUNT, NUMBERS, Desk, campaign, desk

from mmsflow.engine.control import LiveRuns, answer
from mmsflow.errors import GatewayRefused, LedgerUnavailable
from mmsflow.gateway.model import Evidence, OutgoingMessage, QuotaReply, Wire
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.operation import NoticeKind
from mmsflow.ledger.requests import Action, Answer, Request
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState
from mmsflow.web.overview import overview
from mmsflow.workflow.run import freeze

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FILE = "campaigns/news.yaml"


def one_reply_lost(message: OutgoingMessage) -> Evidence | None:
    return Evidence(Wire.BEGUN, text="no reply") if message.msisdn.endswith("101") else None


def slow_reports(it: Desk) -> asyncio.Event:
    """Reports that are written as soon as the event is set."""
    written, reporting = asyncio.Event(), it.director._reporting
    write = reporting.write

    async def slow(run: RunInfo) -> None:
        await written.wait()
        await write(run)

    reporting.write = slow  # type: ignore[method-assign]
    return written


def send_again(it: Desk, run: RunInfo) -> Answer:
    """Ask for the message of unknown fate once more."""
    with it.reading() as ledger:
        message = next(ledger.maybe_sent(run.key))
    decided = (Decision(message.id, message.attempt, MessageState.READY),)
    return it.director._answering.answer(Request(run.run, Action.RESOLVE, it.clock.now(), decided))


async def test_a_run_that_ends_while_the_daemon_stops_is_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more="delivery_report: false\n"))
        await it.start()
        it.gateway.hold = asyncio.Event()
        it.gateway.evidence = one_reply_lost
        await it.until(NINE + MINUTE / 60)
        it.stop.set()
        await it.settle()
        it.gateway.hold.set()
        await it.end()
        (run,) = it.runs()
        assert run.state is RunState.DONE_WITH_UNKNOWN
        assert it.notices() == [f"finished/{run.run}", f"maybe-sent/{run.run}"]
        await it.start()
        await it.over(HOUR)
        assert len(it.notices(open_only=False)) == 2


async def test_a_run_that_ended_in_the_moment_of_a_crash_is_told_and_reported_by_the_next_start(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        written = slow_reports(it)
        await it.until(NINE + 5 * MINUTE)
        (run,) = it.runs()
        assert run.state is RunState.DONE
        assert not it.notices()
        it.snapshot()
        written.set()
        await it.kill()
        report = tmp_path / "reports" / run.run / "report.csv"
        report.unlink(missing_ok=True)
        await it.start()
        await it.over(MINUTE)
        assert report.read_text().count(",delivered,") == 3
        assert it.notices() == [f"finished/{run.run}"]
        await it.restart()
        await it.over(2 * HOUR)
        assert len(it.notices(open_only=False)) == 1
        assert len(it.happened("run_finished")) == 1


async def test_nobody_is_told_by_a_daemon_of_a_run_that_a_terminal_has_carried_out(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        it.director._teller.owe = lambda _: None  # type: ignore[method-assign,assignment]
        written = slow_reports(it)
        await it.until(NINE + 5 * MINUTE)
        it.snapshot()
        written.set()
        await it.restart()
        await it.over(2 * HOUR)
        assert it.runs()[0].state is RunState.DONE
        assert not it.notices(open_only=False)


async def test_what_the_ledger_could_not_take_is_told_later_and_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more="approval: required\n"))
        await it.start()

        def full(*_: object) -> None:
            raise LedgerUnavailable("the ledger has no room left", "make room")

        with monkeypatch.context() as patch:
            patch.setattr(it.ledger, "tell", full)
            await it.until(NINE + MINUTE)
            it.director._teller.settle("approval/news/2026-12-01T08:00:00Z")
            assert not it.notices()
            assert it.happened("error")
        it.director._turn.set()
        await it.settle()
        assert it.notices(open_only=False) == ["approval/news/2026-12-01T08:00:00Z"]
        assert not it.notices()


MANY = "number,name\n" + "".join(f"+48501{number:06d},Ola\n" for number in range(1, 13))
STOPS = "rate: 2/min\nexclude:\n  - csv: lists/no.csv\nstop_if: {failed: 20%, after: 2}\n"


def refused(_: OutgoingMessage) -> Evidence:
    return Evidence(Wire.ANSWERED, http_status=400, code=1, text="bad recipient")


def pauses_told(it: Desk) -> list[str]:
    return [str(facts["text"]) for facts in it.happened("notice") if str(facts["notice"]).startswith("paused/")]


async def test_a_second_pause_is_told_after_a_first_one_that_has_mended_by_itself(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write("lists/a.csv", MANY)
        it.write("lists/no.csv", "number\n")
        it.write(FILE, campaign(more=STOPS))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        (tmp_path / "lists/no.csv").rename(tmp_path / "lists/no.bak")
        await it.until(NINE + MINUTE + MINUTE / 4)
        assert it.runs()[0].paused_by is PausedBy.LISTS
        (tmp_path / "lists/no.bak").rename(tmp_path / "lists/no.csv")
        await it.until(NINE + 3 * MINUTE)
        assert it.runs()[0].state is RunState.RUNNING
        it.gateway.evidence = refused
        await it.until(NINE + HOUR)
        assert it.runs()[0].paused_by is PausedBy.BREAKER
        assert len(pauses_told(it)) == 2
        (told,) = it.notices()
        assert told == f"paused/{it.runs()[0].run}"


async def test_the_same_pause_is_told_again_when_the_run_has_sent_in_between(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write("lists/a.csv", MANY)
        it.write("lists/no.csv", "number\n")
        it.write(FILE, campaign(more=STOPS))
        await it.start()
        for minutes in (0, 4):
            await it.until(NINE + MINUTE * (minutes + 0.5))
            (tmp_path / "lists/no.csv").rename(tmp_path / "lists/no.bak")
            await it.until(NINE + MINUTE * (minutes + 1.25))
            assert it.runs()[0].paused_by is PausedBy.LISTS
            assert it.notices() == [f"paused/{it.runs()[0].run}"]
            (tmp_path / "lists/no.bak").rename(tmp_path / "lists/no.csv")
            await it.until(NINE + MINUTE * (minutes + 4))
            assert it.runs()[0].state is RunState.RUNNING
            assert not it.notices()
        assert len(pauses_told(it)) == 2


async def test_a_pause_that_lasts_is_told_once_however_often_it_is_tried_and_another_cause_anew(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write("lists/a.csv", MANY)
        it.write("lists/no.csv", "number\n")
        it.write(FILE, campaign(more=STOPS))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        (tmp_path / "lists/no.csv").rename(tmp_path / "lists/no.bak")
        await it.until(NINE + 5 * HOUR)
        assert len(it.happened("run_paused")) > 10
        assert len(pauses_told(it)) == 1
        (tmp_path / "lists/no.bak").rename(tmp_path / "lists/no.csv")
        it.gateway.evidence = lambda _: Evidence(Wire.ANSWERED, http_status=302, text="moved")
        await it.until(NINE + 6 * HOUR)
        assert len(it.happened("run_paused")) > 12
        assert it.runs()[0].paused_by is PausedBy.GATEWAY
        assert len(pauses_told(it)) == 2


async def test_a_message_that_is_sent_once_more_while_the_report_is_written_is_sent(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        it.gateway.evidence = one_reply_lost
        written = slow_reports(it)
        await it.until(NINE + 5 * MINUTE)
        (run,) = it.runs()
        assert run.state is RunState.DONE_WITH_UNKNOWN
        assert it.director._engine.live.get(run.run) is None
        it.gateway.evidence = lambda _: None
        assert not send_again(it, run).refused
        written.set()
        await it.until(NINE + HOUR)
        assert sorted(it.received.values()) == [1, 1, 1]
        assert it.runs()[0].state is RunState.DONE
        assert it.notices(open_only=False) == [f"maybe-sent/{run.run}", f"finished/{run.run}"]


async def test_a_run_that_ends_a_second_time_is_told_a_second_time(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        it.gateway.evidence = one_reply_lost
        await it.until(NINE + HOUR)
        (run,) = it.runs()
        it.gateway.evidence = lambda _: None
        assert not send_again(it, run).refused
        await it.over(HOUR)
        assert it.notices(open_only=False) == [f"maybe-sent/{run.run}", f"finished/{run.run}", f"finished/{run.run}"]
        assert it.notices() == [f"finished/{run.run}"]


@pytest.mark.parametrize("changed_their_mind", [False, True])
async def test_a_run_that_is_resumed_while_its_report_is_written_goes_on_unless_it_is_paused_again(
    tmp_path: Path, changed_their_mind: bool
) -> None:
    async with desk(tmp_path) as it:
        it.write("lists/a.csv", MANY)
        it.write(FILE, campaign(more="rate: 6/min\nstop_if: {failed: 20%, after: 2}\n"))
        await it.start()
        it.gateway.evidence = refused
        written = slow_reports(it)
        await it.until(NINE + 3 * MINUTE)
        (run,) = it.runs()
        assert run.paused_by is PausedBy.BREAKER
        it.gateway.evidence = lambda _: None
        assert not it.ask(Action.RESUME, run.run).refused
        if changed_their_mind:
            assert not it.ask(Action.PAUSE, run.run).refused
        written.set()
        await it.until(NINE + HOUR)
        assert it.runs()[0].state is (RunState.PAUSED if changed_their_mind else RunState.DONE)
        assert not pauses_told(it)


async def test_a_skipped_time_asks_for_nobody_any_more_when_a_later_one_has_its_run(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="every: '0 9 * * *', missed: skip"))
        await it.start()
        await it.restart(after=3 * HOUR)
        await it.over(HOUR)
        assert it.notices() == ["skipped/news/2026-12-01T08:00:00Z"]
        await it.until(NINE + 23 * HOUR)
        assert it.notices() == ["skipped/news/2026-12-01T08:00:00Z"]
        await it.until(NINE + 25 * HOUR)
        (run,) = it.runs()
        assert it.notices() == [f"finished/{run.run}"]


async def test_what_was_settled_while_no_daemon_was_up_is_asked_of_nobody_any_more(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write("lists/a.csv", MANY)
        it.write(FILE, campaign(more="rate: 6/min\nstop_if: {failed: 20%, after: 2}\n"))
        it.write("lists/b.csv", "number,name\n" + "".join(f"{number},Ola\n" for number in NUMBERS))
        it.write("campaigns/b.yaml", campaign("b").replace("lists/a.csv", "lists/b.csv"))
        await it.start()
        it.gateway.evidence = lambda each: one_reply_lost(each) if each.msisdn in NUMBERS else refused(each)
        await it.until(NINE + HOUR)
        (run,), (other,) = it.runs(), it.runs("b")
        await it.end()
        with Ledger.open(it.settings.ledger_url, clock=it.clock) as ledger:
            assert answer(ledger, Request(run.run, Action.CANCEL, it.clock.now()), LiveRuns()).refused is False
            message = next(ledger.maybe_sent(other.key))
            decided = (Decision(message.id, message.attempt, MessageState.UNDETERMINED),)
            request = Request(other.run, Action.RESOLVE, it.clock.now(), decided)
            assert answer(ledger, request, LiveRuns()).refused is False
        assert {f"paused/{run.run}", f"maybe-sent/{other.run}"} <= set(it.notices())
        await it.start()
        await it.over(HOUR)
        assert [name for name in it.notices() if not name.startswith("finished/")] == []


@pytest.mark.parametrize(
    ("evidence", "event"),
    [
        (one_reply_lost, "run_finished"),
        (lambda _: Evidence(Wire.ANSWERED, http_status=302, text="moved"), "run_paused"),
    ],
)
async def test_of_a_test_the_log_is_told_and_no_person(
    tmp_path: Path, evidence: Callable[[OutgoingMessage], Evidence | None], event: str
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: now"))
        await it.start()
        version = it.director._version_of(FILE)
        async with it.director._planner.planned(version, None) as (prepared, plan):
            run = freeze(prepared, plan, it.ledger, workspace=tmp_path, now=it.clock.now(), test=True)
        it.gateway.evidence = evidence
        it.director._crew.carry(run)
        await it.over(HOUR)
        assert it.happened(event)
        await it.restart()
        await it.over(HOUR)
        assert not it.notices(open_only=False)


async def test_the_overview_shows_what_asks_for_a_decision_however_many_times_were_skipped(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.start()
        tell = it.director._teller.people
        tell("paused/a-1", NoticeKind.PAUSED, "a-1 is paused")
        tell("approval/a/1", NoticeKind.NEEDS_PERSON, "a waits for approval")
        for number in range(100):
            tell(f"skipped/b/{number}", NoticeKind.NEEDS_PERSON, "b was not sent")
        shown = [notice.said.name for notice in overview(it.board).notices]
        assert shown[:3] == ["approval/a/1", "paused/a-1", "skipped/b/99"]
        assert len(shown) < 100


async def test_a_run_that_crashed_at_its_very_end_is_told_as_finished(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        crew = it.director._crew
        came_to_rest = crew._came_to_rest

        def broken(*_: object) -> None:
            crew._came_to_rest = came_to_rest  # type: ignore[method-assign]
            raise ZeroDivisionError

        crew._came_to_rest = broken  # type: ignore[method-assign,assignment]
        await it.until(NINE + 2 * HOUR)
        (run,) = it.runs()
        assert run.state is RunState.DONE
        assert it.notices() == [f"finished/{run.run}"]


async def test_a_ledger_that_cannot_take_notices_is_said_once_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path) as it:
        await it.start()

        def full(*_: object) -> None:
            raise LedgerUnavailable("the ledger has no room left", "make room")

        monkeypatch.setattr(it.ledger, "tell", full)
        it.director._teller.people("faulty/a", NoticeKind.NEEDS_PERSON, "a is wrong")
        await it.over(10 * HOUR)
        assert len(it.happened("error")) == 1


async def test_a_person_puts_away_the_notice_of_a_skipped_time_and_no_other(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.start()
        for name in ("skipped/news/1", "approval/news/2"):
            it.director._teller.people(name, NoticeKind.NEEDS_PERSON, "somebody is asked for", campaign="news")
        assert not (await it.board.seen("skipped/news/1")).refused
        assert (await it.board.seen("approval/news/2")).refused
        assert it.notices() == ["approval/news/2"]
        assert it.happened("notice_seen")


async def test_people_hear_of_doubtful_messages_when_all_is_sent_and_not_days_later(tmp_path: Path) -> None:
    async with desk(tmp_path, simulator={"delivery_delay": (7200, 7200)}) as it:
        it.write(FILE, campaign().replace("{until: 60s}", "{until: 4h}"))
        await it.start()
        it.gateway.evidence = one_reply_lost
        await it.until(NINE + 10 * MINUTE)
        (run,) = it.runs()
        assert it.notices() == [f"maybe-sent/{run.run}"]
        await it.until(NINE + 6 * HOUR)
        assert it.notices() == [f"maybe-sent/{run.run}", f"finished/{run.run}"]


async def test_people_hear_at_once_of_what_a_dead_daemon_left_on_the_wire(tmp_path: Path) -> None:
    async with desk(tmp_path, simulator={"delivery_delay": (7200, 7200)}) as it:
        it.write(FILE, campaign(more="rate: 1/min\n").replace("{until: 60s}", "{until: 4h}"))
        await it.start()
        await it.until(NINE + MINUTE / 2)
        it.gateway.hold = asyncio.Event()
        await it.until(NINE + 3 * MINUTE / 2)
        assert it.gateway.on_wire == 1
        (run,) = it.runs()
        await it.restart()
        assert it.notices() == [f"maybe-sent/{run.run}"]
        await it.over(HOUR)
        assert it.notices() == [f"maybe-sent/{run.run}"]


async def test_doubtful_messages_that_are_sent_once_more_by_themselves_are_not_told_before_the_end(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more="unknown: resend\n"))
        await it.start()
        it.gateway.evidence = one_reply_lost
        await it.until(NINE + MINUTE)
        (run,) = it.runs()
        assert run.config["resend_unknown"] is True
        assert it.notices() == []


async def test_a_gateway_that_refuses_us_is_told_at_once_and_settled_when_it_answers(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:

        async def refuses() -> QuotaReply:
            raise GatewayRefused("the credentials are wrong", "set others")

        it.write(FILE, campaign())
        await it.start()
        await it.until(NINE - 10 * MINUTE)
        it.gateway.quota = refuses
        await it.until(NINE + MINUTE)
        assert it.notices() == ["gateway"]
        with it.reading() as ledger:
            (told,) = ledger.notices(ACCOUNT, 10)
        assert (told.said.text, told.said.advice) == ("the gateway refuses us: the credentials are wrong", "set others")
        it.gateway.quota = None
        await it.until(NINE + 12 * HOUR)
        (run,) = it.runs()
        assert it.notices() == [f"finished/{run.run}"]


async def test_a_broken_file_is_told_anew_when_no_version_of_it_is_in_force_any_more(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        await it.change(FILE, campaign().replace("sender:", "sendr:"))
        with it.reading() as ledger:
            (before,) = ledger.notices(ACCOUNT, 10, open_only=True)
        assert "the last good version stays in force" in before.said.text
        await it.restart()
        with it.reading() as ledger:
            (after,) = ledger.notices(ACCOUNT, 10, open_only=True)
        assert "nothing of it is carried out" in after.said.text


async def test_of_a_cancelled_run_nobody_is_told_that_it_is_finished(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more="rate: 1/min\n"))
        await it.start()
        await it.until(NINE + MINUTE)
        (run,) = it.runs()
        assert not it.ask(Action.CANCEL, run.run).refused
        await it.over(HOUR)
        with it.reading() as ledger:
            (told,) = ledger.notices(ACCOUNT, 10)
        assert told.said.text.startswith(f"{run.run} is cancelled: ")
