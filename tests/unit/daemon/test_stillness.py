"""What holds the daemon's loop up is done while nothing is on the wire."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemon_desk import NUMBERS, Desk, campaign, desk

from mmsflow.daemon import stillness
from mmsflow.errors import MmsflowError
from mmsflow.ledger.model import RunState
from mmsflow.workflow import purge

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LARGE = campaign("large", "every: '5 9 * * *'").replace("lists/a.csv", "lists/large.csv")


def watched(it: Desk) -> list[tuple[bool, int, int]]:
    """At each end of a hold: whether it begins, requests on the wire, runs of the large campaign."""
    seen: list[tuple[bool, int, int]] = []
    it.held = lambda begins: seen.append((begins, it.gateway.on_wire, len(it.runs("large"))))
    return seen


async def test_a_large_run_is_frozen_once_the_requests_of_others_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stillness, "LARGE", 8)
    async with desk(tmp_path) as it:
        seen = watched(it)
        it.write("lists/large.csv", "number,name\n" + "".join(f"+4850200010{i},Jan\n" for i in range(8)))
        it.write("campaigns/news.yaml", campaign())
        it.write("campaigns/large.yaml", LARGE)
        await it.start()
        it.gateway.hold = asyncio.Event()
        await it.until(NINE + 10 * MINUTE)
        assert it.gateway.on_wire == len(NUMBERS)
        assert (seen, it.runs("large")) == ([], [])
        it.gateway.hold.set()
        await it.until(NINE + HOUR)
        assert seen == [(True, 0, 0), (False, 0, 1)]
        assert [run.state for run in (*it.runs("news"), *it.runs("large"))] == [RunState.DONE] * 2
        assert set(it.received.values()) == {1}
        assert it.received.total() == len(NUMBERS) + 8


async def test_a_small_run_is_frozen_beside_the_others(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        seen = watched(it)
        it.write("campaigns/news.yaml", campaign())
        it.write("campaigns/large.yaml", LARGE.replace("lists/large.csv", "lists/b.csv"))
        it.write("lists/b.csv", "number,name\n+48502000100,Jan\n")
        await it.start()
        it.gateway.hold = asyncio.Event()
        await it.until(NINE + 10 * MINUTE)
        assert len(it.runs("large")) == 1
        assert seen == []
        it.gateway.hold.set()
        await it.until(NINE + HOUR)


async def test_old_personal_data_go_step_by_step_and_the_ledger_is_rewritten_in_a_still_moment(tmp_path: Path) -> None:
    async with desk(tmp_path, retain=timedelta(days=2)) as it:
        seen = watched(it)
        it.write("campaigns/news.yaml", campaign(schedule="start: 2026-12-01T09:00"))
        await it.start()
        await it.until(NINE + DAY)
        (run,) = it.runs()
        assert run.purged_at is None
        await it.until(NINE + 4 * DAY)
        (run,) = it.runs()
        assert run.purged_at is not None
        (purged,) = it.happened("run_purged")
        assert purged == {"run": run.run, "rows": 3, "files": 2}
        assert [begins for begins, _, _ in seen] == [True, False]
        assert not it.ledger.scrub_owed


async def test_a_daemon_that_dies_in_the_middle_of_a_purge_finishes_it_the_next_time(tmp_path: Path) -> None:
    async with desk(tmp_path, retain=timedelta(days=2)) as it:
        it.write("campaigns/news.yaml", campaign(schedule="start: 2026-12-01T09:00"))
        await it.start()
        await it.until(NINE + HOUR)
        (run,) = it.runs()
        next(it.ledger.purge_in_steps(run.key, it.clock.now()))
        assert (tmp_path / "reports" / run.run / "report.csv").exists(), "another terminal was writing it meanwhile"
        await it.restart()
        assert [each.run for each in it.ledger.half_purged()] == [run.run]
        await it.over(HOUR)
        assert it.ledger.half_purged() == []
        assert not it.ledger.scrub_owed
        assert not (tmp_path / "reports" / run.run).exists()


async def test_a_report_that_cannot_be_deleted_keeps_no_other_run_from_being_purged_and_people_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete, roots = purge._delete_report, ["news-20261201-1"]

    def refused(workspace: Path, run: str) -> int:
        if run in roots:
            raise MmsflowError(f"the report of {run} cannot be deleted: Permission denied", "make it writable for you")
        return delete(workspace, run)

    monkeypatch.setattr(purge, "_delete_report", refused)
    async with desk(tmp_path, retain=timedelta(days=2)) as it:
        it.write("campaigns/news.yaml", campaign(schedule="start: 2026-12-01T09:00"))
        it.write("campaigns/other.yaml", campaign("other", "start: 2026-12-01T09:30"))
        await it.start()
        await it.until(NINE + 6 * DAY)
        assert [run.purged_at is None for run in (*it.runs(), *it.runs("other"))] == [True, False]
        assert not it.ledger.scrub_owed
        assert [name for name in it.notices(open_only=False) if name.startswith("purge/")] == ["purge/news-20261201-1"]
        assert len(it.happened("error")) == 4  # once a day
        roots.clear()
        await it.over(DAY)
        assert it.runs()[0].purged_at is not None
        assert "purge/news-20261201-1" not in it.notices()
