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
