"""Secrets that are rotated under a living daemon: what was refused goes on by itself, a lost file is said to people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon_desk import campaign, desk

from mmsflow.daemon.director import Periods
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.secret_file import SecretFile

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FILE = "campaigns/news.yaml"
PERIODS = Periods(turn=3600, requests=3600, quota=6 * 3600, news=3600)


def secret(folder: Path, text: str) -> SecretFile:
    (folder / "secret").write_text(text)
    return SecretFile("client_secret", folder / "secret")


async def test_a_run_that_the_gateway_refused_goes_on_when_the_secret_was_rotated(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=PERIODS, client_secret=secret(tmp_path, "simulator")) as it:
        it.write(FILE, campaign(more="rate: 1/min\n"))
        await it.start()
        await it.until(NINE + SECOND)
        it.rotate("rotated")  # and the file does not have it yet
        await it.over(HOUR)
        (run,) = it.runs()
        assert (run.state, run.paused_by) == (RunState.PAUSED, PausedBy.CREDENTIALS)
        it.write("secret", "rotated")
        await it.over(HOUR)
        assert set(it.received.values()) == {1}
        assert len(it.received) == 3


async def test_a_secret_that_cannot_be_read_is_said_once_and_settled_when_it_can(tmp_path: Path) -> None:
    async with desk(tmp_path, periods=PERIODS, client_secret=secret(tmp_path, "simulator")) as it:
        await it.start()
        (tmp_path / "secret").unlink()
        await it.over(3 * SECOND)
        assert it.notices() == [], "a file that is being replaced is gone for a moment"
        await it.over(HOUR)
        assert it.notices() == ["secret/client_secret"]
        it.write("secret", "another")
        await it.over(10 * SECOND)
        assert it.notices() == []
        assert [each["setting"] for each in it.happened("secret_read_anew")] == ["client_secret_file"]
