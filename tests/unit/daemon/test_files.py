"""Campaign files under the daemon's eyes: changed, broken, removed, and two of one name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daemon_desk import Desk, campaign, desk

from mmsflow.daemon.model import CardState
from mmsflow.errors import InvalidInput, LedgerUnavailable, UsageError
from mmsflow.ledger.store import Ledger, LedgerReader

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FILE = "campaigns/news.yaml"


async def test_the_last_good_version_stays_in_force_with_the_errors_of_the_new_one_shown(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(subject="good"))
        await it.start()
        good = it.card()
        await it.change(FILE, campaign(subject="broken").replace("sender", "snder"))
        assert any("snder" in error.message for error in it.card().errors)
        assert (it.card().sha256, it.card().version_at) == (good.sha256, good.version_at)
        await it.until(NINE + MINUTE)
        assert {subject for _, subject in it.received} == {"good news"}
        assert it.runs()[0].campaign_sha256 == good.sha256
        (faulty,) = [name for name in it.notices() if name.startswith("faulty/")]
        assert faulty.startswith(f"faulty/{FILE}/")
        await it.change(FILE, campaign(subject="mended"))
        assert not it.card().errors
        assert faulty not in it.notices()
        await it.until(NINE + DAY + MINUTE)
        assert {subject for _, subject in it.received} == {"good news", "mended news"}


async def test_what_a_campaign_names_is_looked_at_too_without_reading_a_row(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        await it.change("lists/a.csv", None)
        assert any("lists/a.csv" in error.message for error in it.card().errors)
        await it.change("lists/a.csv", "number,first_name\n")
        assert any("`name`" in error.message for error in it.card().errors)
        await it.change("lists/a.csv", "number,name\nno number at all\n")
        assert not it.card().errors


async def test_a_file_that_was_never_good_is_shown_and_does_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, "version: 1\ncampaign: news\n")
        await it.start()
        await it.until(NINE + HOUR)
        assert it.card().state is CardState.FAULTY
        assert it.card().errors
        with pytest.raises(InvalidInput):
            await it.board.plan(FILE)
        with pytest.raises(UsageError):
            await it.board.plan("campaigns/other.yaml")


async def test_hidden_files_and_run_markers_are_no_campaigns(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write("campaigns/.news.yaml", campaign())
        it.write("campaigns/.runs/x.yaml", campaign("x"))
        it.write("campaigns/b.yml", campaign("b"))
        await it.start()
        assert [card.file for card in it.board.cards()] == ["campaigns/b.yml"]


async def test_two_files_of_one_name_are_both_wrong_and_what_was_in_force_stays(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(subject="first"))
        await it.start()
        await it.change("campaigns/copy.yaml", campaign(subject="second"))
        copy, news = it.board.cards()
        assert (copy.state, news.state) == (CardState.FAULTY, CardState.SCHEDULED)
        assert "same campaign name" in copy.errors[0].message
        assert "same campaign name" in news.errors[0].message
        await it.until(NINE + MINUTE)
        assert {subject for _, subject in it.received} == {"first news"}


async def test_a_removed_file_ends_its_schedule_while_its_runs_go_on(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        await it.until(NINE)
        await it.change(FILE, None)
        await it.until(NINE + 2 * DAY)
        assert not it.board.cards()
        assert [run.state.value for run in it.runs()] == ["done"]
        assert set(it.received.values()) == {1}
        assert not it.skips()


async def test_times_of_a_new_schedule_count_from_its_change_and_what_waited_is_accounted_for(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more="approval: required\n"))
        await it.start()
        await it.until(NINE + 4 * HOUR)
        await it.change(FILE, campaign(schedule="every: '0 12,15 * * *'"))
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [(NINE, "overtaken")]
        await it.until(NINE + 7 * HOUR)
        assert [run.due_at for run in it.runs()] == [NINE + 6 * HOUR]


async def test_a_renamed_file_keeps_its_campaigns_times(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        await it.until(NINE + HOUR)
        (tmp_path / FILE).rename(tmp_path / "campaigns/letter.yaml")
        it.director.files_changed()
        await it.until(NINE + DAY + HOUR)
        assert [run.due_at for run in it.runs()] == [NINE, NINE + DAY]
        assert not it.skips()


@contextmanager
def failing_once(it: Desk, error: Exception) -> Iterator[None]:
    """The next time that scheduled times are accounted for fails, as on a full disk; the ones after that do not."""
    account_for = it.ledger.account_for

    def failing(*args: Any, **kwargs: Any) -> None:
        it.ledger.account_for = account_for  # type: ignore[method-assign]
        raise error

    it.ledger.account_for = failing  # type: ignore[method-assign]
    yield
    assert it.ledger.account_for == account_for  # it did fail


FULL = LedgerUnavailable("the ledger has no room left", "make room")
SOON = timedelta(seconds=10)


@pytest.mark.parametrize("error", [FULL, RuntimeError("unforeseen")])
async def test_a_campaign_that_could_not_be_watched_at_first_is_watched_soon_and_the_others_at_once(
    tmp_path: Path, error: Exception
) -> None:
    async with desk(tmp_path) as it:
        await it.start()
        it.write("campaigns/a.yaml", campaign("a"))
        it.write("campaigns/b.yaml", campaign("b"))
        with failing_once(it, error):
            await it.change(FILE, campaign())
        assert [it.card(f"campaigns/{name}.yaml").state for name in ("a", "b")] == [
            CardState.ENDED,
            CardState.SCHEDULED,
        ]
        await it.over(SOON)
        assert it.card("campaigns/a.yaml").state is CardState.SCHEDULED
        await it.until(NINE + MINUTE)
        assert [len(it.runs(name)) for name in ("a", "b", "news")] == [1, 1, 1]


async def test_changes_are_still_noticed_after_reading_the_files_has_failed(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.start()
        read, it.director._keeper.read_files = it.director._keeper.read_files, failing_to_read  # type: ignore[method-assign]
        await it.change(FILE, campaign())
        it.director._keeper.read_files = read  # type: ignore[method-assign]
        await it.over(SOON)
        assert it.card().state is CardState.SCHEDULED
        await it.change("campaigns/later.yaml", campaign("later"))
        assert it.card("campaigns/later.yaml").state is CardState.SCHEDULED


async def failing_to_read() -> bool:
    raise FULL


@pytest.mark.parametrize("changed", [None, campaign(schedule="every: '0 12 * * *'")])
async def test_a_time_that_ends_with_its_file_is_written_down_although_the_ledger_fails_at_first(
    tmp_path: Path, changed: str | None
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more="approval: required\n"))
        await it.start()
        await it.until(NINE + HOUR)
        with failing_once(it, FULL):
            await it.change(FILE, changed)
        assert it.skips() == []
        await it.over(SOON)
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [(NINE, "overtaken")]
        assert it.notices() == ["skipped/news/2026-12-01T08:00:00Z"]
        await it.until(NINE + 4 * HOUR)
        assert [run.due_at for run in it.runs()] == ([NINE + 3 * HOUR] if changed else [])


async def test_nothing_of_the_old_schedule_begins_while_its_change_cannot_be_written_down(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        good = (tmp_path / "lists/a.csv").read_text()
        await it.change("lists/a.csv", "number,name\n+48501000101,\n")
        await it.until(NINE + MINUTE)
        assert it.card().state is CardState.HINDERED
        it.write("lists/a.csv", good)
        with failing_once(it, FULL):
            await it.change(FILE, campaign(schedule="every: '0 12 * * *'"))
        await it.until(NINE + 4 * HOUR)
        assert [run.due_at for run in it.runs()] == [NINE + 3 * HOUR]
        assert [skip.due_at for skip in it.skips()] == [NINE]


async def test_a_daemon_starts_although_one_campaign_cannot_be_watched_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        fails = [FULL]

        def failing(*args: Any, **kwargs: Any) -> Any:
            if fails:
                raise fails.pop()
            return LedgerReader.notices(*args, **kwargs)

        monkeypatch.setattr(Ledger, "notices", failing)
        await it.start()
        await it.over(SOON)
        assert it.card().state is CardState.SCHEDULED
        assert not fails
        assert len(it.happened("error")) == 1


async def test_a_time_that_both_schedules_have_waits_on_and_a_new_one_between_is_not_made_up_for(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(more="approval: required\n"))
        await it.start()
        await it.until(NINE + 4 * HOUR)
        await it.change(FILE, campaign(schedule="every: '0 9,18 * * *'", more="approval: required\n"))
        assert it.card().due == NINE
        assert it.skips() == []
        await it.change(FILE, campaign(schedule="every: '0 9,11 * * *'"))
        await it.over(HOUR)
        assert it.runs() == []
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [(NINE, "overtaken")]


def daily(hours: str, more: str = "") -> str:
    return campaign(schedule=f"every: '0 {hours} * * *'", more=more)


async def changed_while_down(it: Desk, to: str, at: datetime) -> None:
    await it.end()
    await it.clock.advance((at - it.clock.now()).total_seconds())
    it.write(FILE, to)
    await it.start()
    await it.over(HOUR)


async def test_a_schedule_that_changes_while_nobody_is_there_sends_for_no_time_that_was_never_scheduled(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, daily("18"))
        await it.start()
        await it.until(NINE + 10 * HOUR)
        await changed_while_down(it, daily("9"), NINE + DAY + 42 * MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE + 9 * HOUR]
        assert it.skips() == []
        await it.until(NINE + 2 * DAY + MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE + 9 * HOUR, NINE + 2 * DAY]


async def test_times_of_the_old_schedule_that_nobody_was_there_for_are_named_when_it_has_changed_meanwhile(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, daily("9"))
        await it.start()
        await it.until(NINE + HOUR)
        await changed_while_down(it, daily("8"), NINE + 2 * DAY + 10 * MINUTE)
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [
            (NINE + DAY, "missed"),
            (NINE + 2 * DAY, "missed"),
        ]
        assert "schedule was changed" in it.skips()[-1].reason
        assert "skipped/news/2026-12-03T08:00:00Z" in it.notices()
        assert [run.due_at for run in it.runs()] == [NINE]


async def test_a_missed_time_that_the_changed_schedule_has_too_is_still_carried_out_within_its_grace(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, daily("9"))
        await it.start()
        await it.until(NINE + HOUR)
        await changed_while_down(it, daily("9,18"), NINE + DAY + 42 * MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE, NINE + DAY]
        assert it.skips() == []


async def test_a_change_of_a_file_that_leaves_its_times_makes_up_for_a_missed_one(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, daily("9"))
        await it.start()
        await changed_while_down(it, campaign(schedule="every: '0 9 * * *', window: any"), NINE + 42 * MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE]


async def test_a_ledger_of_an_earlier_version_takes_the_schedule_as_it_is(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, daily("9"))
        await it.start()
        await it.end()
        with Ledger.open(it.settings.ledger_url) as ledger, ledger._database.write() as connection:
            connection.exec_driver_sql("UPDATE watched SET schedule = ''")
        await it.clock.advance((NINE + 42 * MINUTE - it.clock.now()).total_seconds())
        await it.start()
        await it.over(MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE]
        with it.reading() as reader:
            assert "0 9 * * *" in reader.accounted_schedule("simulator", "news")


async def test_a_schedule_that_cannot_be_read_any_more_is_said_and_nothing_of_it_is_made_up_for(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, daily("9"))
        await it.start()
        await it.end()
        with Ledger.open(it.settings.ledger_url) as ledger, ledger._database.write() as connection:
            connection.exec_driver_sql("""UPDATE watched SET schedule = '{"moon": "full"}'""")
        await it.clock.advance((NINE + 42 * MINUTE - it.clock.now()).total_seconds())
        await it.start()
        await it.over(HOUR)
        assert it.runs() == []
        with it.reading() as reader:
            assert "not known" in reader.notices("simulator", 9)[0].said.text
        await it.until(NINE + DAY + MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE + DAY]


async def test_each_of_very_many_times_of_a_schedule_that_has_ended_is_accounted_for(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="every: '* * * * *', start: 2026-12-01 09:00"))
        await it.start()
        await changed_while_down(it, daily("8"), NINE + DAY - MINUTE / 2)
        assert [skip.due_at for skip in it.skips()] == [NINE + minute * MINUTE for minute in range(24 * 60)]
        assert {skip.code for skip in it.skips()} == {"missed"}


@pytest.mark.parametrize("down", [False, True])
async def test_a_start_that_is_moved_into_the_past_is_not_sent_and_people_are_told(tmp_path: Path, down: bool) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, campaign(schedule="start: 2026-12-02 18:00"))
        await it.start()
        await it.until(NINE + 42 * MINUTE)
        moved = campaign(schedule="start: 2026-12-01 09:00")
        if down:
            await changed_while_down(it, moved, NINE + 42 * MINUTE)
        else:
            await it.change(FILE, moved)
        await it.until(NINE + 2 * DAY)
        assert it.runs() == []
        assert [(skip.due_at, skip.code) for skip in it.skips()] == [(NINE, "missed")]
        assert it.notices() == ["skipped/news/2026-12-01T08:00:00Z"]


async def test_a_time_that_has_its_run_is_not_named_again_when_its_schedule_changes_after_a_crash(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.write(FILE, daily("9"))
        await it.start()

        def dies(name: str, _: object) -> None:
            if name == "run_frozen" and not it.dies:
                it.snapshot()

        it.heard = dies
        await it.until(NINE + HOUR)
        assert it.dies
        await it.kill()
        it.write(FILE, daily("8"))
        await it.start()
        await it.over(HOUR)
        assert [run.due_at for run in it.runs()] == [NINE]
        assert it.skips() == []
