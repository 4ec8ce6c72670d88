"""Why sending stops with messages unsent: each reason with its pause, its exit code and the way on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mmsflow.delivery.doubt import FEWEST, DoubtWindow
from mmsflow.errors import GatewayRefused, MmsflowError, RunUnfinished
from mmsflow.gateway.retry import Action, Decision
from mmsflow.ledger.model import PausedBy, ReadyMessage
from mmsflow.mms.status import MessageState

ALL_REJECTED = 5  # when the first outcomes of a run are all refusals, the campaign is wrong, not its recipients


@dataclass(frozen=True, slots=True)
class Halt:
    """Why sending stopped with messages unsent.

    Attributes:
        by: as the ledger records it.
        error: what the command ends with, its text included.
        resumes_at: when it is expected to go on; None when not known.
    """

    by: PausedBy
    error: MmsflowError
    resumes_at: datetime | None = None


def refused(decision: Decision) -> Halt | None:
    """The halt that one verdict calls for by itself, if it does."""
    if decision.action is Action.PAUSE_CREDENTIALS:
        advice = "check the credentials with `mmsflow doctor`, then run again"
        return Halt(PausedBy.CREDENTIALS, GatewayRefused(decision.reason, advice, cause="credentials_refused"))
    if decision.action in {Action.PAUSE_GATEWAY, Action.PAUSE_CONFIGURATION}:
        advice = "check the gateway's address with `mmsflow doctor`, then run again"
        return Halt(PausedBy.GATEWAY, GatewayRefused(decision.reason, advice, cause="gateway_address"))
    return None


class Breaker:
    """Counts verdicts, and trips where going on would do harm.

    Args:
        settled: messages of the run that had left for good, or been refused, before.
        attempts: how often a message may be tried where a try is known to have failed.
        doubt: what share of the outcomes may be doubtful.
    """

    def __init__(self, settled: int, attempts: int, doubt: DoubtWindow) -> None:
        self._settled = settled
        self._attempts = attempts
        self._rejected = 0
        self._doubt = doubt

    def note(self, message: ReadyMessage, decision: Decision) -> Halt | None:
        """Learn from one verdict; the halt that it calls for after those before it."""
        if decision.state is MessageState.READY:
            return self._tried_in_vain(message, decision)
        self._settled += 1
        self._rejected += decision.state is MessageState.REJECTED
        too_doubtful = self._doubt.note(doubtful=decision.state.is_uncertain)
        if self._settled == self._rejected == ALL_REJECTED:
            text = f"the first {ALL_REJECTED} messages were all refused: {decision.reason}"
            advice = "fix the campaign's sender or content; running again goes on with the rest"
            return tripped(text, advice, cause="all_rejected")
        if too_doubtful:
            text = f"the fate of {FEWEST} of the last {self._doubt.length} messages is not known: {decision.reason}"
            advice = (
                "look at the gateway with `mmsflow doctor`; going on sends the rest; `stop_if.doubtful` sets the share"
            )
            return tripped(text, advice, cause="doubtful")
        return None

    def _tried_in_vain(self, message: ReadyMessage, decision: Decision) -> Halt | None:
        if not decision.spends_attempt or message.spent + 1 < self._attempts:
            return None
        text = f"a message failed {message.spent + 1} times: {decision.reason}"
        return tripped(text, "running again tries once more; `retry.attempts` sets how often", cause="attempts_spent")


def tripped(text: str, advice: str, *, cause: str) -> Halt:
    """The halt of a breaker; going on overrides it."""
    return Halt(PausedBy.BREAKER, RunUnfinished(text, advice, cause=cause))
