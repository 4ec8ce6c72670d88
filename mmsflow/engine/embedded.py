"""One process carries a run out: a sender and a poller side by side on one event loop, stopped by signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from mmsflow.audience.consent import Refusals
from mmsflow.clock import Clock
from mmsflow.delivery.account import Account
from mmsflow.delivery.executor import Sender
from mmsflow.delivery.gate import AccountGate
from mmsflow.delivery.halt import Halt
from mmsflow.delivery.poller import Poller
from mmsflow.delivery.progress import Observer, Tally
from mmsflow.delivery.refusals import RefusalWatch
from mmsflow.delivery.rules import RunRules
from mmsflow.engine.control import Live, LiveRuns, heed_requests
from mmsflow.errors import GatewayRefused, LedgerError
from mmsflow.first_failure import tell_beside
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.retry import RetryPolicy
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState
from mmsflow.plan.quota import ResetRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The adapters and limits with which runs are carried out in this process.

    Attributes:
        ledger, gateway, clock: adapters; the ledger is open for writing.
        policy: the gateway profile's promises about its answers.
        resets: how the quota's date becomes an instant.
        in_flight: requests at a time, all runs together.
        poll_per_second: status questions a second, all runs together.
        per_second: submissions a second, all runs together; None for no limit.
        guaranteed: by campaign, the requests of each quota period that other campaigns leave to it, with or without a
            run; the rules of runs that are carried out stand over it.
        not_found_grace: how long an unknown id counts as "asked too early".
        heeds_requests: look for what people ask from other terminals, as long as a run is carried out.
        heeds_signals: SIGINT and SIGTERM stop the run that is carried out.
        live: the runs that are carried out with this engine.
        longest_request: longest time for one request, its reply included.
        account: what the runs that are carried out share.
    """

    ledger: Ledger
    gateway: GatewayClient
    clock: Clock
    policy: RetryPolicy
    resets: ResetRules
    in_flight: int
    poll_per_second: float
    not_found_grace: timedelta
    heeds_requests: bool = False
    heeds_signals: bool = True
    longest_request: timedelta = timedelta(seconds=60)
    live: LiveRuns = field(default_factory=LiveRuns)
    per_second: float | None = None
    guaranteed: Callable[[], Mapping[str, int]] = dict
    account: Account = field(init=False, repr=False)

    def __post_init__(self) -> None:
        account = Account(
            self.ledger,
            self.gateway,
            self.clock,
            in_flight=self.in_flight,
            per_second=self.per_second,
            polls_per_second=self.poll_per_second,
            resets=self.resets,
            guaranteed=self.guaranteed,
        )
        object.__setattr__(self, "account", account)


@dataclass(frozen=True, slots=True)
class Ended:
    """How carrying-out ended.

    Attributes:
        halt: why sending stopped early; None when nothing is left to send.
        interrupted: a signal, or whoever runs the process, asked it to stop.
        unanswered: messages whose polling deadline passed while the gateway answered nothing.
    """

    halt: Halt | None
    interrupted: bool
    unanswered: int = 0


async def carry_out(
    engine: Engine,
    run: RunInfo,
    *,
    no_wait: bool,
    observer: Observer,
    taken: Callable[[RunInfo], None] | None = None,
    read_refusals: Callable[[], Refusals] | None = None,
) -> Ended:
    """Take the run, send what is left of it, and follow its delivery reports.

    Args:
        no_wait: return as soon as nothing can be sent now, without following reports.
        taken: told of the run with its new fence, before its first message; an error of it stops everything.
        read_refusals: reads suppression list, opt-outs and consent anew; None where there is none of them.

    Raises:
        GatewayRefused: polling is not allowed; the run's state is safe.
        LedgerError: the ledger failed; what was on the wire is settled as far as possible.
    """
    run = engine.ledger.take_run(run.key)
    if taken is not None:
        taken(run)
    rules = RunRules.from_config(run.config)
    tally = Tally(engine.ledger.state_counts(run.key), observer, polled=run.delivery_report)
    watch = RefusalWatch(read_refusals, engine.clock) if read_refusals else None
    sender = _sender(engine, run, rules, tally, no_wait, watch)
    if run.state is RunState.CANCELLED:
        sender.cancel()  # also what the campaign itself would send once more; delivery reports are still followed
    poller = _poller(engine, run, rules, tally, sender.gate)
    tally.tell("")
    live = Live(run, sender, poller, tally)
    with _signals(engine, sender, poller) as received, engine.live.entered(live), _heeding(engine):
        sending = asyncio.ensure_future(_keep_sending(engine, run, sender, poller, once=no_wait))
        following = None if no_wait else asyncio.ensure_future(poller.follow(lambda: sender.is_active))
        if following is not None:
            following.add_done_callback(lambda _: sender.finish())
        try:
            await _both(sending, following, sender)
        except asyncio.CancelledError:
            if not received:
                raise
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            return Ended(None, interrupted=True)
    halt = sending.result()
    stopped = bool(received) or sender.stopping
    gave_up = not (no_wait or stopped or halt)
    return Ended(halt, stopped, engine.ledger.outstanding(run.key) if gave_up else 0)


