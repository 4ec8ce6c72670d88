"""Following delivery reports: oldest question first, within a budget, until final or the deadline passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.delivery.gate import AccountGate
from mmsflow.delivery.progress import Tally
from mmsflow.delivery.schedule import next_poll
from mmsflow.errors import GatewayRefused
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import StatusReply
from mmsflow.gateway.pacing import Pacer
from mmsflow.ledger.model import DuePoll, PollResult, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState

_BODY_KEPT = 1000
_LOOK_SECONDS = 1.0  # while messages are still being sent, new questions come up all the time
_LONGEST_REST = 30.0
_AT_ONCE = 8
_LIMIT = 53
_UNANSWERED_AGAIN = timedelta(seconds=30)


class Poller:
    """Asks for the delivery status of one run's accepted messages.

    Args:
        until: polling deadline, counted from acceptance.
        per_second: status questions a second, above 0.
        grace: how long an unknown id counts as "asked too early".
    """

    def __init__(
        self,
        ledger: Ledger,
        gateway: GatewayClient,
        clock: Clock,
        *,
        run: RunInfo,
        tally: Tally,
        until: timedelta,
        per_second: float,
        grace: timedelta,
    ) -> None:
        self._ledger, self._gateway, self._clock = ledger, gateway, clock
        self._run, self._tally, self._until, self._grace = run, tally, until, min(grace, until)
        self._pacer = Pacer(per_second, clock)
        self._gate = AccountGate(clock)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask nothing more; what was asked is still recorded."""
        self._stopping.set()

    async def follow(self, still_sending: Callable[[], bool]) -> None:
        """Ask until no accepted message waits for its report and nothing more is being sent.

        Raises:
            GatewayRefused: the gateway does not let us ask.
        """
        while not self._stopping.is_set():
            due = self._ledger.due_polls(self._run.key, now=self._clock.now(), limit=4 * _AT_ONCE)
            closed = self._gate.closed_for()
            if due and not closed:
                await self._ask(due)
                continue
            if not due and not still_sending() and not self._ledger.outstanding(self._run.key):
                return
            await self._rest(closed or self._idle_seconds(still_sending()))

    async def ask_once(self) -> None:
        """Ask once for every accepted message, due or not."""
        far = self._clock.now() + timedelta(days=3660)
        asked: set[int] = set()
        while not self._stopping.is_set():
            due = [
                poll
                for poll in self._ledger.due_polls(self._run.key, now=far, limit=len(asked) + 4 * _AT_ONCE)
                if poll.id not in asked
            ]
            if not due:
                return
            asked.update(poll.id for poll in due)
            await self._ask(due)

    async def _ask(self, due: list[DuePoll]) -> None:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(poll: DuePoll) -> PollResult | None:
            async with slots:
                while (wait := self._pacer.take(1)[1]) > 0:
                    await self._clock.sleep(wait)
                if self._stopping.is_set():
                    return None
                return self._judged(poll, await self._gateway.status(poll.gateway_id))

        answers = await asyncio.gather(*(one(poll) for poll in due))
        results = [answer for answer in answers if answer is not None]
        self._ledger.record_polls(self._run.key, results)
        for result in results:
            if result.state is not None:
                self._tally.move(MessageState.ACCEPTED, result.state)
        self._tally.tell()

    def _judged(self, poll: DuePoll, reply: StatusReply) -> PollResult:
        if reply.status is None:
            self._heed(reply)
        elif self._gate.failures:
            self._gate.failures = 0
        return judge(poll, reply, now=self._clock.now(), until=self._until, grace=self._grace)

    def _heed(self, reply: StatusReply) -> None:
        if reply.http_status == 401 or (reply.http_status == 403 and reply.code != _LIMIT):
            raise GatewayRefused(
                f"the gateway does not let us ask for delivery reports: {reply.text or reply.http_status}",
                "check the credentials with `mmsflow doctor`; `mmsflow poll` goes on afterwards",
            )
        self._gate.close(reply.text or f"status {reply.http_status}", reply.retry_after_seconds)

    def _idle_seconds(self, sending: bool) -> float:
        upcoming = self._ledger.next_poll(self._run.key)
        longest = _LOOK_SECONDS if sending else _LONGEST_REST
        if upcoming is None:
            return longest
        return min(longest, max(0.05, (upcoming - self._clock.now()).total_seconds()))

    async def _rest(self, seconds: float) -> None:
        stopped = asyncio.ensure_future(self._stopping.wait())
        passed = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({stopped, passed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            passed.cancel()


def judge(poll: DuePoll, reply: StatusReply, *, now: datetime, until: timedelta, grace: timedelta) -> PollResult:
    """What one answer means for the message. Pure.

    A question that brought no answer settles nothing, not even at the deadline: it is asked again.
    """
    detail: dict[str, object] = {"http": reply.http_status, "body": reply.body[:_BODY_KEPT].decode("utf-8", "replace")}
    if reply.status is None:
        text = reply.text or f"the gateway answered {reply.http_status} without a status"
        again = next_poll(poll.accepted_at, until, poll.polls + 1, now) or now + _UNANSWERED_AGAIN
        return PollResult(poll.id, now, None, "", text, again, detail)
    status = reply.status
    if status.state is not None:
        reason = "" if status.state is MessageState.DELIVERED else f"{status.raw}: {status.meaning}"
        return PollResult(poll.id, now, status.state, status.raw, reason, None, detail)
    if status.not_found and now >= poll.accepted_at + grace:
        return PollResult(
            poll.id, now, MessageState.FAILED, status.raw, f"{status.raw}: {status.meaning}", None, detail
        )
    again_at = next_poll(poll.accepted_at, until, poll.polls + 1, now)
    if again_at is None:
        reason = f"no delivery report until the deadline; last status: {status.raw}"
        return PollResult(poll.id, now, MessageState.UNDETERMINED, status.raw, reason, None, detail)
    return PollResult(poll.id, now, None, status.raw, status.meaning, again_at, detail)
