"""The sign of life of whoever holds a ledger: given beside any work, read by others, and judged by nothing but itself."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mmsflow.ledger.heartbeat import Heartbeat
from mmsflow.ledger.lock import WriteLock, holder_of, lock_path
from mmsflow.ledger.model import Holder

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LONG_AGO = 1_000_000_000


def until(done: Callable[[], bool]) -> None:
    """Wait for what a thread does; a minute on a busy machine at most."""
    for _ in range(6000):
        if done():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came")


def touched(path: Path) -> Callable[[], bool]:
    os.utime(path, (LONG_AGO, LONG_AGO))
    return lambda: path.stat().st_mtime > LONG_AGO


def opened(folder: Path) -> tuple[Path, int]:
    path = folder / "a.lock"
    return path, os.open(path, os.O_RDWR | os.O_CREAT)


def test_it_beats_while_the_thread_that_began_it_is_busy_and_no_more_once_it_is_stopped(tmp_path: Path) -> None:
    path, descriptor = opened(tmp_path)
    beat = Heartbeat(descriptor, every=0.01)
    until(touched(path))
    beat.stop()
    again = touched(path)
    threading.Event().wait(0.1)
    assert not again()
    os.close(descriptor)


async def test_a_loop_that_does_not_turn_is_no_sign_of_life(tmp_path: Path) -> None:
    path, descriptor = opened(tmp_path)
    beat = Heartbeat(descriptor, every=0.01, stuck=0.05)
    threading.Event().wait(0.3)  # holds the loop up
    again = touched(path)
    threading.Event().wait(0.1)
    assert not again()
    await asyncio.to_thread(until, again)  # and as soon as it turns again, it is alive
    beat.stop()
    os.close(descriptor)


def test_a_loop_that_has_ended_is_no_stuck_one(tmp_path: Path) -> None:
    path, descriptor = opened(tmp_path)

    async def begun() -> Heartbeat:
        return Heartbeat(descriptor, every=0.01, stuck=0.05)

    beat = asyncio.run(begun())
    threading.Event().wait(0.2)
    until(touched(path))
    beat.stop()
    os.close(descriptor)


@pytest.mark.parametrize(
    ("beats", "silent", "answers"),
    [(4.0, 0, True), (4.0, 12, True), (4.0, 12.1, False), (4.0, 86400, False), (4.0, -5, True), (4.0, -3600, None),
     (0.0, 86400, None)],
)  # fmt: skip
def test_three_beats_without_one_are_silence(beats: float, silent: float, answers: bool | None) -> None:
    seen = NOW - timedelta(seconds=silent)
    assert Holder(1, "here", NOW, "run", beat_seconds=beats, last_seen=seen).answers(NOW) is answers


def test_a_holder_of_which_nothing_is_known_yet_is_not_judged() -> None:
    holder = Holder(7, "here", None, "")
    assert holder.answers(NOW) is None
    assert holder.as_json(NOW) == {
        "pid": 7,
        "host": "here",
        "command": "",
        "since": None,
        "last_seen": None,
        "answers": None,
    }


def test_a_lock_beats_from_the_moment_it_is_taken_and_its_own_process_is_not_judged(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    lock = WriteLock.take(ledger, command="purge", now=NOW)
    names = [thread.name for thread in threading.enumerate()]
    assert "mmsflow-heartbeat" in names
    holder = holder_of(ledger)
    assert holder is not None
    assert (holder.beat_seconds, holder.answers(NOW)) == (4.0, None)
    lock.release()
    assert "mmsflow-heartbeat" not in [thread.name for thread in threading.enumerate()]
    assert lock_path(ledger).read_bytes() == b""
