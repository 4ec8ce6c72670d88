"""What the daemon does by itself at scheduled times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemon_desk import campaign, desk

from mmsflow.daemon.model import CardState
from mmsflow.errors import GatewayUnavailable
from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.operation import Approval
from mmsflow.ledger.requests import Action
from mmsflow.ledger.store import Ledger
from mmsflow.workflow.occurrences import Hindrance
from mmsflow.workflow.run import freeze

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FILE = "campaigns/news.yaml"
APPROVAL = "approval: required\n"


async def test_a_recurring_campaign_is_sent_at_each_of_its_times_and_reported(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        assert (it.card().state, it.card().next_due) == (CardState.SCHEDULED, NINE)
        await it.until(NINE + DAY + HOUR)
        first, second = it.runs()
        assert (first.due_at, second.due_at) == (NINE, NINE + DAY)
        assert set(it.received.values()) == {2}
        assert (tmp_path / "reports" / second.run / "report.csv").exists()
        assert it.notices() == [f"finished/{first.run}", f"finished/{second.run}"]


async def test_a_campaign_without_a_time_is_never_sent_by_itself(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: now"))
        await it.start()
        await it.over(3 * DAY)
        assert it.card().state is CardState.BY_HAND
        assert not it.runs()
        assert not it.skips()


async def test_a_person_begins_a_campaign_by_hand_once_and_only_with_the_plan_they_saw(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: now"))
        await it.start()
        seen = await it.board.plan(FILE)
        assert (seen.can_begin, seen.due, seen.plan.messages) == (True, None, 3)
        assert (await it.board.begin(FILE, "another digest", "ola")).refused
        assert not (await it.board.begin(FILE, seen.plan.digest, "ola")).refused
        assert (await it.board.begin(FILE, seen.plan.digest, "ola")).refused
        await it.over(HOUR)
        assert len(it.runs()) == 1
        assert set(it.received.values()) == {1}
        again = await it.board.plan(FILE)
        assert not again.can_begin
        assert "finished" in again.why_not
        assert (await it.board.begin(FILE, again.plan.digest, "ola")).refused


async def test_a_plan_knows_the_accounts_rate(tmp_path: Path) -> None:
    async with desk(tmp_path, rate=0.1) as it:
        it.write(FILE, campaign())
        await it.start()
        plan = (await it.board.plan(FILE)).plan
        assert (plan.pace.per_second, plan.pace.basis) == (0.1, "account")


async def test_a_plan_that_is_still_true_is_not_made_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        first = await it.board.plan(FILE)
        asked = len(it.gateway.limits)
        assert (await it.board.plan(FILE)).plan is first.plan
        assert len(it.gateway.limits) == asked
        it.write("lists/a.csv", "number,name\n+48501000101,Ewa\n")
        assert (await it.board.plan(FILE)).plan.messages == 1


async def test_a_campaign_that_needs_approval_waits_for_it_and_goes_on(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more=APPROVAL))
        await it.start()
        await it.until(NINE + 5 * HOUR)
        assert (it.card().state, it.card().due) == (CardState.AWAITS_APPROVAL, NINE)
        assert it.notices() == ["approval/news/2026-12-01T08:00:00Z"]
        seen = await it.board.plan(FILE)
        assert (seen.plan.digest, seen.due, seen.approved) == (it.card().digest, NINE, False)
        assert seen.why_not == "its time has come; it begins once it is approved"
        assert (await it.board.approve(FILE, "another digest", "ola")).refused
        assert not (await it.board.approve(FILE, seen.plan.digest, "ola")).refused
        await it.over(MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE]
        assert it.notices() == [f"finished/{it.runs()[0].run}"]


async def test_an_approval_given_in_advance_holds_only_while_nothing_changes(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more=APPROVAL))
        await it.start()
        assert not (await it.board.approve(FILE, (await it.board.plan(FILE)).plan.digest, "ola")).refused
        assert (await it.board.plan(FILE)).approved
        await it.change("lists/a.csv", "number,name\n+48501000101,Ewa\n")
        await it.until(NINE + MINUTE)
        assert not it.runs()
        assert (await it.board.plan(FILE)).changes
        await it.change("lists/a.csv", "number,name\n+48501000101,Ola\n+48601000102,Ola\n+48731000103,Ola\n")
        await it.over(MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE]


async def test_a_time_that_nobody_approved_is_skipped_when_the_next_one_comes_also_after_a_restart(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more=APPROVAL))
        await it.start()
        await it.until(NINE + 5 * HOUR)
        await it.restart(after=HOUR)
        assert it.card().state is CardState.AWAITS_APPROVAL
        await it.until(NINE + DAY + MINUTE)
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [(NINE, "not_approved")]
        assert it.card().due == NINE + DAY
        assert it.notices() == ["skipped/news/2026-12-01T08:00:00Z", "approval/news/2026-12-02T08:00:00Z"]


async def test_a_yes_to_the_plan_as_it_is_by_now_is_heeded_although_another_one_was_asked_about(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more=APPROVAL))
        await it.start()
        await it.until(NINE + MINUTE)
        asked = it.card().digest
        it.write("lists/a.csv", "number,name\n+48501000101,Ewa\n")  # and nobody tells the daemon of the change
        seen = await it.board.plan(FILE)
        assert seen.plan.digest != asked
        assert not (await it.board.approve(FILE, seen.plan.digest, "ola")).refused
        await it.over(MINUTE)
        assert [(run.due_at, run.plan_sha256) for run in it.runs()] == [(NINE, seen.plan.digest)]


async def test_a_yes_long_ago_does_not_send_when_nobody_expects_it_any_more(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: 2026-12-01 09:00", more=APPROVAL))
        await it.start()
        await it.until(NINE + MINUTE)
        digest = it.card().digest
        await it.end()
        with Ledger.open(it.settings.ledger_url, clock=it.clock) as ledger:
            ledger.approve(it.settings.account, "news", Approval(digest, it.clock.now(), "ola", {"messages": 3}))
        await it.clock.advance((21 * DAY).total_seconds())
        await it.start()
        await it.over(HOUR)
        assert it.runs() == []
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [(NINE, "missed")]


async def test_a_time_that_a_person_makes_up_for_by_hand_does_not_begin_by_itself_as_well(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        await it.change("lists/a.csv", "number,name\n+48501000101,\n")
        await it.until(NINE + MINUTE)
        assert it.card().state is CardState.HINDERED
        it.write("lists/a.csv", "number,name\n+48501000101,Ewa\n")
        seen = await it.board.plan(FILE)
        assert not (await it.board.begin(FILE, seen.plan.digest, "ola")).refused
        await it.over(HOUR)
        assert [run.due_at for run in it.runs()] == [NINE]
        assert set(it.received.values()) == {1}


WORKING_DAYS = "every: '0 9 * * mon-fri', window: {days: mon-fri, hours: '09:00-17:00', holidays: skip}"


async def test_a_holiday_passes_without_a_run_and_without_alarming_anybody(tmp_path: Path) -> None:
    async with desk(tmp_path, start=datetime(2026, 12, 23, 7, tzinfo=UTC)) as it:
        it.write(FILE, campaign(schedule=WORKING_DAYS))
        await it.start()
        await it.until(datetime(2026, 12, 23, 9, tzinfo=UTC))
        assert it.card().next_due == datetime(2026, 12, 28, 8, tzinfo=UTC)
        await it.until(datetime(2026, 12, 29, 7, tzinfo=UTC))
        assert [run.due_at.day for run in it.runs() if run.due_at] == [23, 28]
        assert set(it.received.values()) == {2}
        skips = [(skip.due_at.day, skip.code, skip.reason) for skip in it.skips()]
        assert skips == [(day, "closed", "its window stays closed until the next time") for day in (24, 25)]
        assert it.notices(open_only=False) == [f"finished/{run.run}" for run in it.runs()]


async def test_a_yes_after_the_window_has_closed_does_not_send_beside_the_next_time(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule=WORKING_DAYS, more=APPROVAL))
        await it.start()
        await it.until(NINE + 8 * HOUR)
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [(NINE, "not_approved")]
        with it.reading() as ledger:
            told = ledger.notices("simulator", 9, open_only=True)[0].said
        assert told.text.endswith("nobody has approved its plan, and its window stays closed until the next time")
        assert told.advice == "it cannot be sent any more; later times begin by themselves"
        seen = await it.board.plan(FILE)
        assert seen.due == NINE + DAY
        assert not (await it.board.approve(FILE, seen.plan.digest, "ola")).refused
        await it.until(NINE + DAY + HOUR)
        assert [run.due_at for run in it.runs()] == [NINE + DAY]
        assert set(it.received.values()) == {1}


async def test_a_campaign_that_is_new_has_no_time_to_make_up_for(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        seen = await it.board.plan(FILE)
        assert (seen.due, seen.can_begin, seen.by_hand_for) == (NINE, False, None)
        assert "came before the daemon knew of it; the next one begins by itself" in seen.why_not
        assert (await it.board.begin(FILE, seen.plan.digest, "ola")).refused
        await it.until(NINE + HOUR)
        assert [run.due_at for run in it.runs()] == [NINE]
        assert set(it.received.values()) == {1}


async def test_a_skipped_time_is_begun_by_hand_once_and_the_page_says_which_and_until_when(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="every: '0 9 * * *', not_after: 5h"))
        await it.start()
        await it.restart(after=NINE + 2 * HOUR - it.clock.now())
        with it.reading() as ledger:
            told = ledger.notices("simulator", 9, open_only=True)[0].said
        assert told.advice == "begin it from its plan on the web page, if it should still go out"
        seen = await it.board.plan(FILE)
        assert (seen.due, seen.can_begin) == (NINE + DAY, True)
        assert (seen.by_hand_for, seen.by_hand_until) == (NINE, NINE + 5 * HOUR)
        assert not (await it.board.begin(FILE, seen.plan.digest, "ola")).refused
        assert not (await it.board.plan(FILE)).can_begin
        await it.until(NINE + 3 * HOUR)
        assert [run.due_at for run in it.runs()] == [NINE]
        again = await it.board.plan(FILE)
        assert (again.can_begin, "has its run" in again.why_not) == (False, True)


async def test_a_skipped_time_that_would_be_sent_beside_its_successor_is_not_begun_by_hand(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="every: '0 9 * * *', window: {hours: '09:00-12:00'}"))
        await it.start()
        await it.restart(after=NINE + 3 * HOUR - it.clock.now())
        assert [skip.due_at for skip in it.skips()] == [NINE]
        seen = await it.board.plan(FILE)
        assert (seen.can_begin, "its window stays closed until the next time" in seen.why_not) == (False, True)
        assert (await it.board.begin(FILE, seen.plan.digest, "ola")).refused
        assert it.runs() == []


async def test_a_skipped_time_whose_deadline_has_passed_is_not_offered(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="every: '0 9 * * *', not_after: 90min"))
        await it.start()
        await it.restart(after=NINE + 2 * HOUR - it.clock.now())
        seen = await it.board.plan(FILE)
        assert (seen.can_begin, "`schedule.not_after`" in seen.why_not) == (False, True)


@pytest.mark.parametrize(
    ("schedule", "late", "runs", "codes"),
    [
        ("every: '0 9 * * *'", 30 * MINUTE, [NINE + 2 * DAY], ["missed", "missed"]),
        ("every: '0 9 * * *'", 90 * MINUTE, [], ["missed"] * 3),
        ("every: '0 9 * * *', grace: 3h", 90 * MINUTE, [NINE + 2 * DAY], ["missed", "missed"]),
        ("every: '0 9 * * *', missed: skip", 30 * MINUTE, [], ["missed"] * 3),
    ],
)
async def test_times_that_nobody_was_there_for_are_carried_out_once_or_skipped(
    tmp_path: Path, schedule: str, late: timedelta, runs: list[datetime], codes: list[str]
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule=schedule))
        await it.start()
        await it.restart(after=NINE + 2 * DAY + late - it.clock.now())
        await it.over(MINUTE)
        assert [run.due_at for run in it.runs()] == runs
        assert [skip.code for skip in it.skips()] == codes


async def test_a_start_that_lies_in_the_past_is_begun_within_its_grace_and_else_skipped(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write("campaigns/a.yaml", campaign("a", "start: 2026-12-01 07:30"))
        it.write("campaigns/b.yaml", campaign("b", "start: 2026-11-30 07:30"))
        await it.start()
        await it.over(HOUR)
        assert [run.campaign for run in it.runs("a")] == ["a"]
        assert [skip.code for skip in it.skips("b")] == ["missed"]
        assert it.card("campaigns/b.yaml").state is CardState.ENDED
        await it.restart()
        await it.over(HOUR)
        assert (len(it.runs("a")), len(it.runs("b")), len(it.skips("b"))) == (1, 0, 1)


@pytest.mark.parametrize("change", ["start: 2026-12-01 10:30", "start: 2026-12-01 09:00, timezone: Europe/London"])
@pytest.mark.parametrize("way", ["finished", "under way", "cancelled"])
async def test_a_start_that_is_moved_after_the_run_sends_nothing_again_by_itself(
    tmp_path: Path, way: str, change: str
) -> None:
    pace = "" if way == "finished" else "rate: 1/h\n"
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: 2026-12-01 09:00", more=pace))
        await it.start()
        await it.until(NINE + MINUTE)
        run = it.runs()[0].run
        if way == "cancelled":
            assert not it.ask(Action.CANCEL, run).refused
        await it.change(FILE, campaign(schedule=change, more=pace))
        await it.until(NINE + 3 * HOUR)
        assert [each.run for each in it.runs()] == [run]
        assert max(it.received.values()) == 1
        assert [skip.code for skip in it.skips()] == ["sent_before"]
        assert run in it.skips()[0].reason
        with it.reading() as ledger:
            told = next(each.said for each in ledger.notices("simulator", 9) if each.said.name.startswith("skipped/"))
        assert run in told.text
        assert f"mmsflow run {FILE} --top-up" in told.advice
        assert "--again" in told.advice


async def test_a_campaign_begun_by_hand_that_is_given_a_time_later_is_not_sent_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: now"))
        await it.start()
        seen = await it.board.plan(FILE)
        assert not (await it.board.begin(FILE, seen.plan.digest, "ola")).refused
        await it.over(MINUTE)
        await it.change(FILE, campaign(schedule="start: 2026-12-01 09:00"))
        await it.until(NINE + MINUTE)
        assert set(it.received.values()) == {1}
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [(NINE, "sent_before")]
        seen = await it.board.plan(FILE)
        assert not seen.can_begin
        assert (await it.board.begin(FILE, seen.plan.digest, "ola")).refused


async def test_a_run_that_was_begun_before_its_time_was_planned_stays_the_only_one(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: 2026-12-01 09:00"))
        await it.start()
        planner = it.director._planner
        version = it.director._version_of(FILE)
        async with planner.planned(version, None) as (prepared, plan):
            run = freeze(prepared, plan, it.ledger, workspace=tmp_path, now=it.clock.now())
        outcome = await it.director._beginner.begin(version, NINE)
        assert isinstance(outcome, Hindrance)
        assert run.run in outcome.reason


async def test_one_run_of_a_campaign_sends_at_a_time(tmp_path: Path) -> None:
    async with desk(tmp_path, simulator={"quota": 2, "quota_days": 7}) as it:
        it.write(FILE, campaign(schedule="every: '0 9,12 * * *'"))
        await it.start()
        await it.until(NINE + 3 * HOUR + 30 * MINUTE)
        assert it.card().state is CardState.HINDERED
        await it.until(NINE + 5 * HOUR)
        run = it.runs()[0]
        assert [skip.code for skip in it.skips()] == ["unfinished"]
        assert run.run in it.skips()[0].reason
        assert not it.ask(Action.CANCEL, run.run).refused
        await it.until(NINE + DAY + MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE, NINE + DAY]


async def test_a_gateway_that_is_away_at_the_time_is_tried_again_until_the_grace_is_over(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="every: '0 9 * * *', grace: 10min"))
        await it.start()

        async def away() -> QuotaReply:
            raise GatewayUnavailable("the gateway does not answer")

        it.gateway.quota = away
        await it.until(NINE + 5 * MINUTE)
        assert it.card().state is CardState.HINDERED
        assert it.card().reason == "the gateway does not answer"
        it.gateway.quota = None
        await it.over(2 * MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE]
        it.gateway.quota = away
        await it.until(NINE + DAY + 12 * MINUTE)
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [(NINE + DAY, "missed")]


async def test_a_list_that_is_mended_within_the_grace_lets_its_campaign_begin(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        await it.change("lists/a.csv", "number,name\n+48501000101,\n")
        await it.until(NINE + 10 * MINUTE)
        assert it.card().state is CardState.HINDERED
        assert "lists/a.csv" in it.card().reason
        await it.change("lists/a.csv", "number,name\n+48501000101,Ewa\n")
        await it.over(MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE]


async def test_the_wall_clock_counts_through_both_nights_of_its_changes(tmp_path: Path) -> None:
    async with desk(tmp_path, start=datetime(2027, 3, 27, 0, tzinfo=UTC)) as it:
        it.write(FILE, campaign(schedule="every: '30 2 * * *'"))
        await it.start()
        await it.until(datetime(2027, 3, 30, 0, tzinfo=UTC))
        spring = [run.due_at for run in it.runs()]
        # 02:30 does not exist on the 28th: it is sent when the clocks have gone on.
        assert spring == [datetime(2027, 3, day, hour, minute, tzinfo=UTC) for day, hour, minute in DST_SPRING]
    (tmp_path / "autumn").mkdir()
    async with desk(tmp_path / "autumn", start=datetime(2027, 10, 30, 12, tzinfo=UTC)) as it:
        it.write(FILE, campaign(schedule="every: '30 2 * * *'"))
        await it.start()
        await it.until(datetime(2027, 11, 1, 12, tzinfo=UTC))
        autumn = [run.due_at for run in it.runs()]
        assert len(autumn) == 2  # 02:30 comes twice on the 31st, and is sent once
        assert autumn[1] == datetime(2027, 11, 1, 1, 30, tzinfo=UTC)


DST_SPRING = [(27, 1, 30), (28, 1, 0), (29, 0, 30)]
