"""The quota while a run goes on: what may be begun now, and when to look again."""

from __future__ import annotations

from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.gateway.client import GatewayClient
from mmsflow.ledger.model import QuotaReading, RunInfo
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
        self.permits = 0
        self.resets_at: datetime | None = None
        self.period = ""
        self.used = self.available = 0

    def take(self, wanted: int) -> int:
        """How many of ``wanted`` requests may begin; they are then counted as used."""
        granted = min(wanted, self.permits)
        self.permits -= granted
        return granted

    async def refresh(self) -> None:
        """Ask the gateway and reconcile.

        Raises:
            GatewayRefused, GatewayUnavailable: as the client says.
        """
        reply = await self._gateway.limit()
        now = self._clock.now()
        self._ledger.record_quota(QuotaReading(now, self._run.account, reply.used, reply.available, reply.reset_on))
        self.period = reply.reset_on.isoformat() if reply.reset_on else "unknown"
        ours = self._ledger.posts_in_period(self._run.account, self.period, self._run.key)
        self.used, self.available = reply.used, reply.available
        self.permits = permitted(reply.available, reply.used, self._rules, ours)
        dates = [reading.reset_on for reading in self._ledger.quota_readings(self._run.account)]
        period = learn_period(day for day in dates if day)
        self.resets_at = next_reset(reply.reset_on, now, self._resets, period)
        if self.permits:
            self._look_again = _SHORTEST_LOOK

    def next_look(self) -> float:
        """Seconds until the quota should be asked again: growing, and never past the reset."""
        wait = self._look_again
        self._look_again = min(_LONGEST_LOOK, self._look_again * 2)
        if self.resets_at is not None:
            until_reset = (self.resets_at - self._clock.now() + timedelta(seconds=1)).total_seconds()
            wait = min(wait, max(1.0, until_reset))
        return wait
