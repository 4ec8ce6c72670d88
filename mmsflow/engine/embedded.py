"""One process carries a run out: a sender and a poller side by side on one event loop, stopped by signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from mmsflow.clock import Clock
from mmsflow.delivery.executor import Halt, Sender
from mmsflow.delivery.poller import Poller
from mmsflow.delivery.progress import Observer, Tally
from mmsflow.delivery.quota import QuotaGuard
from mmsflow.delivery.rules import RunRules
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.retry import RetryPolicy
from mmsflow.ledger.model import RunInfo, RunState
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
        in_flight: requests at a time.
        poll_per_second: status questions a second.
        not_found_grace: how long an unknown id counts as "asked too early".
    """

    ledger: Ledger
    gateway: GatewayClient
    clock: Clock
    policy: RetryPolicy
    resets: ResetRules
    in_flight: int
    poll_per_second: float
    not_found_grace: timedelta


@dataclass(frozen=True, slots=True)
class Ended:
    """How carrying-out ended.

    Attributes:
        halt: why sending stopped early; None when nothing is left to send.
        interrupted: a signal asked the process to stop.
    """

    halt: Halt | None
    interrupted: bool


async def carry_out(engine: Engine, run: RunInfo, *, no_wait: bool, observer: Observer) -> Ended:
    """Take the run, send what is left of it, and follow its delivery reports.

    Args:
        no_wait: return as soon as nothing can be sent now, without following reports.

    Raises:
        GatewayRefused: polling is not allowed; the run's state is safe.
        LedgerError: the ledger failed; what was on the wire is settled as far as possible.
    """
    run = engine.ledger.take_run(run.key)
    rules = RunRules.from_config(run.config)
    tally = Tally(engine.ledger.state_counts(run.key), observer, polled=run.delivery_report)
    sender = _sender(engine, run, rules, tally, no_wait)
    poller = _poller(engine, run, rules, tally)
    tally.tell("")
    with _signals(sender, poller) as received:
        sending = asyncio.ensure_future(_send(engine, run, sender, poller))
        tasks = {sending}
        if not no_wait:
            tasks.add(asyncio.ensure_future(_follow(poller, sending)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        except BaseException as error:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if received and isinstance(error, asyncio.CancelledError):
                return Ended(None, interrupted=True)
            raise
        return Ended(sending.result(), bool(received))


async def ask_once(engine: Engine, run: RunInfo, *, observer: Observer) -> None:
    """Ask once for the delivery status of every message that still waits for it."""
    rules = RunRules.from_config(run.config)
    tally = Tally(engine.ledger.state_counts(run.key), observer, polled=run.delivery_report)
    poller = _poller(engine, run, rules, tally)
    with _signals(None, poller):
        await poller.ask_once()


async def _follow(poller: Poller, sending: asyncio.Future[Halt | None]) -> None:
    await poller.follow(lambda: not sending.done())


async def _send(engine: Engine, run: RunInfo, sender: Sender, poller: Poller) -> Halt | None:
    halt = await sender.send_all()
    counts = engine.ledger.state_counts(run.key)
    if halt is not None:
        engine.ledger.set_state(
            run.key, RunState.PAUSED, paused_by=halt.by, reason=halt.error.message, resumes_at=halt.resumes_at
        )
        poller.stop()
    elif not counts.get(MessageState.READY, 0) + counts.get(MessageState.SENDING, 0):
        engine.ledger.set_state(run.key, end_state(counts))
    return halt


def end_state(counts: dict[MessageState, int]) -> RunState:
    """The state of a run that has nothing left to send."""
    if counts.get(MessageState.UNKNOWN, 0) + counts.get(MessageState.ACCEPTED_NOID, 0):
        return RunState.DONE_WITH_UNKNOWN
    return RunState.EXPIRED if counts.get(MessageState.NOT_SENT, 0) else RunState.DONE


def _sender(engine: Engine, run: RunInfo, rules: RunRules, tally: Tally, no_wait: bool) -> Sender:
    return Sender(
        engine.ledger,
        engine.gateway,
        engine.clock,
        run=run,
        rules=rules,
        quota=QuotaGuard(engine.gateway, engine.ledger, run, rules.quota, engine.resets, engine.clock),
        tally=tally,
        policy=engine.policy,
        in_flight=engine.in_flight,
        no_wait=no_wait,
    )


def _poller(engine: Engine, run: RunInfo, rules: RunRules, tally: Tally) -> Poller:
    return Poller(
        engine.ledger,
        engine.gateway,
        engine.clock,
        run=run,
        tally=tally,
        until=rules.poll_until,
        per_second=engine.poll_per_second,
        grace=engine.not_found_grace,
    )


@contextmanager
def _signals(sender: Sender | None, poller: Poller) -> Iterator[list[int]]:
    """First signal: stop gently. Second: cut off what is on the wire (it becomes "maybe sent")."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        if len(received) > 1 and task is not None:
            task.cancel()
        if sender is not None:
            sender.stop()
        poller.stop()

    numbers: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
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
