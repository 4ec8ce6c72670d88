"""Following delivery reports: oldest question first, within a budget, until final or the deadline passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.delivery.gate import AccountGate, PollingGate
from mmsflow.delivery.on_wire import AT_ONCE, OnWire
from mmsflow.delivery.poll_outcomes import GIVEN_UP, SAMPLE, Blame, blame, is_refusal, judge, patience, said
from mmsflow.delivery.progress import Tally
from mmsflow.delivery.questions import Asker
from mmsflow.delivery.resting import rest
from mmsflow.errors import GatewayRefused, GatewayUnavailable, LedgerUnavailable, MmsflowError
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import StatusReply
from mmsflow.ledger.model import DuePoll, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState

_LOOK_SECONDS = 1.0  # while messages are still being sent, new questions come up all the time
_LONGEST_REST = 30.0
_UNTIL_NUDGED = 3600.0
_PAGE = 4 * AT_ONCE
_LEDGER_REST = 5.0
_PROBED_REST = 30.0  # one probe a minute is enough for an account; whoever sends makes it
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
        gate: PollingGate,
        grace: timedelta,
        account: AccountGate | None = None,
    ) -> None:
        self._ledger, self._gateway, self._clock, self._account = ledger, gateway, clock, account
        self._run, self._tally, self._until, self._grace = run, tally, until, min(grace, until)
        self._asker, self._gate = asker, gate
        self._stopping = self._idle = False
        self._awake = asyncio.Event()
        self._wire = OnWire(clock, self._question, self._hear, self._awake)
        self._controls: set[int] = set()  # messages that are asked about again only to see whether the gateway answers
        self._last = StatusReply(None)  # the last answer without a status
        self._in_vain: dict[int, int] = {}  # questions without an answer past the deadline, by message
        self._refusal: GatewayRefused | None = None

    def stop(self) -> None:
        """Ask nothing more; what was asked is still recorded, unless its answer takes its time."""
        self._stopping = True
        self._awake.set()
        self._asker.release()

    def nudge(self) -> None:
        """There may be something to ask, or nothing any more: look now, where there was nothing before."""
        if self._idle:
            self._awake.set()

    async def follow(self, still_sending: Callable[[], bool]) -> None:
        """Ask until no accepted message waits for its report and nothing more is being sent.

        Messages that were asked about in vain past their deadline stay ``accepted``. So do those that could not be
        asked about, because the gateway answers nothing any more.

        Raises:
            GatewayRefused: the gateway does not let us ask.
        """
        self._tally.on_accepted = self.nudge
        try:
            while not self._stopping:
                try:
                    rest = await self._step(still_sending())
                except LedgerUnavailable:
                    rest = _LEDGER_REST  # an answer that could not be kept is asked for again
                if rest is None:
                    return
                if rest:
                    await self._rest(rest)
        finally:
            await self._wire.drop()

    async def _step(self, sending: bool) -> float | None:
        """Ask what is due; seconds to rest, None when there is nothing left to ask."""
        if self._wire.has_answers:
            self._record()
        if not sending and self._is_given_up():
            self._ledger.mark_unasked(self._run.key, f"not asked until its deadline: {self._gate.reason}")
            return None
        closed = self._closed_for()
        if not closed and (due := self._due(self._clock.now())):
            await self._ask_due(due)
            self._refuse_where_all_are_refused(sending)
            return 0.0
        if not sending and not self._ledger.outstanding(self._run.key):
            return None
        return closed or self._idle_seconds(sending)

    def _refuse_where_all_are_refused(self, sending: bool) -> None:
        """Where there are too few ids to tell whose fault it is, those that were refused twice are all there are."""
        suspicion, key = self._gate.suspicion, self._run.key
        if sending or not suspicion.is_refusal or self._ledger.answered_one(key) is not None:
            return
        if suspicion.refuses_all(self._ledger.outstanding(key)):
            raise self._refused(self._last)

    def _closed_for(self) -> float:
        """Seconds until this run may ask, 0 when it may."""
        closed = self._gate.closed_for()
        if not closed and self._account is not None and self._account.is_probing:
            closed = _PROBED_REST
            self._idle = True  # whoever probes wakes us with the first message that is taken, and when they end
        if not closed and self._gate.failures and self._gate.probed:
            closed = _LOOK_SECONDS  # the poller of another run finds out whether the gateway is back
        if not closed and self._gate.failures and self._gate.failed_by == self._run.key:
            self._gate.failed_by = 0
            closed = _LOOK_SECONDS  # ids of another run may be answered
        return closed

    async def _ask_due(self, due: list[DuePoll]) -> None:
        """Ask; where the gateway's health is in doubt, these tell."""
        doubted = self._gate.is_in_doubt
        self._gate.probed = bool(self._gate.failures)
        try:
            await self._ask(due)
        finally:
            self._gate.probed = False
            self._record()
        if doubted and self._gate.suspicion.is_confirmed_by([poll.id for poll in due]):
            self._blame_account()

    def _blame_account(self) -> None:
        if self._gate.suspicion.is_refusal:
            raise self._refused(self._last)
        self._gate.close(said(self._last), self._last.retry_after_seconds)
        self._gate.failed_by = self._run.key

    async def ask_once(self) -> None:
        """Ask once for every accepted message, due or not.

        Raises:
            GatewayRefused: the gateway does not let us ask.
            GatewayUnavailable: it answers nothing; what it had answered before is recorded.
        """
        last, asked, told = 0, 0, 0
        sampled: set[int] = set()
        outstanding = self._ledger.outstanding(self._run.key)
        try:
            while not self._stopping and (page := self._ledger.polls_by_id(self._run.key, after=last, limit=_PAGE)):
                if sure := self._others(self._ledger.sample_polls(self._run.key, after=last, limit=4 * SAMPLE)):
                    await self._ask(sure)
                    sampled |= {poll.id for poll in sure}
                    asked, told = asked + len(sure), told + self._record()
                if self._gate.failures or self._gate.suspicion.is_confirmed_by([poll.id for poll in sure]):
                    raise self._unanswered(asked, outstanding)
                left = await self._ask([poll for poll in page if poll.id not in sampled])
                asked, told = asked + len(page) - len(left), told + self._record()
                last = left[0].id - 1 if left else page[-1].id
            if not self._stopping:
                await self._wire.slow_ones()
                told += self._record()
            if (sure := self._others([])) and not self._stopping:
                await self._ask(sure)
                self._record()
                if self._gate.suspicion.is_confirmed_by([poll.id for poll in sure]):
                    raise self._unanswered(asked, outstanding)
        finally:
            await self._wire.drop()
        if asked and not told and not self._stopping:
            raise self._unanswered(asked, outstanding)

    def _unanswered(self, asked: int, outstanding: int) -> MmsflowError:
        if self._gate.suspicion.is_refusal:
            return self._refused(self._last)
        return GatewayUnavailable(
            f"the gateway gave no delivery status: asked for {asked} of {outstanding}; {said(self._last)}",
            f"nothing is lost; `mmsflow poll {self._run.run}` asks again",
            cause="status_unanswered",
        )

    def _due(self, now: datetime) -> list[DuePoll]:
        """What to ask now; while the gateway's health is in doubt a few that have not failed, of all that are due."""
        key = self._run.key
        if self._gate.is_in_doubt:
            drawn = self._ledger.sample_polls(key, now=now, limit=4 * SAMPLE)
            if self._gate.failures:
                return (self._others(drawn) or [poll for poll in drawn if poll.id not in self._wire])[:1]
            if others := self._others(drawn):
                return others
        page = self._ledger.due_polls(key, now=now, limit=_PAGE + len(self._wire))
        return [poll for poll in page if poll.id not in self._wire][:_PAGE]

    def _others(self, drawn: Sequence[DuePoll]) -> list[DuePoll]:
        """A few that have not failed, and one whose status was told before; none as long as there is no doubt."""
        if not self._gate.is_in_doubt:
            return []
        control = self._ledger.answered_one(self._run.key)
        self._controls = {control.id} if control is not None else set()
        free = [poll for poll in drawn if poll.id not in self._gate.suspicion and poll.id not in self._wire]
        return [*([control] if control is not None and control.id not in self._wire else []), *free[: SAMPLE - 1]]

    def _is_given_up(self) -> bool:
        """Whether all that are left were asked about in vain past their deadline, or cannot be asked about."""
        if self._gate.failures >= _VAIN_PROBES:
            late = self._clock.now() - self._until - patience(self._until)
            if not self._ledger.awaited_since(self._run.key, late):
                return True
        given_up = sum(times >= GIVEN_UP for times in self._in_vain.values())
        return bool(given_up) and self._ledger.outstanding(self._run.key) <= given_up

    async def _ask(self, polls: Sequence[DuePoll]) -> list[DuePoll]:
        """Ask for these; those that were left because several ids failed meanwhile, or it was stopped."""
        doubted = self._gate.is_in_doubt
        return await self._wire.carry_out(polls, lambda: not self._is_over and (doubted or not self._gate.is_in_doubt))

    async def _question(self, poll: DuePoll) -> StatusReply | None:
        if not self._is_over:
            await self._asker.permit()
        if self._is_over:
            return None
        self._wire.began(poll)
        return await self._gateway.status(poll.gateway_id)

    @property
    def _is_over(self) -> bool:
        return self._stopping or self._refusal is not None

    def _hear(self, poll: DuePoll, reply: StatusReply) -> None:
        """Learn what an answer says of the whole account."""
        self._gate.suspicion.note(poll.id, reply)
        match blame(reply):
            case Blame.NOBODY | Blame.MESSAGE:
                self._gate.open()
            case Blame.ACCOUNT:
                self._gate.close(said(reply), reply.retry_after_seconds)
                if is_refusal(reply):
                    self._refusal = self._refused(reply)
                    self._asker.release()
        if reply.status is None:
            self._last = reply

    def _record(self) -> int:
        """Write down the answers that have come in; how many told a status.

        Raises:
            GatewayRefused: the gateway does not let us ask.
        """
        results, now = [], self._clock.now()
        for poll, reply in self._wire.take():
            if reply.not_asked or poll.id in self._controls:
                continue
            in_vain = self._in_vain.pop(poll.id, 0)
            if reply.status is None and now >= poll.accepted_at + self._until:
                self._in_vain[poll.id] = in_vain + 1
            results.append(judge(poll, reply, now=now, until=self._until, grace=self._grace, in_vain=in_vain))
        self._ledger.record_polls(self._run.key, results)
        for result in results:
            if result.state is not None:
                self._tally.move(MessageState.ACCEPTED, result.state)
        self._tally.tell()
        if self._refusal:
            raise self._refusal
        return sum(bool(result.status) for result in results)

    def _refused(self, reply: StatusReply) -> GatewayRefused:
        return GatewayRefused(
            f"the gateway does not let us ask for delivery reports: {said(reply)}",
            "check the credentials with `mmsflow doctor`; `mmsflow poll` goes on afterwards",
            cause="polling_refused",
        )

    def _idle_seconds(self, sending: bool) -> float:
        self._idle = not (self._tally.polled and self._tally.counts.get(MessageState.ACCEPTED, 0))
        if self._idle:
            return _UNTIL_NUDGED
        longest = _LOOK_SECONDS if sending and not self._tally.notice else _LONGEST_REST
        upcoming = self._ledger.next_poll(self._run.key)
        if upcoming is None or len(self._wire):
            return _LOOK_SECONDS  # accepted a moment ago, and not in the ledger yet; or an answer takes its time
        return min(longest, max(0.05, (upcoming - self._clock.now()).total_seconds()))

    async def _rest(self, seconds: float) -> None:
        await rest(self._clock, self._awake, seconds)
        self._idle = False
