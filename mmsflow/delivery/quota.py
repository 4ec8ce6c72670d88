"""The quota while a run goes on: what may be begun now, and when to look again."""

from __future__ import annotations

from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.delivery.gate import AccountGate
from mmsflow.delivery.halt import Halt
from mmsflow.errors import GatewayRefused, GatewayUnavailable
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.retry import Decision
from mmsflow.ledger.model import PausedBy, QuotaReading, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.plan.quota import QuotaRules, ResetRules, learn_period, next_reset, permitted

# A used-up quota is looked at again long before its reset, because the operator may raise it at any time.
_SHORTEST_LOOK = 5.0
_LONGEST_LOOK = 900.0


class QuotaGuard:
    """Permits for one run, from the gateway's counter and from what the run itself has begun since.

    Every begun request counts as used, also one of unknown fate, until a reading taken later says otherwise.
    """

    def __init__(
        self,
        gateway: GatewayClient,
        ledger: Ledger,
        run: RunInfo,
        rules: QuotaRules,
        resets: ResetRules,
        clock: Clock,
    ) -> None:
        self._gateway, self._ledger, self._run, self._clock = gateway, ledger, run, clock
        self._rules, self._resets = rules, resets
        self._look_again = _SHORTEST_LOOK
        self._look_at = 0.0
        self._refusal: Decision | None = None
        self._permits = 0
        self.resets_at: datetime | None = None
        self.period = ""
        self.used = self.available = 0

    @property
    def permits(self) -> int:
        """Requests that may begin now; none once the counter has been reset, until it is asked again."""
        return 0 if self.resets_at and self._clock.now() >= self.resets_at else self._permits

    @property
    def shortage(self) -> str:
        """Why there are no permits, for people."""
        counter = f"{self.used} used, {self.available} available"
        if self.available <= 0:
            return f"the quota is used up ({counter})"
        return f"what `quota.reserve` and `quota.share` leave of the quota is used up ({counter})"

    def take(self, count: int) -> None:
        """Count requests as used, at most ``permits`` of them."""
        self._permits = max(0, self._permits - count)

    def refused(self, decision: Decision) -> None:
        """The gateway said that a limit is reached: nothing may begin until the counter tells which one it was."""
        self._refusal = decision
        self._permits = 0
        self._look_at = 0.0

    def look_in(self) -> float:
        """Seconds until the counter is to be asked again; 0 when now."""
        return max(0.0, self._look_at - self._clock.monotonic())

    async def ask(self, gate: AccountGate) -> Halt | None:
        """Ask for the counter as whoever sends does: a failure closes the account's gate, a refusal is a halt."""
        try:
            rate_limit = await self.refresh()
        except GatewayUnavailable as error:
            gate.close(error.message)
        except GatewayRefused as error:
            return Halt(PausedBy.CREDENTIALS, error)
        else:
            if rate_limit is not None:
                gate.close("the gateway's short-term rate limit was reached", rate_limit.delay_seconds)
        return None

    async def refresh(self) -> Decision | None:
        """Ask the gateway and reconcile.

        Returns:
            The last refusal, where the counter shows that it was about a short-term rate limit and not the quota.

        Raises:
            GatewayRefused, GatewayUnavailable: as the client says.
        """
        reply = await self._gateway.limit(tries=1)  # whoever asks has a back-off of its own
        now = self._clock.now()
        self._ledger.record_quota(QuotaReading(now, self._run.account, reply.used, reply.available, reply.reset_on))
        self.period = reply.reset_on.isoformat() if reply.reset_on else "unknown"
        ours = self._ledger.posts_in_period(self._run.account, self.period, self._run.key)
        self.used, self.available = reply.used, reply.available
        dates = [reading.reset_on for reading in self._ledger.quota_readings(self._run.account)]
        period = learn_period(day for day in dates if day)
        self.resets_at = next_reset(reply.reset_on, now, self._resets, period)
        self._permits = permitted(reply.available, reply.used, self._rules, ours)
        refusal, self._refusal = self._refusal, None
        if self._permits:
            self._look_again = _SHORTEST_LOOK
            return refusal
        self._look_at = self._clock.monotonic() + self._next_look()
        return None

    def _next_look(self) -> float:
        """Seconds until the quota should be asked again: growing, and never past the reset."""
        wait = self._look_again
        self._look_again = min(_LONGEST_LOOK, self._look_again * 2)
        if self.resets_at is not None:
            until_reset = (self.resets_at - self._clock.now() + timedelta(seconds=1)).total_seconds()
            wait = min(wait, max(1.0, until_reset))
        return wait
