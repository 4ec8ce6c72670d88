"""Sending one run: durable intents, bounded concurrency, group commit, and every reason to wait or to stop.

The order around a request never changes: permits are taken, the intents of a small group are committed durably
together with the outcomes that have come in, and only then are the requests begun. A message is ``sending`` from its
intent to its outcome, and never more than ``in_flight`` messages are: that bounds what a crash leaves uncertain.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mmsflow.clock import Clock
from mmsflow.delivery.contents import Contents
from mmsflow.delivery.gate import AccountGate
from mmsflow.delivery.outcomes import outcome_of
from mmsflow.delivery.progress import Tally
from mmsflow.delivery.quota import QuotaGuard
from mmsflow.delivery.rules import RunRules
from mmsflow.errors import GatewayRefused, GatewayUnavailable, LedgerError, MmsflowError, RunUnfinished
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import OutgoingMessage
from mmsflow.gateway.pacing import Pacer
from mmsflow.gateway.retry import Action, Decision, RetryPolicy, decide
from mmsflow.ledger.model import Outcome, PausedBy, ReadyMessage, RunInfo, RunState
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState

_FETCH = 500  # messages read ahead; they have no intent, so a crash leaves no trace of them
_GATHER_SECONDS = 0.002  # how long a finished request waits for others, to share one commit with them
_ALL_REJECTED = 5  # when the first outcomes of a run are all refusals, the campaign is wrong, not its recipients
_BRIEF_FAILURES = 4  # a gateway that asks for a moment's patience is not "nothing can be sent now"
_UNTIL_WOKEN = 3600.0


@dataclass(frozen=True, slots=True)
class Halt:
    """Why sending stopped with messages unsent.

    Attributes:
        by: as the ledger records it; NOBODY when nothing is wrong, only nothing can be sent at this moment.
        error: what the command ends with, its text included.
        resumes_at: when it is expected to go on; None when not known.
    """

    by: PausedBy
    error: MmsflowError
    resumes_at: datetime | None = None


class Sender:
    """Sends what is ready of one run until nothing is left, or until something stops it.

    Args:
        ledger, gateway, clock: adapters; the ledger is open for writing.
        run, rules: what is carried out, as frozen.
        quota: permits for this run.
        tally: told of every move.
        policy: the gateway profile's promises about its answers.
        in_flight: requests at a time, above 0.
        no_wait: return as soon as nothing can be sent now, instead of waiting.
    """

    def __init__(
        self,
        ledger: Ledger,
        gateway: GatewayClient,
        clock: Clock,
        *,
        run: RunInfo,
        rules: RunRules,
        quota: QuotaGuard,
        tally: Tally,
        policy: RetryPolicy,
        in_flight: int,
        no_wait: bool,
    ) -> None:
        self._ledger, self._gateway, self._clock = ledger, gateway, clock
        self._run, self._rules, self._quota, self._tally = run, rules, quota, tally
        self._policy, self._in_flight, self._no_wait = policy, in_flight, no_wait
        self._pacer = Pacer(rules.per_second, clock)
        self._gate = AccountGate(clock)
        self._contents = Contents(ledger, run)
        self._buffer: deque[ReadyMessage] = deque()
        self._cursor = 0
        self._on_wire: dict[int, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._outcomes: list[Outcome] = []
        self._wake = asyncio.Event()
        self._gathering = False
        self._stopping = False
        self._crash: BaseException | None = None
        self._halt: Halt | None = None
        self._limit_hit = False
        self._look_at = 0.0
        self._shown: tuple[RunState, PausedBy] = (RunState.RUNNING, PausedBy.NOBODY)

    def stop(self) -> None:
        """Claim nothing more; what is on the wire is settled, then ``send_all`` returns."""
        self._stopping = True
        self._wake.set()

    async def send_all(self) -> Halt | None:
        """Send until nothing is ready or on the wire, or until something stops it.

        Returns:
            None when nothing is left to send or ``stop`` was called, else why it stopped.
        """
        try:
            while not self._stopping and self._halt is None and self._crash is None:
                pause = await self._step()
                if pause is None:
                    break
                if pause > 0:
                    await self._rest(pause)
            await self._settle()
        except asyncio.CancelledError:
            await self._abandon()
            raise
        except LedgerError:
            # What is on the wire is not cut off; its outcome may still be written, or is found as "maybe sent" later.
            await asyncio.gather(*self._tasks, return_exceptions=True)
            with suppress(LedgerError):
                self._commit([])
            raise
        if self._crash is not None:
            raise self._crash
        return self._halt

    async def _step(self) -> float | None:
        """Begin what may begin now.

        Returns:
            Seconds to wait for the next step (a finished request ends the wait), None when nothing is left.
        """
        now = self._clock.now()
        if self._rules.not_after and now >= self._rules.not_after:
            return self._give_up()
        free = self._gate.width(self._in_flight) - len(self._tasks)
        ready = self._look_ahead(free) if free > 0 else 0
        if not ready:
            return _UNTIL_WOKEN if self._tasks and free <= 0 else self._when_nothing_is_ready()
        if now < self._rules.start:
            return self._blocked(
                (self._rules.start - now).total_seconds(),
                PausedBy.WINDOW,
                "its start has not come yet",
                self._rules.start,
            )
        if (closed := self._gate.closed_for()) > 0:
            return self._blocked(closed, PausedBy.GATEWAY, self._gate.reason)
        if not self._quota.permits:
            return await self._when_quota_is_used_up()
        granted, pace = self._pacer.take(min(ready, self._quota.permits))
        self._quota.take(granted)
        self._begin([self._buffer.popleft() for _ in range(granted)])
        return pace if granted < ready else (_UNTIL_WOKEN if granted >= free else 0.0)

    def _look_ahead(self, wanted: int) -> int:
        if len(self._buffer) < wanted and self._cursor >= 0:
            self._fetch(self._cursor)
        if not self._buffer and not self._tasks:
            self._fetch(0)  # those that came back to be tried again stand before the cursor
        return min(wanted, len(self._buffer))

    def _fetch(self, after: int) -> None:
        found = self._ledger.ready(self._run.key, now=self._clock.now(), after=after, limit=_FETCH)
        self._buffer.extend(found)
        self._cursor = found[-1].id if found else -1  # below 0: read to the end

    def _begin(self, messages: list[ReadyMessage]) -> None:
        """Commit the intents together with the outcomes at hand, then put the requests on the wire."""
        outgoing = [self._contents.outgoing(message) for message in messages]
        taken = set(self._commit([message.id for message in messages]))
        for message, content in zip(messages, outgoing, strict=True):
            if message.id not in taken:
                continue
            self._tally.move(MessageState.READY, MessageState.SENDING)
            self._on_wire[message.id] = message.attempt + 1
            task = asyncio.create_task(self._send(message.id, message.attempt + 1, content))
            self._tasks.add(task)
            task.add_done_callback(self._finished)
        if messages:
            self._show(RunState.RUNNING)
            self._tally.tell("")

    def _commit(self, intents: list[int]) -> list[int]:
        if not self._outcomes and not intents:
            return []
        outcomes = self._outcomes[:]
        taken = self._ledger.commit(
            self._run.key,
            self._run.fence,
            outcomes=outcomes,
            intents=intents,
            now=self._clock.now(),
            period=self._quota.period,
        )
        del self._outcomes[: len(outcomes)]
        return taken

    async def _send(self, message_id: int, attempt: int, content: OutgoingMessage) -> None:
        evidence = await self._gateway.send(content)
        decision = decide(evidence, self._policy)
        self._gate.note(decision)
        outcome = outcome_of(
            message_id,
            attempt,
            evidence,
            decision,
            now=self._clock.now(),
            retry_seconds=decision.delay_seconds or self._gate.closed_for() or 1.0,
            poll_until=self._rules.poll_until if self._run.delivery_report else None,
        )
        del self._on_wire[message_id]
        self._outcomes.append(outcome)
        self._tally.move(MessageState.SENDING, outcome.state)
        self._react(decision)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = error
        if not self._gathering:
            self._gathering = True
            asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._gathered)

    def _gathered(self) -> None:
        self._gathering = False
        self._wake.set()

    def _react(self, decision: Decision) -> None:
        if decision.action is Action.ASK_QUOTA:
            self._quota.permits = 0
            self._limit_hit = True
            self._look_at = 0.0
        elif decision.action is Action.PAUSE_CREDENTIALS:
            self._stop_for(
                PausedBy.CREDENTIALS,
                GatewayRefused(decision.reason, "check the credentials with `mmsflow doctor`, then run again"),
            )
        elif decision.action in {Action.PAUSE_GATEWAY, Action.PAUSE_CONFIGURATION}:
            self._stop_for(
                PausedBy.GATEWAY,
                GatewayRefused(decision.reason, "check the gateway's address with `mmsflow doctor`, then run again"),
            )
        elif decision.state is MessageState.REJECTED and self._all_rejected():
            text = f"the first {_ALL_REJECTED} messages were all refused: {decision.reason}"
            self._stop_for(
                PausedBy.BREAKER,
                RunUnfinished(text, "mend the campaign's sender or content; running again goes on with the rest"),
            )

    def _all_rejected(self) -> bool:
        settled = self._tally.messages - self._tally.unsent
        return settled == _ALL_REJECTED == self._tally.counts.get(MessageState.REJECTED, 0)

    def _stop_for(self, by: PausedBy, error: MmsflowError, resumes_at: datetime | None = None) -> None:
        if self._halt is None:
            self._halt = Halt(by, error, resumes_at)
            self._wake.set()

    def _when_nothing_is_ready(self) -> float | None:
        self._commit([])
        if self._tasks:
            return _UNTIL_WOKEN
        self._cursor = 0
        later = self._ledger.next_not_before(self._run.key)
        if later is None:
            return None
        wait = max(0.05, (later - self._clock.now()).total_seconds())
        return self._blocked(wait, PausedBy.GATEWAY, self._gate.reason or "messages wait for their next attempt")

    async def _when_quota_is_used_up(self) -> float:
        self._commit([])
        if self._tasks:
            return _UNTIL_WOKEN  # the counter is asked when it can no longer move by our own doing
        if (wait := self._look_at - self._clock.monotonic()) > 0:
            return wait
        try:
            await self._quota.refresh()
        except GatewayUnavailable as error:
            self._gate.close(error.message)
            return self._blocked(self._gate.closed_for(), PausedBy.GATEWAY, error.message)
        except GatewayRefused as error:
            self._stop_for(PausedBy.CREDENTIALS, error)
            return 0.0
        limit_hit, self._limit_hit = self._limit_hit, False
        if self._quota.permits:
            if limit_hit:
                self._gate.close("the gateway's short-term rate limit was reached")
            return 0.0
        self._look_at = self._clock.monotonic() + (wait := self._quota.next_look())
        return self._blocked(
            wait, PausedBy.QUOTA, f"the quota is used up ({self._quota.used} used)", self._quota.resets_at
        )

    def _blocked(self, seconds: float, by: PausedBy, reason: str, resumes_at: datetime | None = None) -> float:
        """Nothing can be sent for a while: leave with ``no_wait``, else say so and wait."""
        self._commit([])
        brief = by is PausedBy.GATEWAY and self._gate.failures < _BRIEF_FAILURES
        if self._no_wait and not self._tasks and not brief:
            self._stop_for(by, RunUnfinished(f"nothing can be sent now: {reason}"), resumes_at)
            return 0.0
        if not self._tasks:
            self._show(RunState.PAUSED, by, reason, resumes_at)
        self._tally.tell(reason)
        return seconds

    def _show(
        self, state: RunState, by: PausedBy = PausedBy.NOBODY, reason: str = "", resumes_at: datetime | None = None
    ) -> None:
        if self._shown != (state, by):
            self._shown = (state, by)
            self._ledger.set_state(self._run.key, state, paused_by=by, reason=reason, resumes_at=resumes_at)

    def _give_up(self) -> float | None:
        self._commit([])
        if self._tasks:
            return _UNTIL_WOKEN
        self._buffer.clear()
        ended = self._ledger.end_unsent(
            self._run.key, "its deadline (not_after) passed before it was sent", "not_after"
        )
        for _ in range(ended):
            self._tally.move(MessageState.READY, MessageState.NOT_SENT)
        self._tally.tell()
        return None

    async def _rest(self, seconds: float) -> None:
        """Wait for a finished request or for the time to pass."""
        if seconds >= _UNTIL_WOKEN:
            await self._wake.wait()
        else:
            woken = asyncio.ensure_future(self._wake.wait())
            passed = asyncio.ensure_future(self._clock.sleep(seconds))
            try:
                await asyncio.wait({woken, passed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()
                passed.cancel()
        self._wake.clear()

    async def _settle(self) -> None:
        """Let what is on the wire finish (each request has a total deadline) and write its outcomes."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._commit([])
        self._tally.tell()

    async def _abandon(self) -> None:
        """Cut off what is on the wire: its fate is not known, and the ledger says so."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        now = self._clock.now()
        reason = "the sender was stopped before the reply came"
        for message_id, attempt in self._on_wire.items():
            self._outcomes.append(Outcome(message_id, attempt, MessageState.UNKNOWN, now, reason=reason))
            self._tally.move(MessageState.SENDING, MessageState.UNKNOWN)
        self._on_wire.clear()
        self._commit([])
