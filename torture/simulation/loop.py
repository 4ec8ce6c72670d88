"""An event loop whose time is virtual. It never waits, and runs one callback a turn: a crash fits between any two.

Everything that depends on the machine is replaced: time, the order of tasks in sets, threads and signals. One seed
therefore gives one story.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import BaseEventLoop
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, Unpack

SIMULATED_PROCESS: ContextVar[object | None] = ContextVar("simulated_process", default=None)
"""The simulated process that the current task belongs to; tasks inherit it from the task that makes them."""

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class Stuck(Exception):
    """Nothing is left that could ever happen, or the story does not end."""


class SimulatedTask(asyncio.Task[Any]):
    """A task with a number, by which sets of tasks have the same order every time, and with its process."""

    def __init__(self, number: int, coro: Coroutine[Any, Any, Any], **options: Any) -> None:
        self._number = number
        context = options.get("context")
        self.process = context.get(SIMULATED_PROCESS) if context else SIMULATED_PROCESS.get()
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class VirtualLoop(BaseEventLoop):
    """Runs callbacks in their order and jumps to the next timer when none is left.

    Args:
        most_turns: after so many callbacks the story counts as endless.

    Attributes:
        turns: callbacks run so far.
        before_turn: called before each callback with the number of turns; may kill a process.
    """

    def __init__(self, most_turns: int) -> None:
        super().__init__()
        self._now = 0.0
        self._most_turns = most_turns
        self._numbers = count(1)
        self.turns = 0
        self.before_turn: Callable[[int], None] | None = None
        self.tasks: list[SimulatedTask] = []
        self.handlers: dict[tuple[object | None, int], tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self.set_task_factory(self._make_task)
        self.set_exception_handler(lambda _loop, _context: None)  # those of killed processes are of no interest

    def time(self) -> float:
        return self._now

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> SimulatedTask:
        task = SimulatedTask(next(self._numbers), coro, loop=loop, **options)
        if len(self.tasks) > 200:
            self.tasks = [task for task in self.tasks if not task.done()]
        self.tasks.append(task)
        return task

    def _run_once(self) -> None:
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        ready = self._ready  # type: ignore[attr-defined]
        while timers and (timers[0].cancelled() or timers[0].when() <= self._now):
            self._due(timers, ready)
        if not ready:
            if not timers:
                raise Stuck("every task waits for something that never comes")
            self._now = timers[0].when()
            self._due(timers, ready)
        self.turns += 1
        if self.turns > self._most_turns:
            raise Stuck(f"no end after {self._most_turns} turns")
        if self.before_turn is not None:
            self.before_turn(self.turns)
        handle = ready.popleft()
        if not handle.cancelled():
            handle._run()

    @staticmethod
    def _due(timers: list[asyncio.TimerHandle], ready: Any) -> None:
        timer = heapq.heappop(timers)
        timer._scheduled = False  # type: ignore[attr-defined]
        if not timer.cancelled():
            ready.append(timer)

    def _write_to_self(self) -> None:
        """Nobody waits in a system call who would have to be woken."""

    def run_in_executor(
        self,
        executor: object,  # noqa: ARG002 - asyncio's name
        func: Callable[[Unpack[_Arguments]], _Result],
        *args: *_Arguments,
    ) -> asyncio.Future[_Result]:
        """Run it here and now: a thread would bring the machine's timing in."""
        future: asyncio.Future[_Result] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def add_signal_handler(
        self, sig: int, callback: Callable[[Unpack[_Arguments]], object], *args: *_Arguments
    ) -> None:
        self.handlers[SIMULATED_PROCESS.get(), sig] = (callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        return self.handlers.pop((SIMULATED_PROCESS.get(), sig), None) is not None

    def tasks_of(self, process: object) -> list[SimulatedTask]:
        """The process's tasks that have not ended, in the order of their making."""
        return [task for task in self.tasks if task.process is process and not task.done()]


class WallClock:
    """The time of day of the simulated machine: virtual time, and jumps that somebody's hand or NTP made."""

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        self._loop = loop
        self._start = start.astimezone(UTC)
        self.offset_seconds = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time() + self.offset_seconds)

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
