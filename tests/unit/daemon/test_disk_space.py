"""A disk without room, under the daemon: the time waits, people are told once, and it begins when there is room."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemon_desk import campaign, desk

from mmsflow.daemon.model import CardState

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FILE = "campaigns/news.yaml"


async def test_a_time_waits_for_room_and_begins_when_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs

    def full(path: os.PathLike[str]) -> os.statvfs_result:
        values = list(real(path))
        values[3] = values[4] = 0  # blocks free
        return os.statvfs_result(values)

    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        monkeypatch.setattr(os, "statvfs", full)
        await it.until(NINE + 10 * MINUTE)
        assert it.runs() == []
        assert it.card().state is CardState.HINDERED
        assert "not enough room" in it.card().reason
        assert it.notices() == ["ledger/news"]
        monkeypatch.setattr(os, "statvfs", real)
        await it.over(10 * MINUTE)
        assert [run.due_at for run in it.runs()] == [NINE]
        assert len(it.received) == 3
        assert "ledger/news" not in it.notices()


@pytest.mark.parametrize("silent", [True, False])
async def test_a_file_system_that_does_not_say_what_is_free_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    def unknown(_: os.PathLike[str]) -> os.statvfs_result:
        if silent:
            raise OSError(38, "Function not implemented")
        return os.statvfs_result([0] * 10)

    monkeypatch.setattr(os, "statvfs", unknown)
    async with desk(tmp_path) as it:
        it.write(FILE, campaign())
        await it.start()
        await it.until(NINE + 10 * MINUTE)
        assert len(it.received) == 3
