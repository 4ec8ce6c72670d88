"""What holds for the whole account at once: overload, outages, and the single request that probes for their end."""

from __future__ import annotations

import random

from mmsflow.clock import Clock
from mmsflow.gateway.retry import Action, Decision, backoff_seconds
from mmsflow.mms.status import MessageState

_LONGEST_SECONDS = 60.0  # at least one probe a minute, at most one

_CLOSING = frozenset({Action.BACK_OFF, Action.HOLD_ACCOUNT})
_ANSWERED = frozenset({MessageState.ACCEPTED, MessageState.REJECTED})


class AccountGate:
    """Open while the gateway answers; after a failure of the account closed for a growing time, then ajar."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open_at = 0.0
        self.failures = 0
        self.reason = ""

    def width(self, in_flight: int) -> int:
        """How many requests may be on the wire: all when open, a single probe after a failure."""
        return 1 if self.failures else in_flight

    def closed_for(self) -> float:
        """Seconds until the next request may begin, 0 when open or ajar."""
        return max(0.0, self._open_at - self._clock.monotonic()) if self.failures else 0.0

    def note(self, decision: Decision) -> None:
        """Learn from one verdict."""
        if decision.action in _CLOSING:
            self.close(decision.reason, decision.delay_seconds)
        elif decision.state in _ANSWERED:
            self.failures = 0
            self.reason = ""

    def close(self, reason: str, seconds: float | None = None) -> None:
        """Nothing goes out for ``seconds``, or for a growing time when None."""
        if self.closed_for() and seconds is None:
            return  # requests that were under way together fail together; that is one failure
        self.failures += 1
        wait = seconds if seconds is not None else backoff_seconds(self.failures, random.random())  # noqa: S311
        self._open_at = self._clock.monotonic() + min(wait, max(_LONGEST_SECONDS, seconds or 0.0))
        self.reason = reason
