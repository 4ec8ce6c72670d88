"""The account's budget of status questions: while several runs have some to ask, they take turns by weight.

Priorities do not count here. A run with a hundred thousand reports outstanding has questions for hours; would those of
a lower run wait for all of them, its canary and its deadline would pass unasked. So each run gets its part at any time,
and a few questions are asked within a few turns, whoever else has a backlog.
"""

from __future__ import annotations

import asyncio
from collections import deque

from mmsflow.clock import Clock
from mmsflow.delivery.turns import Order, Turn
from mmsflow.gateway.pacing import Pacer

_EQUAL = 0  # one priority for all


class Questions:
    """The budget of all runs of one account.

    Args:
        per_second: status questions a second over all runs, above 0.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._pacer, self._clock = Pacer(per_second, clock), clock
        self._order = Order()
        self._waiting: list[Asker] = []
        self._made = 0
        self._serving: asyncio.Task[None] | None = None

    def asker(self, weight: int) -> Asker:
        """A run's part; its weight counts beside those of others that have questions right now."""
        self._made += 1
        return Asker(self, Turn(_EQUAL, weight, self._made))

    def take(self) -> bool:
        """A permit that nobody waits for."""
        return not self._waiting and self._pacer.take(1)[0] == 1

    def enter(self, asker: Asker) -> None:
        """It has a question that waits, and had none before."""
        self._order.enter(asker.turn)
        self._waiting.append(asker)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.ensure_future(self._serve())

    def withdraw(self, asker: Asker) -> None:
        """No question of it waits any more."""
        self._waiting.remove(asker)
        if not self._waiting and self._serving is not None:
            self._serving.cancel()
            self._serving = None

    async def _serve(self) -> None:
        """Hand permits out as they come; one task does it, so that not everybody who waits wakes for each of them."""
        while self._waiting:
            granted, pause = self._pacer.take(1)
            if granted:
                self._grant()
            else:
                await self._clock.sleep(pause)
        self._serving = None

    def _grant(self) -> None:
        first = min(self._waiting, key=lambda each: each.turn.place)
        self._order.advance(first.turn, 1, [each.turn for each in self._waiting if each is not first])
        if not first.ask_next():
            self._waiting.remove(first)


class Asker:
    """One run's part in the budget.

    Attributes:
        turn: its place among the others.
    """

    def __init__(self, questions: Questions, turn: Turn) -> None:
        self._questions, self.turn = questions, turn
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def permit(self) -> None:
        """Return when one question may be asked, or ``release`` was called meanwhile."""
        if self._questions.take():
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            self._questions.enter(self)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                if not self._waiting:
                    self._questions.withdraw(self)
            raise

    def ask_next(self) -> bool:
        """The permit is for the question that waits longest; whether others of this run still wait."""
        waiter = self._waiting.popleft()
        if not waiter.done():
            waiter.set_result(None)
        return bool(self._waiting)

    def release(self) -> None:
        """Whatever waits is not going to be asked: let it go on without a permit."""
        if self._waiting:
            while self.ask_next():
                pass
            self._questions.withdraw(self)
