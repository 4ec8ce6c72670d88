"""The quota while runs go on: one reading of the gateway's counter for all, and what it lets each run begin."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.delivery.gate import AccountGate
from mmsflow.delivery.halt import Halt
from mmsflow.errors import GatewayRefused, GatewayUnavailable
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.retry import Decision
from mmsflow.ledger.model import PausedBy, QuotaReading, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.plan.quota import QuotaRules, ResetRules, learn_period, next_reset, permitted, unused

# A used-up quota is looked at again long before its reset, because the operator may raise it at any time.
_SHORTEST_LOOK = 5.0
_LONGEST_LOOK = 900.0
_FRESH_SECONDS = 60.0  # a run that begins beside others takes their reading, unless others may have sent since


class AccountQuota:
    """The counter as it was read last, and what all runs have begun since.

    Every begun request counts as used, also one of unknown fate, until a reading taken later says otherwise. Requests
    that were on the wire while the counter was asked count as not yet seen by it.

    Args:
        guaranteed: requests of each period by campaign, of campaigns without a run too.
        changed: called after each reading.
        under_way: requests on the wire right now.

    Attributes:
        used, available: as read, less what was on the wire meanwhile.
        begun: requests since.
        period: names the quota's period in the ledger; empty before the first reading.
        resets_at: when the counter resets; None where it is not known.
        read_at: monotonic seconds of the last reading; None where none holds.
    """

    def __init__(
        self,
        gateway: GatewayClient,
        ledger: Ledger,
        clock: Clock,
        resets: ResetRules,
        guaranteed: Callable[[], Mapping[str, int]],
        changed: Callable[[], None],
        under_way: Callable[[], int],
    ) -> None:
        self._gateway, self._ledger, self._clock, self._resets = gateway, ledger, clock, resets
        self._guaranteed_elsewhere, self._changed, self._under_way = guaranteed, changed, under_way
        self._guards: list[QuotaGuard] = []
        self._asking: asyncio.Task[Halt | None] | None = None
        self._refusal: Decision | None = None
        self._is_exact = True
        self._of_campaigns: Counter[str] = Counter()
        self.guaranteed: dict[str, int] = {}
        self.used = self.available = self.begun = self._ever_begun = 0
        self.period = ""
        self.resets_at: datetime | None = None
        self.read_at: float | None = None

    @property
    def clock(self) -> Clock:
        """Whose time it is."""
        return self._clock

    @property
    def left(self) -> int:
        """What is left of the counter by what is known."""
        return self.available - self.begun

    def enter(self, guard: QuotaGuard) -> None:
        """A run takes part; the first one begins with a reading of its own."""
        if not self._guards:
            self.read_at = None
        self._guards.append(guard)
        guard.accepts_since = self._clock.monotonic() - _FRESH_SECONDS
        if self.read_at is not None:
            self._rebase(guard)
            self._know_guarantees()

    def withdraw(self, guard: QuotaGuard) -> None:
        """A run takes part no longer."""
        self._guards.remove(guard)
        if not self._guards and self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def holds(self, since: float) -> bool:
        """Whether the reading can be relied on: taken at ``since`` or later, and the counter not reset after it."""
        if self.read_at is None or self.read_at < since:
            return False
        return not (self.resets_at and self._clock.now() >= self.resets_at)

    def take(self, campaign: str, count: int) -> None:
        """Count requests of a campaign as used."""
        self.begun += count
        self._ever_begun += count
        self._of_campaigns[campaign] += count

    def permits(self, campaign: str, rules: QuotaRules, ours: int) -> int:
        """Requests that a run may begin which has begun ``ours`` in this period."""
        left = self.left
        guaranteed = unused(self.guaranteed, self._of_campaigns, campaign)
        return permitted(left, self.used + self.begun, rules, ours, guaranteed)

    def left_to_others(self, campaign: str) -> int:
        """Requests of this period that a campaign leaves to others because they are guaranteed to them."""
        return unused(self.guaranteed, self._of_campaigns, campaign).left_to_others(self.left)

    def refused(self, decision: Decision) -> None:
        """The gateway said that a limit is reached: nothing may begin until the counter tells which one it was."""
        self._refusal = decision
        self.read_at = None
        for guard in self._guards:
            guard.look_at = 0.0

    def settled(self) -> None:
        """Nothing is on the wire: a reading that was taken beside requests need not be relied on."""
        if self._is_exact:
            return
        self._is_exact = True
        for guard in self._guards:
            guard.look_at = 0.0

    async def ask(self, account: str, gate: AccountGate) -> Halt | None:
        """Ask for the counter, once for all who ask meanwhile.

        A failure closes the account's gate, a refusal is a halt.
        """
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask(account, gate))
            self._asking.add_done_callback(self._asked)
        # Whoever leaves meanwhile must not cut the others off.
        return await asyncio.shield(self._asking)

    def _asked(self, task: asyncio.Task[Halt | None]) -> None:
        if self._asking is task:
            self._asking = None
        if not task.cancelled():
            task.exception()  # those who asked are told
        self._changed()

    async def _ask(self, account: str, gate: AccountGate) -> Halt | None:
        try:
            rate_limit = await self._refresh(account)
        except GatewayUnavailable as error:
            gate.close(error.message)
        except GatewayRefused as error:
            return Halt(PausedBy.CREDENTIALS, error)
        else:
            if rate_limit is not None:
                gate.close("the gateway's short-term rate limit was reached", rate_limit.delay_seconds)
        return None

    async def _refresh(self, account: str) -> Decision | None:
        """Ask the gateway and reconcile.

        Returns:
            The last refusal, where the counter shows that it was about a short-term rate limit and not the quota.
        """
        unseen, before = self._under_way(), self._ever_begun
        reply = await self._gateway.limit(tries=1)  # whoever asks has a back-off of its own
        unseen += self._ever_begun - before
        now = self._clock.now()
        self._ledger.record_quota(QuotaReading(now, account, reply.used, reply.available, reply.reset_on))
        self.period = reply.period
        self.used, self.available, self.begun = reply.used + unseen, reply.available - unseen, 0
        self._is_exact = not unseen
        dates = [reading.reset_on for reading in self._ledger.quota_readings(account)]
        period = learn_period(day for day in dates if day)
        self.resets_at = next_reset(reply.reset_on, now, self._resets, period)
        self._know_guarantees(account)
        self.read_at = self._clock.monotonic()
        refusal, self._refusal = self._refusal, None
        for guard in self._guards:
            self._rebase(guard)
        permits = [guard.note_reading() for guard in self._guards]
        return refusal if any(permits) else None

    def _rebase(self, guard: QuotaGuard) -> None:
        guard.ours = self._ledger.posts_in_period(guard.run.account, self.period, guard.run.key)

    def _know_guarantees(self, account: str = "") -> None:
        """What is guaranteed by the campaigns' files and, for those that have runs, by what these have frozen."""
        live: dict[str, int] = {}
        for guard in self._guards:
            live[guard.run.campaign] = max(live.get(guard.run.campaign, 0), guard.guaranteed)
            account = account or guard.run.account
        every = {**self._guaranteed_elsewhere(), **live}
        self.guaranteed = {campaign: count for campaign, count in every.items() if count > 0}
        begun = self._ledger.posts_of_campaigns(account, self.period) if self.guaranteed else {}
        self._of_campaigns = Counter(begun)


