"""What all runs of one account share: its gate, the requests in flight, its pace, its quota, questions for reports.

Every run that sends has a seat. It asks for permits when it could begin something, and gets what its priority and its
weight leave it beside the others that could as well. Whoever gets less than it could use is woken when that changes.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from mmsflow.clock import Clock
from mmsflow.delivery.gate import AccountGate, PollingGate
from mmsflow.delivery.halt import Halt
from mmsflow.delivery.questions import Questions
from mmsflow.delivery.quota import AccountQuota, QuotaGuard
from mmsflow.delivery.rules import RunRules
from mmsflow.delivery.turns import Order, Turn, share_of
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.pacing import Pacer
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.plan.quota import ResetRules

_SHOWN_AFTER = 5.0  # runs that take turns are not paused; what lasts longer is shown


class Account:
    """One account, for as long as its runs are carried out in this process.

    Args:
        in_flight: requests at a time over all runs.
        per_second: submissions a second over all runs; None for no limit.
        polls_per_second: status questions a second over all runs.
        resets: how the quota's date becomes an instant.
        guaranteed: by campaign, the requests of each period that other campaigns leave to it; also of those that have
            no run right now.

    Attributes:
        gate: overload and outages.
        quota: one reading of the counter for all.
        polls, polling_gate: the budget of status questions, and what they have learned of the gateway.
        under_way: requests on the wire.
    """

    def __init__(
        self,
        ledger: Ledger,
        gateway: GatewayClient,
        clock: Clock,
        *,
        in_flight: int,
        per_second: float | None,
        polls_per_second: float,
        resets: ResetRules,
        guaranteed: Callable[[], Mapping[str, int]],
    ) -> None:
        self._clock, self._in_flight = clock, in_flight
        self._pace = Pacer(per_second, clock)
        self._order = Order()
        self._seats: list[Seat] = []
        self._joined = 0
        self.under_way = 0
        self._quiet, self._landed = 0, asyncio.Event()
        self.gate = AccountGate(clock, self.wake_all)
        self.polls, self.polling_gate = Questions(polls_per_second, clock), PollingGate(clock)
        self.quota = AccountQuota(gateway, ledger, clock, resets, guaranteed, self.wake_all, lambda: self.under_way)

    def seat(self, run: RunInfo, rules: RunRules) -> Seat:
        """A seat for a run; it counts from ``join`` on."""
        return Seat(self, run, rules)

    def wake_all(self) -> None:
        """Something has changed for everybody."""
        for seat in self._seats:
            seat.wake.set()

    @property
    def free(self) -> int:
        """Requests that may be begun beside those on the wire; a single probe after a failure."""
        return 0 if self._quiet else self.gate.width(self._in_flight) - self.under_way

    @asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """Wait until nothing is on the wire; until the block ends nothing is begun. Questions for reports go on."""
        self._quiet += 1
        try:
            while self.under_way:
                self._landed.clear()
                await self._landed.wait()
            yield
        finally:
            self._quiet -= 1
            if not self._quiet:
                self.wake_all()

    def count(self, change: int) -> None:
        """So many requests more, or fewer, are on the wire."""
        self.under_way += change
        if not self.under_way:
            self._landed.set()

    def enter(self, seat: Seat) -> None:
        """It takes part from now on."""
        self._joined += 1
        seat.turn.order = self._joined
        self._seats.append(seat)
        self.quota.enter(seat.quota)

    def withdraw(self, seat: Seat) -> None:
        """It takes no part any more; what it held is for others."""
        self._seats.remove(seat)
        self.quota.withdraw(seat.quota)
        self.count(-seat.under_way)
        seat.under_way = 0
        seat.turn.wants = False
        self.offer()

    def rivals(self, seat: Seat) -> list[Seat]:
        """The others that could send right now."""
        return [each for each in self._seats if each is not seat and each.turn.wants and each.quota.permits]

    def is_alone(self, seat: Seat) -> bool:
        """Whether nobody else takes part."""
        return len(self._seats) == 1 and self._seats[0] is seat

    def take(self, seat: Seat, wanted: int, rivals: list[Seat]) -> tuple[int, float]:
        """Permits for a seat with no rival of a higher priority, 0 to ``wanted``, and the seconds until it asks again.

        Infinite seconds mean that it is woken.
        """
        equals = [rival.turn for rival in rivals if rival.turn.priority == seat.turn.priority]
        pool = min(self.free, seat.quota.permits if equals else wanted)
        if pool <= 0:
            return 0, math.inf
        there, pause = self._pace.take(pool)
        granted = min(wanted, share_of(seat.turn, there, equals))
        self._pace.give_back(there - granted)
        self._order.advance(seat.turn, granted, equals)
        if granted < there:
            # What belongs to others now is theirs to fetch.
            self.offer(but=seat)
        return granted, pause if there < pool else math.inf

    def enter_order(self, seat: Seat) -> None:
        """It could send from now on."""
        self._order.enter(seat.turn)

    def offer(self, but: Seat | None = None) -> None:
        """Permits may be left: wake whoever comes next."""
        if not self.under_way:
            self.quota.settled()
        others = [each for each in self._seats if each is not but and each.turn.wants] if self.free > 0 else []
        able = [each for each in others if each.quota.permits]
        if able:
            min(able, key=lambda each: each.turn.place).wake.set()
        if not self.under_way:
            # The counter can be asked again by those whom it left nothing.
            for each in others:
                if not each.quota.permits:
                    each.wake.set()

    def shrunk(self, seat: Seat) -> None:
        """The quota has shrunk by requests of a seat: whoever has none left now must notice."""
        for each in self._seats:
            if each is not seat and each.turn.wants and not each.out_of_quota and not each.quota.permits:
                each.out_of_quota = True
                each.wake.set()

    def refuse(self, seat: Seat, halt: Halt) -> None:
        """The gateway refuses the account: no other run need find that out by itself."""
        for each in self._seats:
            if each is not seat and each.halt is None:
                each.halt = halt
                each.wake.set()

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock.monotonic()


class Seat:
    """One run's part in its account.

    Attributes:
        run: whose.
        turn: its place among the others.
        quota: what it may begin of the quota.
        wake: set when the run should look again.
        halt: why the whole account must stop, found out by another run; None otherwise.
        under_way: its requests on the wire.
        out_of_quota: it has been told that the quota leaves it nothing.
    """

    def __init__(self, account: Account, run: RunInfo, rules: RunRules) -> None:
        self._account = account
        self.run = run
        self.turn = Turn(rules.priority, rules.weight)
        self.quota = QuotaGuard(account.quota, run, rules.quota, rules.guaranteed)
        self.wake = asyncio.Event()
        self.halt: Halt | None = None
        self.under_way = 0
        self.out_of_quota = False
        self._wanted = False
        self._waits_since: float | None = None
        self.waits_for = ""

    @property
    def gate(self) -> AccountGate:
        """The account's."""
        return self._account.gate

    @property
    def free(self) -> int:
        """Requests of the account that may be begun now; below 1 when none."""
        return self._account.free

    def join(self) -> None:
        """Take part from now on."""
        self.halt = None
        self._account.enter(self)

    def leave(self) -> None:
        """Take part no longer; what is on the wire counts no longer."""
        self._account.withdraw(self)

    def look(self) -> None:
        """A decision begins: unless ``want`` follows, the run cannot send now."""
        self._wanted, self.turn.wants = self.turn.wants, False

    def want(self) -> None:
        """The run could send now, as far as it is concerned."""
        self._account.enter_order(self)
        self.out_of_quota = self.out_of_quota and not self.quota.permits

    def stay(self) -> bool:
        """Every slot is taken: whether the run can just go on waiting for one, as far as it has looked before."""
        if not (self._account.is_alone(self) or (self._wanted and self.under_way > 0)):
            return False
        self.turn.wants = self._wanted
        return True

    def looked(self) -> None:
        """The decision is made; what it leaves is for others."""
        if not self.turn.wants:
            self._waits_since = None
            if self._wanted:
                self._account.offer(but=self)

    def yields(self) -> None:
        """It cannot use more for now, by its own rate."""
        self.turn.wants = False
        self._account.offer(but=self)

    def take(self, wanted: int) -> tuple[int, float]:
        """Permits to begin requests, 0 to ``wanted``, and the seconds until it is worth asking again.

        Infinite seconds mean that it is woken. After a call that granted nothing ``waits_for`` says for whom.
        """
        rivals = [] if self._account.is_alone(self) else self._account.rivals(self)
        ahead = [rival for rival in rivals if rival.turn.priority > self.turn.priority]
        if ahead:
            granted, pause = 0, math.inf
            self._account.offer(but=self)
        else:
            granted, pause = self._account.take(self, wanted, rivals)
        if granted:
            self._waits_since, self.waits_for = None, ""
        else:
            self._note_wait(ahead, rivals)
        return granted, pause

    def _note_wait(self, ahead: list[Seat], rivals: list[Seat]) -> None:
        if self._waits_since is None:
            self._waits_since = self._account.now()
        if ahead:
            first = min(ahead, key=lambda rival: (-rival.turn.priority, rival.turn.order))
            self.waits_for = f"waits for {first.run.run}, which has priority {first.turn.priority}"
        else:
            names = ", ".join(rival.run.run for rival in rivals)
            self.waits_for = f"takes turns with {names} on the account's pace" if names else ""

    def shown_in(self) -> float:
        """Seconds until it is worth telling people that the run waits for others; 0 when now."""
        since = self._account.now() if self._waits_since is None else self._waits_since
        return max(0.0, since + _SHOWN_AFTER - self._account.now())

    def shrunk(self) -> None:
        """The quota has shrunk by requests of this run."""
        if not self._account.is_alone(self):
            self._account.shrunk(self)

    def awaits_others(self) -> bool:
        """Whether the counter is better asked later: requests of others are on the wire, and nobody can begin more."""
        return self._account.under_way > 0 and not self._account.rivals(self)

    def began(self) -> None:
        """One request is on the wire."""
        self.under_way += 1
        self._account.count(1)

    def ended(self) -> None:
        """One request has ended; ``freed`` follows."""
        if self.under_way:
            self.under_way -= 1
            self._account.count(-1)

    def freed(self) -> None:
        """Look again, and offer to others what is left."""
        self.wake.set()
        self._account.offer(but=self)

    def refuse(self, halt: Halt) -> None:
        """The gateway refuses the whole account."""
        self._account.refuse(self, halt)
