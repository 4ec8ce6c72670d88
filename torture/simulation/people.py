"""What people do from another terminal: pause and resume, cancel, and decide about messages that were maybe sent.

Requests go through the real spool of files beside the ledger, or, where nobody carries the run out, straight to the
ledger. What people were told is remembered: it must have been true.
"""

from __future__ import annotations

from random import Random
from typing import Any

from mmsflow.engine.control import do_request
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.requests import GOOD_FOR, Action, Answer, Request, Spool
from mmsflow.mms.status import MessageState
from torture.simulation.disk import Disk
from torture.simulation.loop import WallClock
from torture.simulation.watch import Watch

RUN = "storm-1"
_LOOK_SECONDS = 0.3
_SAYINGS = (MessageState.UNDETERMINED, MessageState.NOT_SENT, MessageState.READY)


class People:
    """Those who decide in one story."""

    def __init__(self, disk: Disk, clock: WallClock, random: Random, watch: Watch) -> None:
        self._disk, self._clock, self._random, self._watch = disk, clock, random, watch
        self._spool = Spool(disk.path)

    async def pause_for(self, seconds: float) -> None:
        """Pause the run, and let it go on after a while."""
        answer = await self._ask(Action.PAUSE)
        if answer is None or answer.refused:
            return
        mark = self._watch.held()
        await self._clock.sleep(seconds)
        self._watch.still_held(mark)
        self._watch.resumes += 1
        await self._ask(Action.RESUME)
        while self._disk.ask("SELECT 1 FROM runs WHERE paused_by = 'user'") and self._watch.alive():
            await self._ask(Action.RESUME)

    async def cancel(self) -> None:
        """Cancel what is unsent."""
        self._watch.cancel_asked = True
        answer = await self._ask(Action.CANCEL)
        if answer is not None and not answer.refused:
            self._watch.cancelled_at = self._watch.last_event()

    async def resolve(self) -> None:
        """Decide about what is maybe sent, while a process lives."""
        await self._ask(Action.RESOLVE, self._decisions())

    def resolve_alone(self) -> None:
        """The same where nobody carries the run out."""
        decisions = self._decisions()
        if decisions:
            ledger, _, _ = self._disk.open(self._clock)
            with ledger:
                do_request(ledger, Request(RUN, Action.RESOLVE, self._clock.now(), decisions))

    def _decisions(self) -> tuple[Decision, ...]:
        found: list[Any] = self._disk.ask(
            "SELECT id, attempt, msisdn FROM messages WHERE state IN ('unknown', 'accepted_noid')"
        )
        decisions = []
        for number, attempt, msisdn in found:
            if self._random.random() < 0.7:
                says = self._random.choice(_SAYINGS)
                decisions.append(Decision(number, attempt, says))
                self._watch.decided[msisdn].append(says)
        return tuple(decisions)

    async def _ask(self, action: Action, decisions: tuple[Decision, ...] = ()) -> Answer | None:
        name = self._spool.post(Request(RUN, action, self._clock.now(), decisions))
        for _ in range(int(GOOD_FOR.total_seconds() / _LOOK_SECONDS)):
            await self._clock.sleep(_LOOK_SECONDS)
            answer = self._spool.answer(name)
            if answer is not None:
                return answer
        self._spool.withdraw(name)
        return None
