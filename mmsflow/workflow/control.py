"""Having something done to a run, whoever holds the ledger: the process that carries it out, or we ourselves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from mmsflow.clock import Clock
from mmsflow.engine.control import do_request
from mmsflow.errors import RunHeld
from mmsflow.ledger.lock import holder_of
from mmsflow.ledger.requests import GOOD_FOR, Answer, Request, Spool
from mmsflow.ledger.store import Ledger

LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request; ``live`` when another process did it, which goes on."""

    answer: Answer
    live: bool


async def have_done(
    path: Path, open_ledger: Callable[[], AbstractContextManager[Ledger]], request: Request, *, clock: Clock
) -> Done:
    """Do what is asked, or have the process do it that holds the ledger.

    Args:
        path: the ledger.
        open_ledger: opens it for writing.

    Raises:
        RunHeld: that process does something else and did not answer in time; nothing was changed.
        LedgerError: the ledger cannot be written.
    """
    deadline = clock.monotonic() + GOOD_FOR.total_seconds()
    while True:
        try:
            with open_ledger() as ledger:
                return Done(do_request(ledger, request), live=False)
        except RunHeld as held:
            answer = await ask_holder(path, held, request, clock=clock)
            if answer is not None:
                return Done(answer, live=True)
            if clock.monotonic() >= deadline:
                raise


async def ask_holder(
    path: Path, held: RunHeld, request: Request, *, clock: Clock, patience: timedelta = GOOD_FOR
) -> Answer | None:
    """Post a request and wait for its answer.

    Args:
        path: the ledger.
        held: how it was refused to us.
        patience: how long the holder may take, once it has taken the request.

    Returns:
        The answer; None when the holder has ended without one, so that we can do it ourselves.

    Raises:
        RunHeld: no answer came in time; the request was taken back.
    """
    spool = Spool(path)
    name = spool.post(request)
    begun = clock.monotonic()
    try:
        while (waited := clock.monotonic() - begun) < patience.total_seconds():
            if waited >= GOOD_FOR.total_seconds() and not spool.is_taken(name):
                break
            await clock.sleep(LOOK_SECONDS)
            if (answer := spool.answer(name)) is not None:
                return answer
            if holder_of(path) is None:
                return spool.answer(name)
    finally:
        taken = not spool.withdraw(name)
    done = "it took the request, but did not answer" if taken else "nothing was changed"
    raise RunHeld(f"{held.message}, and does not answer; {done}", held.advice, cause="holder_does_not_answer")
