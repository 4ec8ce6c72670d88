"""Nothing can be sent for a while: who is told, what the ledger says meanwhile, and when not to wait at all."""

from __future__ import annotations

from datetime import datetime

from mmsflow.delivery.gate import AccountGate
from mmsflow.delivery.halt import Halt
from mmsflow.delivery.progress import Tally
from mmsflow.errors import RunUnfinished
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.store import Ledger

_GOES_ON = (RunState.RUNNING, PausedBy.NOBODY, "", None)
_BRIEF_FAILURES = 4  # a gateway that asks for a moment's patience is not "nothing can be sent now"


class Waiting:
    """How one run shows that it waits, or that it goes on.

    Args:
        no_wait: leave as soon as nothing can be sent now.
    """

    def __init__(self, ledger: Ledger, run: RunInfo, tally: Tally, gate: AccountGate, *, no_wait: bool) -> None:
        self._ledger, self._run, self._tally, self._gate, self._no_wait = ledger, run, tally, gate, no_wait
        self._shown: tuple[object, ...] = _GOES_ON

    def blocked(self, by: PausedBy, reason: str, resumes_at: datetime | None = None) -> Halt | None:
        """Say that nothing can be sent now; the halt where that is a reason to leave.

        Args:
            resumes_at: when it is expected to go on; None when not known.
        """
        brief = by is PausedBy.GATEWAY and resumes_at is None and self._gate.failures < _BRIEF_FAILURES
        if self._no_wait and not brief:
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
