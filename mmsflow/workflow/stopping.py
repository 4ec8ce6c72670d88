"""Stopping all sending and letting it go on: what it blocks, and what whoever stops it is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from pathlib import Path

from mmsflow.clock import Clock
from mmsflow.errors import LedgerError, RunHeld
from mmsflow.ledger.lock import holder_of
from mmsflow.ledger.model import Holder, PausedBy, RunState
from mmsflow.ledger.requests import Action, Request
from mmsflow.ledger.stop_file import ALL_STOPPED, START_ALL, Stop, StopFile
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.control import ask_holder

_PATIENCE = timedelta(seconds=12)  # longer than the holder itself waits for replies


def described(stop: Stop, zone: tzinfo) -> str:
    """Say in one sentence who stopped all sending, why and since when."""
    if stop.since is None:
        return stop.reason
    since = stop.since.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
    return f"{stop.reason} (since {since})"


def stop_of(ledger: Path) -> Stop | None:
    """Read the stop in force for the ledger at that path; None where nothing is stopped."""
    return StopFile(ledger).read()


def stop_blocker(ledger: LedgerReader, zone: tzinfo) -> Blocker | None:
    """Block everything that sends while a person has stopped all sending."""
    stop = ledger.stop_file.read()
    return Blocker(ALL_STOPPED, described(stop, zone), START_ALL) if stop else None


def refuse_stopped(ledger: LedgerReader, zone: tzinfo) -> None:
    """Do nothing when nothing is stopped.

    Raises:
        PlanRefused: a person has stopped all sending.
    """
    if (blocker := stop_blocker(ledger, zone)) is not None:
        raise blocker.as_error()


@dataclass(frozen=True, slots=True)
class Stopped:
    """What became of stopping all sending.

    Attributes:
        stop: in force now.
        anew: it was not in force before.
        holder: the process that holds the ledger, if any.
        on_wire: requests that were still on the wire when we waited no longer.
        answer: what the holder said; empty where it did not answer, or where there is none.
    """

    stop: Stop
    anew: bool
    holder: Holder | None = None
    on_wire: int = 0
    answer: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether nothing is on the wire, and so nothing can arrive any more."""
        return self.holder is None or bool(self.answer and not self.on_wire)


async def stop_all(ledger: Path, who: str, why: str, clock: Clock) -> Stopped:
    """Stop all sending from the ledger at that path, then wait until what is on the wire has come in.

    Raises:
        LedgerError: the stop file cannot be made; nothing is stopped.
    """
    file = StopFile(ledger)
    before = file.read()
    stop = file.set(who, why, clock.now())
    anew = before is None or stop != before
    holder = None
    with suppress(LedgerError):  # who holds it is not known; the stop is in force whoever does
        holder = holder_of(ledger)
    if holder is None:
        return Stopped(stop, anew)
    request = Request("", Action.STOP, clock.now(), who=who)
    try:
        answer = await ask_holder(
            ledger, RunHeld("the ledger is held", cause="run_held"), request, clock=clock, patience=_PATIENCE
        )
    except (RunHeld, LedgerError):
        return Stopped(stop, anew, holder)
    if answer is None:
        return Stopped(stop, anew)  # it has ended meanwhile
    return Stopped(stop, anew, holder, answer.changed, "" if answer.refused else answer.text)


def start_all(ledger: Path, open_ledger: Callable[[], AbstractContextManager[Ledger]]) -> bool:
    """Let sending go on; False where nothing was stopped.

    Runs that no process carries out are no longer shown as stopped.

    Args:
        open_ledger: opens it for writing.

    Raises:
        LedgerError: the stop file cannot be removed; everything stays stopped.
    """
    if not StopFile(ledger).lift():
        return False
    if ledger.exists():
        with suppress(RunHeld, LedgerError), open_ledger() as opened:  # who holds it looks at the stop file by itself
            for run in opened.runs(unfinished=True):
                if run.paused_by is PausedBy.STOPPED:
                    opened.set_state(run.key, RunState.RUNNING)
    return True
