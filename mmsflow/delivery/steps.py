"""What a run does next: what may begin now, and every reason to wait or to stop.

Permits are taken first, then ``flight`` makes the intents durable and begins the requests; never more than
``in_flight`` messages are ``sending``, which bounds what a crash leaves uncertain.

Nothing is awaited here: a pause, a cancel or a deadline cannot come between the decision and the intent.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import partial

from mmsflow.clock import Clock
from mmsflow.delivery.account import Seat
from mmsflow.delivery.admission import Admission
from mmsflow.delivery.doubt import FEWEST, DoubtWindow
from mmsflow.delivery.errand import Errand, Work
from mmsflow.delivery.flight import Flight
from mmsflow.delivery.halt import Breaker, Halt, refused
from mmsflow.delivery.hours import Hours
from mmsflow.delivery.outage import Outage
from mmsflow.delivery.progress import Tally
from mmsflow.delivery.readahead import ReadAhead
from mmsflow.delivery.refusals import RefusalWatch
from mmsflow.delivery.resending import REASON as RESEND_REASON
from mmsflow.delivery.resending import Resending
from mmsflow.delivery.rules import RunRules
from mmsflow.delivery.shared_ids import too_many_shared
from mmsflow.delivery.steering import Steering
from mmsflow.delivery.waiting import Waiting
from mmsflow.errors import RunUnfinished
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.pacing import Pacer
from mmsflow.gateway.retry import Action, Decision, RetryPolicy
from mmsflow.ledger.model import PausedBy, ReadyMessage, RunInfo
from mmsflow.ledger.stop_file import ALL_STOPPED, START_ALL
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState, outcomes_of

UNTIL_WOKEN = math.inf
LONGEST_NAP = 300.0  # dates are looked at again, should the machine have slept or its clock been set
_AT_HAND = 500  # messages that may be looked at in one step; more would hold replies up
_CANARY_LOOK = 5.0
_STOP_LOOK = 1.0  # seconds between two looks at whether a stop of all sending was lifted
_TOO_LATE = ("its deadline (not_after) passed before it was sent", "not_after")
_CANCELLED = ("cancelled by a person before it was sent", "cancelled")


class Steps(Steering):
    """Decides, step by step, what becomes of one run's messages that are ready.

    Args:
        ledger, gateway, clock: adapters; the ledger is open for writing.
        run, rules: what is carried out, as frozen.
        seat: the run's part in its account.
        tally: told of every move.
        policy: the gateway profile's promises about its answers.
        no_wait: return where the next message is known to go out later than in a moment, instead of waiting.
        watch: suppression list, opt-outs and consent as they are when a message goes; None where there is none.
        resend_after: how long after its attempt began a message of unknown fate may be sent once more.

    Attributes:
        gate: what holds for the whole account, learned by sending.
    """

    def __init__(
        self,
        ledger: Ledger,
        gateway: GatewayClient,
        clock: Clock,
        *,
        run: RunInfo,
        rules: RunRules,
        seat: Seat,
        tally: Tally,
        policy: RetryPolicy,
        no_wait: bool,
        watch: RefusalWatch | None = None,
        resend_after: timedelta = timedelta(minutes=4),
    ) -> None:
        self._ledger, self._clock = ledger, clock
        self._run, self._rules, self._tally, self._no_wait = run, rules, tally, no_wait
        self._seat, self._quota = seat, seat.quota
        self._pacer = Pacer(rules.per_second, clock)
        self._hours = Hours(rules.calendar)
        self.gate = seat.gate
        self._waiting = Waiting(ledger, run, tally, clock, no_wait=no_wait)
        self._admission = Admission(ledger, run, rules, tally, watch, clock)
        doubt = DoubtWindow(rules.doubtful, *ledger.doubtful_positions(run.key, FEWEST))
        self._breaker = Breaker(outcomes_of(tally.counts), rules.attempts, doubt)
        self._resending = Resending(ledger, run, rules, tally, clock, resend_after)
        self._outage = Outage(tally)
        self._flight = Flight(
            ledger,
            gateway,
            clock,
            run=run,
            rules=rules,
            seat=seat,
            tally=tally,
            policy=policy,
            heed=self._heed,
        )
        super().__init__(self._flight.wake)
        self._errand = Errand(self._flight.wake)
        self._ahead = ReadAhead(ledger, run, clock)
        self._halt: Halt | None = None

    @property
    def under_way(self) -> int:
        """Requests on the wire."""
        return self._flight.under_way

    def resume(self) -> None:
        """Go on after ``pause``; the ledger says already that the run goes on."""
        self._waiting.resumed()
        super().resume()

    def _step(self) -> float | None:
        """Begin what may begin now, and leave to other runs what this one cannot use."""
        self._seat.look()
        try:
            return self._decide()
        finally:
            self._seat.looked()

    def _decide(self) -> float | None:
        """Begin what may begin now.

        Returns:
            Seconds to wait for the next step (a finished request ends the wait), None when nothing is left.
        """
        if (halt := self._errand.collect() or self._seat.halt or too_many_shared(self._flight.shared)) is not None:
            self._stop_for(halt)
        if self.stopping or self._halts() or self._flight.crash is not None:
            return None
        if self._outage.failures:
            self._flight.commit()
        if self.must_reread:
            self._ahead.forget()
            self.must_reread = False
        now = self._clock.now()
        if self._rules.not_after and now >= self._rules.not_after:
            return self._end_unsent(*_TOO_LATE)
        if self.cancelled:
            return self._end_unsent(*_CANCELLED)
        if self.held is not None:
            return self._blocked(LONGEST_NAP, *self.held)
        self._waiting.released()
        free = self._seat.free
        if free <= 0 and self._seat.stay():
            self._flight.commit()
            return UNTIL_WOKEN
        ready = self._look_ahead(max(free, 1))
        if not ready:
            return self._when_nothing_is_ready()
        if (rest := self._until_it_may_send(now)) is not None:
            return rest
        if (closed := self.gate.closed_for()) > 0:
            self._seat.want()  # it keeps its place: nobody can send
            return self._blocked(closed, PausedBy.GATEWAY, self.gate.reason)
        return self._admit(ready, free, now)

    def _halts(self) -> bool:
        """Whether to stop for a halt now. Whom a person holds stays where it is until it is let go.

        By then a breaker still counts; a refusal or a list that cannot be read is met again, if it is still there.
        """
        if self._halt is None or self.held is None or self._no_wait:
            return self._halt is not None
        if self._halt.by is not PausedBy.BREAKER:
            self._halt = self._seat.halt = None
        return False

    def _stopped(self) -> float | None:
        """Wait while a person has stopped all sending; None when nobody has.

        Looked at before each claim, and nothing is awaited between this look and the intents.
        """
        if (stop := self._ledger.stop_file.read()) is None:
            return None
        if not self._no_wait:
            return self._blocked(_STOP_LOOK, PausedBy.STOPPED, stop.reason)
        self._flight.commit()
        if self._flight.under_way:
            return UNTIL_WOKEN
        return self._stop_for(Halt(PausedBy.STOPPED, RunUnfinished(stop.reason, START_ALL, cause=ALL_STOPPED)))

    def _until_it_may_send(self, now: datetime) -> float | None:
        """The stop of all sending, the start to come, or the closed window; None when none is in the way."""
        if (stopped := self._stopped()) is not None:
            return stopped
        opens, reason = self._rules.start, "its start has not come yet"
        if now >= opens:
            opening = self._hours.opening(now)
            if opening is None:
                return None
            opens, reason = opening, "outside its sending window"
        return self._blocked((opens - now).total_seconds(), PausedBy.WINDOW, reason, opens)

    def _land(self) -> float | None:
        """Write down what comes in until nothing is on the wire any more."""
        self._flight.commit()
        if self._flight.under_way:
            return UNTIL_WOKEN
        return self._end_unsent(*_CANCELLED) if self.cancelled else None

    def _admit(self, ready: list[ReadyMessage], free: int, now: datetime) -> float:
        """Begin what the campaign's own conditions and the quota allow."""
        ready = self._admission.of_canary(ready)
        if not ready:
            return self._await_canary(now)
        if (halt := self._admission.brake()) is not None:
            return self._stop_for(halt)
        if not self._admission.knows_refusals:
            return self._beside(self._admission.read_lists)
        if withheld := self._admission.withhold(ready, self._all_at_hand):
            self._ahead.drop(withheld)
            return 0.0
        self._seat.want()
        if not self._quota.permits:
            return self._when_quota_is_used_up()
        return self._begin(len(ready), free)

    def _begin(self, ready: int, free: int) -> float:
        allowed, own_pace = self._pacer.take(min(ready, self._quota.permits))
        granted, pause = self._seat.take(allowed)
        self._pacer.give_back(allowed - granted)
        self._quota.take(granted)
        self._flight.begin(self._ahead.take(granted))
        if granted:
            self._waiting.over()
            self._seat.shrunk()
        if granted < allowed:
            return self._await_turn(pause)
        if own_pace:
            self._seat.yields()
            return own_pace
        # Where no intent took, such as after a cancel whose commit failed and became durable all the same, no finished
        # request will ever wake us.
        return UNTIL_WOKEN if granted >= free and self._flight.under_way else 0.0

    def _await_turn(self, pause: float) -> float:
        """Others go first, or the account's pace does not let it; what lasts longer than a moment is shown."""
        if self._flight.under_way or not self._seat.waits_for:
            return pause
        if (left := self._seat.shown_in()) > 0:
            return min(pause, left)
        return self._blocked(min(pause, LONGEST_NAP), PausedBy.ACCOUNT, self._seat.waits_for)

    def _beside(self, work: Work) -> float:
        """Have something done that takes its time; the next step begins when it has ended, or something else has."""
        self._flight.commit()
        self._errand.begin(work)
        return LONGEST_NAP

    def _await_canary(self, now: datetime) -> float:
        self._flight.commit()
        if self._flight.under_way:
            return UNTIL_WOKEN
        verdict = self._admission.judge_canary(now)
        if verdict.passed:
            return 0.0
        if verdict.halt is not None:
            return self._stop_for(verdict.halt)
        if verdict.until is None:
            return self._until_canary_is_out()
        wait = min(_CANARY_LOOK, max(0.05, (verdict.until - now).total_seconds()))
        return self._blocked(wait, PausedBy.CANARY, "the delivery reports of the canary are awaited", verdict.until)

    def _until_canary_is_out(self) -> float:
        """Messages of the canary came back to be tried again, and stand before those that wait for it."""
        self._ahead.forget()
        if self._admission.of_canary(self._look_ahead(1)):
            return 0.0
        return self._until_next_attempt(self._ledger.next_not_before(self._run.key) or self._clock.now())

    def _look_ahead(self, wanted: int) -> list[ReadyMessage]:
        if not self._ahead.look(wanted) and not self._flight.under_way:
            self._flight.commit()
            self._ahead.forget()  # those that came back to be tried again stand before what was read last
        return self._ahead.look(wanted)

    def _all_at_hand(self) -> list[ReadyMessage]:
        return self._admission.of_canary(self._look_ahead(_AT_HAND))

    def _heed(self, message: ReadyMessage, decision: Decision) -> None:
        """React to one verdict."""
        if decision.state is not MessageState.READY:
            self._waiting.got_through()
        if decision.action is Action.ASK_QUOTA:
            self._quota.refused(decision)
        if (halt := refused(decision)) is not None:
            self._seat.refuse(halt)
        halt = halt or self._breaker.note(message, decision)
        if halt is not None:
            self._stop_for(halt)

    def _stop_for(self, halt: Halt) -> float:
        if self._halt is None and not self.cancelled:
            self._halt = halt
            self._flight.wake.set()
        return 0.0

    def _when_nothing_is_ready(self) -> float | None:
        self._flight.commit()
        if self._flight.under_way:
            return UNTIL_WOKEN
        later = self._ledger.next_not_before(self._run.key)
        if later is not None:
            return self._until_next_attempt(later)
        return self._resend()

    @property
    def has_resends(self) -> bool:
        """Whether messages of unknown fate are still to be sent once more."""
        return not self.cancelled and self._resending.due() is not None

    def _until_next_attempt(self, at: datetime) -> float:
        if (stopped := self._stopped()) is not None:
            return stopped
        wait = max(0.05, (at - self._clock.now()).total_seconds())
        return self._blocked(wait, PausedBy.GATEWAY, self.gate.reason or "messages wait for their next attempt")

    def _resend(self) -> float | None:
        due = self._resending.due()
        if due is None:
            return None
        if (stopped := self._stopped()) is not None:
            return stopped
        if (wait := (due - self._clock.now()).total_seconds()) > 0:
            return self._blocked(wait, PausedBy.GATEWAY, RESEND_REASON, due)
        self._resending.make_ready()
        self._ahead.forget()
        return 0.0

    def _when_quota_is_used_up(self) -> float:
        self._flight.commit()
        if self._flight.under_way or self._seat.awaits_others():
            return UNTIL_WOKEN  # the counter is asked when it can no longer move by our own doing
        if (wait := self._quota.look_in()) > 0:
            return self._blocked(wait, PausedBy.QUOTA, self._quota.shortage, self._quota.resets_at)
        return self._beside(partial(self._quota.ask, self.gate))

    def _blocked(self, seconds: float, by: PausedBy, reason: str, resumes_at: datetime | None = None) -> float:
        """Nothing can be sent for a while: leave with ``no_wait``, else say so and wait."""
        self._flight.commit()
        if self._flight.under_way:
            return seconds
        halt = self._waiting.blocked(seconds, by, reason, resumes_at)
        return seconds if halt is None else self._stop_for(halt)

    def _end_unsent(self, reason: str, code: str) -> float | None:
        """What is unsent stays so for good."""
        self._flight.commit()
        if self._flight.under_way:
            return UNTIL_WOKEN
        self._ahead.forget()
        for _ in range(self._ledger.end_unsent(self._run.key, reason, code)):
            self._tally.move(MessageState.READY, MessageState.NOT_SENT)
        return None
