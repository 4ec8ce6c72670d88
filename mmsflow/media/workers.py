"""Worker processes that decode, encode and draw: hostile files end one of them, never the campaign, and never hang it.

A pool of our own instead of ``ProcessPoolExecutor``: that one cannot end a single job that takes too long, and when one
worker dies it does not say over which job.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmsflow.media.problem import Unusable

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess

JOB_SECONDS = 120.0  # a photo takes one; on a machine that is overloaded a hundred times as long is still an answer
_MEMORY_BYTES = 4 << 30  # of addresses; a picture of the largest size that is allowed takes a quarter of it
_TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Job:
    """One call of a function in ``work.WORK``.

    Attributes:
        key: given back with the result.
        name: of the function.
        arguments: makes its arguments just before they are handed over, so that few of them are in memory.
    """

    key: Hashable
    name: str
    arguments: Callable[[], tuple[object, ...]]


class _Worker:
    def __init__(self) -> None:
        # Imported here and below: 15 ms, which commands without pictures do not pay.
        import multiprocessing

        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["mmsflow.media.work"])  # Pillow and numpy are imported once, in the server
        self.connection, theirs = context.Pipe()
        self.process: ForkServerProcess = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.deadline = 0.0

    def begin(self, job: Job, seconds: float) -> None:
        self.job, self.deadline = job, time.monotonic() + seconds
        with suppress(OSError):  # it has died meanwhile, which its result will say
            self.connection.send((job.name, job.arguments()))

    @property
    def key(self) -> Hashable:
        assert self.job is not None
        return self.job.key

    def result(self) -> object:
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return _died()

    def close(self) -> None:
        self.connection.close()
        self.process.kill()  # it holds nothing that could be left half done
        self.process.join()
        self.process.close()


class Workers:
    """A pool that starts with the first job. Not for several threads at a time."""

    def __init__(self, tick: Callable[[], None] | None = None, count: int = 0, seconds: float = JOB_SECONDS) -> None:
        """
        Args:
            tick: called several times a second while jobs are waited for; what it raises ends the waiting.
            count: workers at most; as many as there are cores for this process when 0.
            seconds: for one job; its worker is killed then.
        """
        self._tick = tick or (lambda: None)
        self._count = count or _cores()
        self._seconds = seconds
        self._workers: list[_Worker] = []

    @property
    def processes(self) -> list[int]:
        """The ids of those that live now."""
        return [worker.process.pid for worker in self._workers if worker.process.pid]

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Hashable, object]]:
        """Carry the jobs out, yield key and result as they come; a result is an Unusable where it could not be made.

        Leaving the iterator early, also by an exception out of a tick or an argument, ends the workers.
        """
        waiting = iter(jobs)
        try:
            yield from self._run(waiting)
        except BaseException:
            self.close()
            raise

    def _run(self, waiting: Iterator[Job]) -> Iterator[tuple[Hashable, object]]:
        from multiprocessing.connection import wait

        more = self._fill(waiting)
        while busy := [worker for worker in self._workers if worker.job]:
            self._tick()
            ready = wait([worker.connection for worker in busy], _TICK_SECONDS)
            now = time.monotonic()
            for worker in busy:
                late = now > worker.deadline
                if worker.connection not in ready and not late:
                    continue
                key = worker.key
                result = worker.result() if worker.connection in ready else _late(self._seconds)
                worker.job = None
                if late or isinstance(result, _Gone):
                    self._workers.remove(worker)
                    worker.close()
                yield key, result
            if more:
                more = self._fill(waiting)

    def _fill(self, waiting: Iterator[Job]) -> bool:
        """Give every idle worker a job; False when there are no more."""
        while True:
            worker = next((each for each in self._workers if not each.job), None)
            if worker is None and len(self._workers) >= self._count:
                return True
            job = next(waiting, None)
            if job is None:
                return False
            if worker is None:
                worker = _Worker()
                self._workers.append(worker)
            worker.begin(job, self._seconds)

    def close(self) -> None:
        """End all of them; again is harmless."""
        while self._workers:
            self._workers.pop().close()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Gone(Unusable):
    """The worker is of no more use."""


def _died() -> _Gone:
    return _Gone("the process that read it ended unexpectedly", "export it again, or make it smaller")


def _late(seconds: float) -> _Gone:
    return _Gone(f"it could not be read within {seconds:g} seconds", "export it again, or make it smaller")


def _serve(connection: Connection) -> None:
    """The life of a worker: job by job, until the other end is closed or the parent is gone."""
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; Ctrl-C reaches the whole group
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError, ValueError):
        if sys.platform == "linux":
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            limit = _MEMORY_BYTES if most == resource.RLIM_INFINITY else min(most, _MEMORY_BYTES)
            resource.setrlimit(resource.RLIMIT_AS, (limit, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders in C complain there; what counts comes back as a result
    from mmsflow.media.work import WORK

    with suppress(EOFError, OSError):
        while True:
            name, arguments = connection.recv()
            connection.send(_carried_out(WORK[name], arguments))


def _carried_out(function: Callable[..., object], arguments: tuple[object, ...]) -> object:
    try:
        return function(*arguments)
    except Unusable as problem:
        return problem
    except MemoryError:
        return Unusable("the picture needs more memory than a picture may take", "save it smaller")
    except Exception as error:  # decoders raise what their format's arithmetic happens to hit
        return Unusable(f"the picture is damaged: {type(error).__name__}", "export it again")
