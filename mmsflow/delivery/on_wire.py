"""Status questions on the wire: a few at a time, and an answer that does not come holds nobody up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from mmsflow.clock import Clock
from mmsflow.gateway.model import StatusReply
from mmsflow.ledger.model import DuePoll

AT_ONCE = 8  # questions, and as many again whose answer takes its time
_SLOW_SECONDS = 2.0  # from then on a question does not count among those at once
_LATE_SECONDS = 10.0  # from then on it may be given up when another one needs its place

Ask = Callable[[DuePoll], Awaitable[StatusReply | None]]
"""Waits for its turn, says ``began`` and asks; None where it was not asked after all."""

Hear = Callable[[DuePoll, StatusReply], None]


@dataclass(slots=True)
class _Question:
    poll: DuePoll
    task: asyncio.Task[None] | None = None
    began: float | None = None  # None while it waits for its turn
    is_slow: bool = False


class OnWire:
    """The questions of one run.

    Args:
        ask: asks one of them.
        hear: told of each answer as it comes.
        wake: set whenever one has ended.
    """

    def __init__(self, clock: Clock, ask: Ask, hear: Hear, wake: asyncio.Event) -> None:
        self._clock, self._ask, self._hear, self._wake = clock, ask, hear, wake
        self._questions: dict[int, _Question] = {}
        self._answers: list[tuple[DuePoll, StatusReply]] = []
        self._last_took = 0.0
        self._given_up = 0  # since the last answer
        self._crash: BaseException | None = None

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._questions

    def __len__(self) -> int:
        return len(self._questions)

    @property
    def has_answers(self) -> bool:
        """Whether ``take`` has something to hand out."""
        return bool(self._answers) or self._crash is not None

    def began(self, poll: DuePoll) -> None:
        """It has its turn and is on the wire from now on."""
        self._questions[poll.id].began = self._clock.monotonic()

    async def carry_out(self, polls: Sequence[DuePoll], may_go_on: Callable[[], bool]) -> list[DuePoll]:
        """Ask these, as long as ``may_go_on``; return once all that are on the wire are slow.

        Returns:
            Those that were not asked.
        """
        queue = deque(polls)
        ticking = asyncio.ensure_future(self._tick())
        try:
            while True:
                self._sort_out(bool(queue))
                while queue and may_go_on() and self._quick < AT_ONCE:
                    self._begin(queue.popleft())
                if not self._young and not (queue and may_go_on()):
                    return list(queue)
                await self._wake.wait()
                self._wake.clear()
        finally:
            ticking.cancel()

    async def slow_ones(self) -> None:
        """Wait for the answers that take their time."""
        while self._questions:
            await self._wake.wait()
            self._wake.clear()

    def take(self) -> list[tuple[DuePoll, StatusReply]]:
        """The answers that have come in since; each once."""
        if self._crash is not None:
            raise self._crash
        answers, self._answers = self._answers, []
        return answers

    async def drop(self) -> None:
        """Ask no further: an answer that has not come is asked for again some time."""
        tasks = [each.task for each in self._questions.values() if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._questions.clear()

    @property
    def _quick(self) -> int:
        return sum(not each.is_slow for each in self._questions.values())

    @property
    def _young(self) -> int:
        """How many may still be answered at once."""
        since = self._clock.monotonic() - _SLOW_SECONDS
        return sum(each.began is None or each.began > since for each in self._questions.values())

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(_SLOW_SECONDS / 2)
            self._wake.set()

    def _begin(self, poll: DuePoll) -> None:
        question = self._questions[poll.id] = _Question(poll)
        question.task = asyncio.ensure_future(self._one(question))
        question.task.add_done_callback(self._ended)

    async def _one(self, question: _Question) -> None:
        reply = await self._ask(question.poll)
        if reply is not None:
            if reply.status is not None and question.began is not None:
                self._last_took, self._given_up = self._clock.monotonic() - question.began, 0
            self._answer(question.poll, reply)
        self._questions.pop(question.poll.id, None)

    def _answer(self, poll: DuePoll, reply: StatusReply) -> None:
        self._answers.append((poll, reply))
        self._hear(poll, reply)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = self._crash or error
        self._wake.set()

    def _sort_out(self, others_wait: bool) -> None:
        """Let those that are slow leave their place, and give up the latest where there is no place for them."""
        now = self._clock.monotonic()
        slow = [each for each in self._questions.values() if each.is_slow]
        for question in list(self._questions.values()):
            if question.is_slow or question.began is None or now < question.began + _SLOW_SECONDS:
                continue
            if len(slow) >= AT_ONCE and others_wait:
                self._give_up(slow, now)
            if len(slow) < AT_ONCE:
                question.is_slow = True
                slow.append(question)

    def _give_up(self, slow: list[_Question], now: float) -> None:
        oldest = min(slow, key=lambda each: each.began or now)
        waited = now - (oldest.began or now)
        # Once a whole set of questions has gone unanswered the next one gets more time: a gateway that is slow for
        # every id must get to answer.
        patience = max(_LATE_SECONDS * 2 ** min(self._given_up // (4 * AT_ONCE), 10), 2 * self._last_took)
        if waited < patience or oldest.task is None:
            return
        slow.remove(oldest)
        self._questions.pop(oldest.poll.id, None)
        oldest.task.cancel()
        self._answer(oldest.poll, StatusReply(None, text=f"no answer within {waited:.0f} s"))
        self._given_up += 1
