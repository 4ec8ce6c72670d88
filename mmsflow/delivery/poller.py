"""Following delivery reports: oldest question first, within a budget, until final or the deadline passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.delivery.gate import AccountGate
from mmsflow.delivery.progress import Tally
from mmsflow.delivery.questions import Asker
from mmsflow.delivery.resting import rest
from mmsflow.delivery.schedule import next_poll
from mmsflow.errors import GatewayRefused, GatewayUnavailable, LedgerUnavailable
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import StatusReply
from mmsflow.ledger.model import DuePoll, PollResult, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState

_BODY_KEPT = 1000
_LOOK_SECONDS = 1.0  # while messages are still being sent, new questions come up all the time
_LONGEST_REST = 30.0
_UNTIL_NUDGED = 3600.0
_AT_ONCE = 8
_LEDGER_REST = 5.0
_PROBED_REST = 30.0  # one probe a minute is enough for an account; whoever sends makes it
_LIMIT = 53
_UNANSWERED_AGAIN = timedelta(seconds=1), timedelta(seconds=30)  # a tenth of `until`, between these
_VAIN_PROBES = 3  # questions without an answer, one after the other, before those past their deadline are given up


class Poller:
    """Asks for the delivery status of one run's accepted messages.

    Args:
        until: polling deadline, counted from acceptance.
        asker: its part in the account's budget of status questions.
        gate: what questions have learned of the gateway, over all runs.
        grace: how long an unknown id counts as "asked too early".
        account: what sending has learned of the whole account; None where nothing is sent.
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
        asker: Asker,
        gate: AccountGate,
        grace: timedelta,
        account: AccountGate | None = None,
    ) -> None:
        self._ledger, self._gateway, self._clock, self._account = ledger, gateway, clock, account
        self._run, self._tally, self._until, self._grace = run, tally, until, min(grace, until)
        self._asker, self._gate = asker, gate
        self._stopping = self._idle = False
        self._awake = asyncio.Event()
        self._refusal: GatewayRefused | None = None

    def stop(self) -> None:
        """Ask nothing more; what was asked is still recorded."""
        self._stopping = True
        self._awake.set()
        self._asker.release()

    def nudge(self) -> None:
        """There may be something to ask, or nothing any more: look now, where there was nothing before."""
        if self._idle:
            self._awake.set()

    async def follow(self, still_sending: Callable[[], bool]) -> None:
        """Ask until no accepted message waits for its report and nothing more is being sent.

        Messages past their deadline stay ``accepted`` where the gateway answers nothing any more.

        Raises:
            GatewayRefused: the gateway does not let us ask.
        """
        self._tally.on_accepted = self.nudge
        while not self._stopping:
            try:
                rest = await self._step(still_sending())
            except LedgerUnavailable:
                rest = _LEDGER_REST  # an answer that could not be kept is asked for again
            if rest is None:
                return
            if rest:
                await self._rest(rest)

    async def _step(self, sending: bool) -> float | None:
        """Ask what is due; seconds to rest, None when there is nothing left to ask."""
        closed = self._gate.closed_for()
        if not closed and self._account is not None and self._account.is_probing:
            closed = _PROBED_REST
            self._idle = True  # whoever probes wakes us with the first message that is taken, and when they end
        if not closed and self._gate.failures and self._gate.probed:
            closed = _LOOK_SECONDS  # the poller of another run finds out whether the gateway is back
        due = [] if closed else self._due(self._clock.now(), self._gate.width(4 * _AT_ONCE))
        if due:
            self._gate.probed = True
            try:
                await self._ask(due)
            finally:
                self._gate.probed = False
            return 0.0
        if not sending and (not self._ledger.outstanding(self._run.key) or self._in_vain()):
            return None
        return closed or self._idle_seconds(sending)

    async def ask_once(self) -> None:
        """Ask once for every accepted message, due or not.

        Raises:
            GatewayRefused: the gateway does not let us ask.
            GatewayUnavailable: it answers nothing; what it had answered before is recorded.
        """
        last = 0
        while page := self._ledger.polls_by_id(self._run.key, after=last, limit=4 * _AT_ONCE):
            if self._stopping:
                return
            last = page[-1].id
            answered = await self._ask(page)
            if not answered and not self._stopping:
                raise GatewayUnavailable(
                    f"the gateway gave no delivery status: {self._gate.reason}",
                    f"nothing is lost; `mmsflow poll {self._run.run}` asks again",
                    cause="status_unanswered",
                )

    def _due(self, by: datetime, limit: int) -> list[DuePoll]:
        return self._ledger.due_polls(self._run.key, now=by, limit=limit)

    def _in_vain(self) -> bool:
        """Whether the gateway answers nothing, and every message that is left is past its deadline."""
        if self._gate.failures < _VAIN_PROBES:
            return False
        return not self._ledger.awaited_since(self._run.key, self._clock.now() - self._until)

    async def _ask(self, due: list[DuePoll]) -> int:
        """Ask for these and record the answers; how many held a status."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(poll: DuePoll) -> PollResult | None:
            async with slots:
                if not self._is_over:
                    await self._asker.permit()
                if self._is_over:
                    return None
                return self._judged(poll, await self._gateway.status(poll.gateway_id))

        answers = await asyncio.gather(*(one(poll) for poll in due))
        results = [answer for answer in answers if answer is not None]
        self._ledger.record_polls(self._run.key, results)
        for result in results:
            if result.state is not None:
                self._tally.move(MessageState.ACCEPTED, result.state)
        self._tally.tell()
        if self._refusal:
            raise self._refusal
        return sum(bool(result.status) for result in results)

    @property
    def _is_over(self) -> bool:
        return self._stopping or self._refusal is not None

    def _judged(self, poll: DuePoll, reply: StatusReply) -> PollResult:
        if reply.status is None:
            self._heed(reply)
        else:
            self._gate.open()
        return judge(poll, reply, now=self._clock.now(), until=self._until, grace=self._grace)

    def _heed(self, reply: StatusReply) -> None:
        if reply.http_status == 401 or (reply.http_status == 403 and reply.code != _LIMIT):
            self._refusal = GatewayRefused(
                f"the gateway does not let us ask for delivery reports: {reply.text or reply.http_status}",
                "check the credentials with `mmsflow doctor`; `mmsflow poll` goes on afterwards",
                cause="polling_refused",
            )
            self._asker.release()
        self._gate.close(reply.text or f"it answered {reply.http_status} without one", reply.retry_after_seconds)

    def _idle_seconds(self, sending: bool) -> float:
        self._idle = not (self._tally.polled and self._tally.counts.get(MessageState.ACCEPTED, 0))
        if self._idle:
            return _UNTIL_NUDGED
        longest = _LOOK_SECONDS if sending and not self._tally.notice else _LONGEST_REST
        upcoming = self._ledger.next_poll(self._run.key)
        if upcoming is None:
            return _LOOK_SECONDS  # accepted a moment ago, and not in the ledger yet
        return min(longest, max(0.05, (upcoming - self._clock.now()).total_seconds()))

    async def _rest(self, seconds: float) -> None:
        await rest(self._clock, self._awake, seconds)
        self._idle = False


def judge(poll: DuePoll, reply: StatusReply, *, now: datetime, until: timedelta, grace: timedelta) -> PollResult:
    """What one answer means for the message. Pure.

    A question that brought no answer settles nothing, not even at the deadline: it is asked again.
    """
    detail: dict[str, object] = {"http": reply.http_status, "body": reply.body[:_BODY_KEPT].decode("utf-8", "replace")}
    if reply.status is None:
        text = reply.text or f"the gateway answered {reply.http_status} without a status"
        again = next_poll(poll.accepted_at, until, poll.polls + 1, now) or now + _after_silence(until)
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


def _after_silence(until: timedelta) -> timedelta:
    """How long after a question without an answer, past the deadline, the next one comes."""
    shortest, longest = _UNANSWERED_AGAIN
    return min(longest, max(shortest, until / 10))
