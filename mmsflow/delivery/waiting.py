"""Nothing can be sent for a while: who is told, what the ledger says meanwhile, and when not to wait at all."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.delivery.halt import Halt
from mmsflow.delivery.patience import Patience
from mmsflow.delivery.progress import Tally
from mmsflow.errors import RunUnfinished
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.store import Ledger

_GOES_ON = (RunState.RUNNING, PausedBy.NOBODY, "", None)
_FORESEEN = (PausedBy.GATEWAY, PausedBy.WINDOW)  # it can go on after the wait; others are looked at again then


class Waiting:
    """How one run shows that it waits, or that it goes on.

    Args:
        no_wait: leave where the next message is known to go out later than in a moment.
    """

    def __init__(self, ledger: Ledger, run: RunInfo, tally: Tally, clock: Clock, *, no_wait: bool) -> None:
        self._ledger, self._run, self._tally, self._clock, self._no_wait = ledger, run, tally, clock, no_wait
        self._patience = Patience()
        self._shown: tuple[object, ...] = _GOES_ON

    def got_through(self) -> None:
        """The gateway took a message or refused it."""
        self._patience.got_through()

    def blocked(self, seconds: float, by: PausedBy, reason: str, resumes_at: datetime | None = None) -> Halt | None:
        """Say that nothing can be sent now; the halt where that is a reason to leave.

        Args:
            seconds: until it is looked at again.
            resumes_at: when it is expected to go on; None when not known.
        """
        if self._no_wait:
            now = self._clock.now()
            if by in _FORESEEN:
                resumes_at = resumes_at or now + timedelta(seconds=seconds)
            left = (resumes_at - now).total_seconds() if resumes_at else math.inf
            if by is PausedBy.USER or self._patience.is_over(left, self._clock.monotonic()):
                return Halt(by, RunUnfinished(f"nothing can be sent now: {reason}", cause=by.cause), resumes_at)
        self._show(RunState.PAUSED, by, reason, resumes_at)
        self._tally.tell(reason)
        return None

    def released(self) -> None:
        """Nobody has paused the run any more; it may still have to wait for something else."""
        if self._shown[1] is PausedBy.USER:
            self.over()

    def resumed(self) -> None:
        """A person has lifted a pause, and the ledger says that the run goes on; what it still waits for is shown."""
        self._shown = _GOES_ON

    def over(self) -> None:
        """Something is sent again."""
        self._show(RunState.RUNNING, PausedBy.NOBODY, "", None)
        self._tally.tell("")

    def _show(self, state: RunState, by: PausedBy, reason: str, resumes_at: datetime | None) -> None:
        wanted = (state, by, reason, resumes_at)
        if self._shown != wanted:
            self._ledger.set_state(self._run.key, state, paused_by=by, reason=reason, resumes_at=resumes_at)
            self._shown = wanted