async def _both(sending: asyncio.Task[Halt | None], following: asyncio.Task[None] | None, sender: Sender) -> None:
    """Wait for both to end, so that an error of one never cuts off what the other has on the wire.

    Raises:
        GatewayRefused, LedgerError: what ended one of them, the sender's first.
    """
    tasks = [task for task in (sending, following) if task is not None]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        if following is not None and following.done() and not isinstance(following.exception(), GatewayRefused | None):
            sender.stop()
        await asyncio.wait({sending})
        if sending.exception() is None and following is not None:
            await asyncio.wait({following})
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled():
            task.result()


async def ask_once(engine: Engine, run: RunInfo, *, observer: Observer) -> None:
    """Ask once for the delivery status of every message that still waits for it."""
    rules = RunRules.from_config(run.config)
    tally = Tally(engine.ledger.state_counts(run.key), observer, polled=run.delivery_report)
    poller = _poller(engine, run, rules, tally)
    with _signals(engine, None, poller), _heeding(engine):
        await poller.ask_once()


async def _keep_sending(engine: Engine, run: RunInfo, sender: Sender, poller: Poller, *, once: bool) -> Halt | None:
    """Send, and as long as delivery reports are followed, send again what a person decides to send again."""
    while True:
        halt = await _send(engine, run, sender, poller)
        poller.nudge()
        if once or halt is not None or not await sender.more():
            return halt


async def _send(engine: Engine, run: RunInfo, sender: Sender, poller: Poller) -> Halt | None:
    try:
        halt = await sender.send_all()
    except LedgerError as error:
        with suppress(LedgerError):
            current = engine.ledger.find_run(run.run)
            if current is not None and current.fence == run.fence:  # else somebody else carries it out by now
                engine.ledger.pause(run.key, PausedBy.LEDGER, error.message, cause=error.cause)
        raise
    if halt is not None:
        poller.stop()
        try:
            engine.ledger.pause(run.key, halt.by, halt.error.message, halt.resumes_at, cause=halt.error.cause)
        except LedgerError as error:  # the run shows as interrupted then, which loses nothing but the reason
            tell_beside(halt.error, error)
        return halt
    counts = engine.ledger.state_counts(run.key)
    if not (counts[MessageState.READY] + counts[MessageState.SENDING] or sender.has_resends):
        engine.ledger.set_state(run.key, RunState.CANCELLED if sender.cancelled else engine.ledger.ended_state(run.key))
    return halt


def _sender(
    engine: Engine, run: RunInfo, rules: RunRules, tally: Tally, no_wait: bool, watch: RefusalWatch | None
) -> Sender:
    return Sender(
        engine.ledger,
        engine.gateway,
        engine.clock,
        run=run,
        rules=rules,
        seat=engine.account.seat(run, rules),
        tally=tally,
        policy=engine.policy,
        no_wait=no_wait,
        watch=watch,
        # One send can take a token, the request, and after a 401 both once more; and then a late reply has its time.
        resend_after=5 * engine.longest_request,
    )


def _poller(engine: Engine, run: RunInfo, rules: RunRules, tally: Tally, account: AccountGate | None = None) -> Poller:
    return Poller(
        engine.ledger,
        engine.gateway,
        engine.clock,
        run=run,
        tally=tally,
        until=rules.poll_until,
        asker=engine.account.polls.asker(rules.weight),
        gate=engine.account.polling_gate,
        grace=engine.not_found_grace,
        account=account,
    )


@contextmanager
def _heeding(engine: Engine) -> Iterator[None]:
    """Do what people ask from other terminals, as long as the block goes on."""
    if not engine.heeds_requests:
        yield
        return
    heeding = asyncio.ensure_future(heed_requests(engine.ledger, engine.clock, engine.live))
    try:
        yield
    finally:
        heeding.cancel()


@contextmanager
def _signals(engine: Engine, sender: Sender | None, poller: Poller) -> Iterator[list[int]]:
    """First signal: stop gently. Second: cut off what is on the wire (it becomes "maybe sent")."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        if len(received) == 2 and task is not None:
            task.cancel()
        if sender is not None:
            sender.stop()
        poller.stop()

    numbers: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM) if engine.heeds_signals else ()
    try:
        for number in numbers:
            loop.add_signal_handler(number, stop, number)
    except (ValueError, RuntimeError, NotImplementedError):
        numbers = ()  # not the main thread: whoever runs the loop there stops it in their own way
    try:
        yield received
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
