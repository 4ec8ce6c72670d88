"""Campaign files under the daemon's eyes: changed, broken, removed, and two of one name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemon_desk import campaign, desk

from mmsflow.daemon.model import CardState
from mmsflow.errors import InvalidInput, UsageError

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
        assert {subject for _, subject in it.received} == {"good"}
        assert it.runs()[0].campaign_sha256 == good.sha256
        (faulty,) = [name for name in it.notices() if name.startswith("faulty/")]
        assert faulty.startswith(f"faulty/{FILE}/")
        await it.change(FILE, campaign(subject="mended"))
        assert not it.card().errors
        assert faulty not in it.notices()
        await it.until(NINE + DAY + MINUTE)
        assert {subject for _, subject in it.received} == {"good", "mended"}


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
        assert {subject for _, subject in it.received} == {"first"}


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
