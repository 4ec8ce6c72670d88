"""Messages on the wire: durable intents before, outcomes after, and what is written when they are cut off.

The order around a request never changes: the intents of a small group are committed durably together with the
outcomes that have come in, and only then are the requests begun. A message is ``sending`` from its intent to its
outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from mmsflow.clock import Clock
from mmsflow.delivery.account import Seat
from mmsflow.delivery.contents import Contents
from mmsflow.delivery.outcomes import outcome_of
from mmsflow.delivery.progress import Tally
from mmsflow.delivery.rules import RunRules
from mmsflow.errors import LedgerError, LedgerUnavailable
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import OutgoingMessage
from mmsflow.gateway.retry import Decision, RetryPolicy, decide, own_wait_seconds
from mmsflow.ledger.model import Outcome, ReadyMessage, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState

_GATHER_SECONDS = 0.002  # how long a finished request waits for others, to share one commit with them
_NOT_WRITTEN = "the ledger could not be written, so the request was not begun"
_CUT_OFF = "the sender was stopped before the reply came"

Heed = Callable[[ReadyMessage, Decision], None]
"""Told of each verdict, after it is counted."""


class Flight:
    """The requests of one run that are under way.

    Attributes:
        wake: set when requests have finished; whoever waits for it clears it.
        crash: what no request should raise, the first of it; None otherwise.
        shared: messages found to have an id that the gateway gave to others as well.
    """

    def __init__(
        self,
        ledger: Ledger,
        gateway: GatewayClient,
        clock: Clock,
        *,
        run: RunInfo,
        rules: RunRules,
        seat: Seat,
        tally: Tally,
        policy: RetryPolicy,
        heed: Heed,
    ) -> None:
        self._ledger, self._gateway, self._clock = ledger, gateway, clock
        self._run, self._seat, self._tally, self._gate = run, seat, tally, seat.gate
        self._policy, self._heed = policy, heed
        self._poll_until = rules.poll_until if run.delivery_report else None
        self._contents = Contents(ledger, run)
        self._on_wire: dict[int, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._outcomes: list[Outcome] = []
        self._unbegun: list[Outcome] = []
        self._witnessed = 0  # how many of them, from the first on, stand in the evidence journal
        self._gathering: asyncio.Task[None] | None = None
        self.wake = seat.wake
        self.crash: BaseException | None = None
        self.shared = 0

    @property
    def under_way(self) -> int:
        """Requests that have begun and not ended."""
        return len(self._tasks)

    def begin(self, messages: Sequence[ReadyMessage]) -> None:
        """Commit the intents together with the outcomes at hand, then put the requests on the wire.

        Raises:
            LedgerError: nothing of these messages was begun.
        """
        outgoing = [self._contents.outgoing(message) for message in messages]
        try:
            taken = set(self.commit([message.id for message in messages]))
        except LedgerUnavailable:
            # Whether the intents became durable before the failure is not known; that nothing was begun is. Kept in
            # memory only: where they did not, the next attempt will bear the same number.
            self._unbegun += [self._never_begun(message) for message in messages]
            raise
        for message, content in zip(messages, outgoing, strict=True):
            if message.id not in taken:
                continue
            self._tally.move(MessageState.READY, MessageState.SENDING)
            self._on_wire[message.id] = message.attempt + 1
            task = asyncio.create_task(self._send(message, content))
            self._tasks.add(task)
            self._seat.began()
            task.add_done_callback(self._finished)

    def commit(self, intents: Sequence[int] = ()) -> list[int]:
        """Write the outcomes that have come in, and ``intents``; the ids whose intent took.

        Raises:
            LedgerError: nothing was written; the outcomes are kept for the next call, in the evidence journal too
                where the ledger is unavailable.
        """
        if not (self._outcomes or self._unbegun or intents):
            return []
        outcomes = self._outcomes[:]
        try:
            taken = self._ledger.commit(
                self._run.key,
                self._run.fence,
                outcomes=[*outcomes, *self._unbegun],
                intents=intents,
                now=self._clock.now(),
                period=self._seat.quota.period,
            )
        except LedgerUnavailable:
            self._witness(outcomes)
            raise
        del self._outcomes[: len(outcomes)]
        self._unbegun.clear()
        self._note_shared_ids()
        if self._witnessed:
            self._witnessed = 0
            with suppress(
                OSError
            ):  # what stays in it is of attempts that have ended in the ledger, and changes nothing
                self._ledger.evidence.settled(self._run.key)
        return taken

    def _note_shared_ids(self) -> None:
        found = self._ledger.take_shared_ids(self._run.key)
        self.shared += found
        for _ in range(found if self._poll_until is not None else 0):
            self._tally.move(MessageState.ACCEPTED, MessageState.UNDETERMINED)

    def _witness(self, outcomes: Sequence[Outcome]) -> None:
        """Keep what is not in the journal yet; a journal that fails as well leaves it in memory."""
        with suppress(OSError):
            unseen = outcomes[self._witnessed :]
            self._ledger.evidence.append(self._run.key, self._run.fence, self._seat.quota.period, unseen)
            self._witnessed = len(outcomes)

    def _never_begun(self, message: ReadyMessage) -> Outcome:
        now = self._clock.now()
        return Outcome(
            message.id,
            message.attempt + 1,
            MessageState.READY,
            now,
            reason=_NOT_WRITTEN,
            not_before=now,
            spends_attempt=False,
            posted=False,
            code="ledger",
        )

    async def salvage(self) -> None:
        """After an error: nothing is cut off, and what can still be written is; the rest is "maybe sent" later."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(LedgerError):
            self.commit()

    async def abandon(self) -> None:
        """Cut off what is on the wire: its fate is not known, and the ledger says so."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        now = self._clock.now()
        for message_id, attempt in self._on_wire.items():
            self._outcomes.append(
                Outcome(message_id, attempt, MessageState.UNKNOWN, now, reason=_CUT_OFF, code="cut_off")
            )
            self._tally.move(MessageState.SENDING, MessageState.UNKNOWN)
        self._on_wire.clear()
        with suppress(LedgerError):  # the evidence journal has it, or the next start finds it on the wire
            self.commit()

    def close(self) -> None:
        """Wake nobody any more."""
        if self._gathering is not None:
            self._gathering.cancel()

    async def _send(self, message: ReadyMessage, content: OutgoingMessage) -> None:
        evidence = await self._gateway.send(content)
        decision = decide(evidence, self._policy)
        self._gate.note(decision)
        outcome = outcome_of(
            message.id,
            message.attempt + 1,
            evidence,
            decision,
            now=self._clock.now(),
            retry_seconds=(decision.delay_seconds or self._gate.closed_for() or 1.0)
            + own_wait_seconds(message.attempt + 1),
            poll_until=self._poll_until,
        )
        del self._on_wire[message.id]
        self._outcomes.append(outcome)
        self._tally.move(MessageState.SENDING, outcome.state)
        self._heed(message, decision)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._seat.ended()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.crash = self.crash or error
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.ensure_future(self._gather())

    async def _gather(self) -> None:
        await self._clock.sleep(_GATHER_SECONDS)
        self._seat.freed()
