"""Which ready messages may go: the canary's turn, the share of failures, who has refused since, and the cap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import takewhile

from mmsflow.audience.history import cap_reason
from mmsflow.clock import Clock
from mmsflow.delivery.halt import Halt
from mmsflow.delivery.progress import Tally
from mmsflow.delivery.refusals import RefusalWatch
from mmsflow.delivery.rules import RunRules
from mmsflow.delivery.thresholds import CanaryVerdict, judge_canary, judge_failures
from mmsflow.errors import InvalidInput, RunUnfinished
from mmsflow.ledger.model import PausedBy, ReadyMessage, Refusal, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState


class Admission:
    """The campaign's conditions for one run.

    Args:
        watch: suppression list, opt-outs and consent; None where there is none of them.
        clock: the frequency cap's time ends now.
    """

    def __init__(
        self, ledger: Ledger, run: RunInfo, rules: RunRules, tally: Tally, watch: RefusalWatch | None, clock: Clock
    ) -> None:
        self._ledger, self._run, self._rules, self._tally, self._watch = ledger, run, rules, tally, watch
        self._clock = clock
        self._under_cap: set[int] = set()
        self._others_begun = 0  # requests of other runs when those were looked up
        # Whoever went on after the canary had failed has decided about it.
        self._canary = None if run.lift is not None and run.lift.canary else rules.canary
        self._last_of_canary: int | None = None

    def brake(self) -> Halt | None:
        """The halt that the share of failures calls for."""
        return judge_failures(self._rules.stop_if, self._tally.counts, self._run.lift) if self._rules.stop_if else None

    def of_canary(self, ready: Sequence[ReadyMessage]) -> list[ReadyMessage]:
        """Those that need not wait for the canary: the canary itself, or all once it is no longer of interest."""
        if self._canary is None:
            return list(ready)
        if self._last_of_canary is None:
            self._last_of_canary = self._ledger.first_messages(self._run.key, self._canary.first).last_id
        last = self._last_of_canary
        return [message for message in ready if message.id <= last]

    def judge_canary(self, now: datetime) -> CanaryVerdict:
        """What the canary says, once all its messages have gone; passed when there is none."""
        if self._canary is None:
            return CanaryVerdict(passed=True)
        verdict = judge_canary(self._canary, self._ledger.first_messages(self._run.key, self._canary.first), now)
        if verdict.passed:
            self._canary = None
        return verdict

    @property
    def knows_refusals(self) -> bool:
        """Whether the opt-out and consent lists are known as they are; a look at the files at most once a second."""
        return self._watch is None or self._watch.is_current()

    async def read_lists(self) -> Halt | None:
        """Read the lists anew; the halt where one cannot be read."""
        if self._watch is None:
            return None
        try:
            await self._watch.read()
        except InvalidInput as error:
            finding = error.findings[0]
            text = f"an opt-out, consent or suppression list cannot be read: {finding.place} {finding.message}"
            return Halt(
                PausedBy.LISTS,
                RunUnfinished(text, finding.fix or "mend the list, then run again", cause="list_unreadable"),
            )
        return None

    def withhold(self, messages: Sequence[ReadyMessage], following: Callable[[], Sequence[ReadyMessage]]) -> set[int]:
        """Set those aside whose recipient has refused, or has had enough, by now; the ids of all not to be sent.

        Args:
            messages: whose turn it is.
            following: these and many after them. Where all of ``messages`` are set aside, it is the turn of the next
                ones at once, up to the first that may go; one transaction for all of them.
        """
        refused = self._refused(messages)
        if refused and len(refused) == len(messages):
            refused = self._leading(following())
        if not refused:
            return set()
        for _ in self._ledger.suppress(self._run.key, list(refused.values())):
            self._tally.move(MessageState.READY, MessageState.SUPPRESSED)
        self._tally.tell()
        return set(refused)

    def _refused(self, messages: Sequence[ReadyMessage]) -> dict[int, Refusal]:
        """By their ids; who has refused is not asked how much they had."""
        found = {refusal.id: refusal for refusal in self._watch.refused(messages)} if self._watch else {}
        rest = [message for message in messages if message.id not in found]
        return found | {refusal.id: refusal for refusal in self._at_cap(rest)}

    def _leading(self, messages: Sequence[ReadyMessage]) -> dict[int, Refusal]:
        """The refusals of those before the first that may go."""
        refused = self._refused(messages)
        leading = takewhile(lambda message: message.id in refused, messages)
        return {message.id: refused[message.id] for message in leading}

    def _at_cap(self, messages: Sequence[ReadyMessage]) -> list[Refusal]:
        """Those of ``messages`` whose number has had as many as the campaign's cap allows.

        What was looked up holds as long as no other run begins a request: nobody sends but who holds the ledger, and
        the cap's time, which slides on, only makes numbers free.
        """
        if (cap := self._rules.at_most) is None:
            return []
        if (others := self._ledger.begun_elsewhere(self._run.key)) != self._others_begun:
            self._under_cap, self._others_begun = set(), others
        if not (new := [message for message in messages if message.id not in self._under_cap]):
            return []
        numbers = [message.msisdn for message in new]
        since = self._clock.now() - cap.within
        had = self._ledger.recent_counts(self._run.account, numbers, since, except_run=self._run.key)
        over = {message.id: had.get(message.msisdn, 0) for message in new}
        over = {number: count for number, count in over.items() if count >= cap.messages}
        self._under_cap = {message.id for message in messages} - over.keys()
        return [Refusal(number, "at_most", cap_reason(cap, count)) for number, count in over.items()]
