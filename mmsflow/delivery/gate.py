"""What holds for the whole account at once: overload, outages, and the single request that probes for their end."""

from __future__ import annotations

import random
from collections.abc import Callable

from mmsflow.clock import Clock
from mmsflow.delivery.poll_outcomes import Suspicion
from mmsflow.gateway.retry import Action, Decision, backoff_seconds

_LONGEST_SECONDS = 60.0  # at least one probe a minute, at most one
_LATE_SECONDS = 120.0  # a probe that has not been made by then will not be: whoever sends waits for something else
_SHORTEST_SECONDS = 1.0  # `Retry-After: 0` must not make us knock as fast as the gateway answers

_CLOSING = frozenset({Action.BACK_OFF, Action.HOLD_ACCOUNT})


class AccountGate:
    """Open while the gateway answers; after a failure of the account closed for a growing time, then ajar.

    Args:
        changed: called when it opens, and when it closes.

    Attributes:
        failures: failures in a row; those of requests that were under way together count once.
        reason: of the last failure, for people; empty when open.
        probed: the single request that finds out whether the gateway is back is under way.
    """

    def __init__(self, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._clock, self._changed = clock, changed
        self.probed = False
        self._open_at = 0.0
        self.failures = 0
        self.reason = ""

    def width(self, in_flight: int) -> int:
        """How many requests may be on the wire: all when open, a single probe after a failure."""
        return 1 if self.failures else in_flight

    def closed_for(self) -> float:
        """Seconds until the next request may begin, 0 when open or ajar."""
        return max(0.0, self._open_at - self._clock.monotonic()) if self.failures else 0.0

    @property
    def is_probing(self) -> bool:
        """Whether whoever sends is about to find out if the gateway is back; nobody else need knock meanwhile."""
        return bool(self.failures) and self._clock.monotonic() < self._open_at + _LATE_SECONDS

    def note(self, decision: Decision) -> None:
        """Learn from one verdict."""
        if decision.action in _CLOSING:
            self.close(decision.reason, decision.delay_seconds)
        elif decision.state.is_answered and not self.closed_for():
            # While it is closed, good news is of requests that left before the gateway asked for time.
            self.open()

    def open(self) -> None:
        """The gateway answers."""
        was_closed = self.failures > 0
        self.failures = 0
        self.reason = ""
        if was_closed:
            self._changed()

    def close(self, reason: str, seconds: float | None = None) -> None:
        """Nothing goes out for ``seconds``, or for a growing time when None."""
        now = self._clock.monotonic()
        was_open = not self.closed_for()
        if was_open:
            self.failures += 1
            self._open_at = now
            if seconds is None:
                seconds = min(_LONGEST_SECONDS, backoff_seconds(self.failures, random.random()))  # noqa: S311
        if seconds is not None:
            self._open_at = max(self._open_at, now + max(seconds, _SHORTEST_SECONDS if self.failures > 1 else 0.0))
        self.reason = reason
        if was_open:
            self._changed()


class PollingGate(AccountGate):
    """What status questions have learned of the account, over all its runs.

    Attributes:
        suspicion: the ids that failed as an account does; while it is shared, others are asked to make sure.
        failed_by: the run whose probe found the gateway out of order last: another one's goes first; 0 for none.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.suspicion = Suspicion()
        self.failed_by = 0

    @property
    def is_in_doubt(self) -> bool:
        """Whether only a few questions may be asked, until one is answered."""
        return bool(self.failures) or self.suspicion.is_shared
