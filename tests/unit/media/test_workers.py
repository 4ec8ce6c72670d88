"""The worker processes: never more than asked for, never a hang, and none left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from benchmarks.pictures import photo, saved
from mmsflow.media.model import Frame
from mmsflow.media.problem import Unusable
from mmsflow.media.workers import Job, Workers

FRAME = Frame(1280, 1280)


def measuring(key: str, content: bytes, kind: str = "JPEG") -> Job:
    return Job(key, "measure", lambda: (content, kind, FRAME, 0))


def alive(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def pool() -> Iterator[Workers]:
    workers = Workers(count=2)
    yield workers
    workers.close()


def test_no_process_is_started_before_the_first_job(pool: Workers) -> None:
    assert list(pool.run([])) == []
    assert pool.processes == []


def test_jobs_share_the_workers_and_each_result_has_its_key(pool: Workers) -> None:
    content = saved(photo(200, 150), "JPEG")
    results = dict(pool.run([measuring(str(number), content) for number in range(7)]))
    assert results.keys() == {str(number) for number in range(7)}
    assert len(pool.processes) == 2


def test_a_job_that_takes_too_long_is_a_finding_and_the_others_are_done(pool: Workers) -> None:
    late = Workers(count=1, seconds=0.0)
    ((_, result),) = late.run([measuring("a", saved(photo(900, 700), "JPEG"))])
    assert isinstance(result, Unusable)
    assert "could not be read within" in result.message
    assert late.processes == []


def test_a_worker_that_dies_is_a_finding_and_another_takes_its_place(pool: Workers) -> None:
    list(pool.run([measuring("warm", saved(photo(80, 60), "JPEG"))]))
    (victim,) = pool.processes
    os.kill(victim, 9)
    small = saved(photo(80, 60), "JPEG")
    results = [result for _, result in pool.run([measuring("a", small), measuring("b", small), measuring("c", small)])]
    assert sum(isinstance(result, Unusable) and "ended unexpectedly" in result.message for result in results) == 1
    assert sum(isinstance(result, list) for result in results) == 2


def test_what_a_tick_raises_ends_the_waiting_and_the_workers(pool: Workers) -> None:
    seen: list[int] = []

    def tick() -> None:
        seen.extend(each for each in stopped.processes if each not in seen)
        if len(seen) == 2:
            raise KeyboardInterrupt

    stopped = Workers(tick, count=2)
    content = saved(photo(900, 700), "JPEG")
    with pytest.raises(KeyboardInterrupt):
        list(stopped.run([measuring(str(number), content) for number in range(40)]))
    assert len(seen) == 2
    assert not any(alive(pid) for pid in seen)


def test_arguments_are_made_when_a_worker_is_free_for_them_not_before(pool: Workers) -> None:
    waiting, most = set(), 0
    content = saved(photo(80, 60), "JPEG")

    def arguments(number: int) -> tuple[object, ...]:
        nonlocal most
        waiting.add(number)
        most = max(most, len(waiting))
        return (content, "JPEG", FRAME, 0)

    for key, _ in pool.run([Job(number, "measure", partial(arguments, number)) for number in range(12)]):
        waiting.discard(key)
    assert most <= 3


def test_closing_ends_the_workers_before_it_returns_and_again_is_harmless(pool: Workers) -> None:
    list(pool.run([measuring("a", saved(photo(80, 60), "JPEG"))]))
    pids = pool.processes
    pool.close()
    pool.close()
    assert not any(map(alive, pids))