class QuotaGuard:
    """Permits for one run, from the account's reading and from what its runs have begun since.

    Attributes:
        run: whose.
        guaranteed: requests of each period that others leave to its campaign.
        ours: requests that it has begun in this period.
        accepts_since: monotonic seconds; an older reading is not relied on.
        look_at: monotonic seconds; not earlier is the counter to be asked again.
    """

    def __init__(self, account: AccountQuota, run: RunInfo, rules: QuotaRules, guaranteed: int) -> None:
        self._account, self._rules = account, rules
        self.run, self.guaranteed = run, guaranteed
        self.ours = 0
        self.accepts_since = self.look_at = 0.0
        self._look_again = _SHORTEST_LOOK

    @property
    def permits(self) -> int:
        """Requests that may begin now; none once the counter has been reset, until it is asked again."""
        if not self._account.holds(self.accepts_since):
            return 0
        return self._account.permits(self.run.campaign, self._rules, self.ours)

    @property
    def period(self) -> str:
        """Names the quota's period in the ledger."""
        return self._account.period

    @property
    def resets_at(self) -> datetime | None:
        """When the counter resets; None where it is not known."""
        return self._account.resets_at

    @property
    def shortage(self) -> str:
        """Why there are no permits, for people."""
        account = self._account
        counter = f"{account.used + account.begun} used, {account.left} available"
        if account.left <= 0:
            return f"the quota is used up ({counter})"
        left = account.left_to_others(self.run.campaign)
        if left:
            theirs = f"the guarantees of other campaigns ({left})"
            return f"what `quota.reserve`, `quota.share` and {theirs} leave of the quota is used up ({counter})"
        return f"what `quota.reserve` and `quota.share` leave of the quota is used up ({counter})"

    def take(self, count: int) -> None:
        """Count requests as used, at most ``permits`` of them."""
        self.ours += count
        self._account.take(self.run.campaign, count)

    def refused(self, decision: Decision) -> None:
        """The gateway said that a limit is reached."""
        self._account.refused(decision)

    def look_in(self) -> float:
        """Seconds until the counter is to be asked again; 0 when now."""
        return max(0.0, self.look_at - self._account.clock.monotonic())

    async def ask(self, gate: AccountGate) -> Halt | None:
        """Ask for the counter as whoever sends does: a failure closes the account's gate, a refusal is a halt."""
        return await self._account.ask(self.run.account, gate)

    def note_reading(self) -> int:
        """Permits after a reading; without any, the next look comes later each time."""
        permits, now = self.permits, self._account.clock.monotonic()
        if permits:
            self._look_again, self.look_at = _SHORTEST_LOOK, 0.0
        elif now >= self.look_at:  # else others had it read, and its own look comes as it would have
            self.look_at = now + self._next_look()
        return permits

    def _next_look(self) -> float:
        """Seconds until the quota should be asked again: growing, and never past the reset."""
        wait = self._look_again
        self._look_again = min(_LONGEST_LOOK, self._look_again * 2)
        if self.resets_at is not None:
            until_reset = (self.resets_at - self._account.clock.now() + timedelta(seconds=1)).total_seconds()
            wait = min(wait, max(1.0, until_reset))
        return wait
