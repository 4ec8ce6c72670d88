"""Messages that were maybe sent: shown with all evidence, and settled as a person says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from mmsflow.delivery.rules import RunRules
from mmsflow.errors import PlanRefused, UsageError
from mmsflow.ledger.maybe_sent import Decision, MaybeSent
from mmsflow.ledger.model import Event, RunInfo, RunState
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.msisdn import BadNumber, mask_in_text, mask_msisdn, parse_msisdn
from mmsflow.mms.status import MessageState
from mmsflow.report.moments import zone_of
from mmsflow.workflow.history import iso

ALL = "all"
_NAMED = 3


def choose(
    ledger: LedgerReader, run: RunInfo, *, sent: Sequence[str], not_sent: Sequence[str], resend: Sequence[str]
) -> tuple[Decision, ...]:
    """What the person's words mean for each message that was maybe sent.

    Args:
        sent, not_sent, resend: numbers as people type them, several to a text with commas between; or ``all``, which
            means all that nothing else was said of.

    Raises:
        PlanRefused: the run was purged.
        UsageError: a number cannot be read, was not maybe sent in this run, or two things are said of it.
    """
    if run.purged_at is not None:
        raise PlanRefused(
            f"the personal data of {run.run} were removed: nothing of it can be settled any more", cause="purged"
        )
    rest: MessageState | None = None
    wanted: dict[str, MessageState] = {}
    options = (
        (MessageState.UNDETERMINED, sent),
        (MessageState.NOT_SENT, not_sent),
        (MessageState.READY, resend),
    )
    for state, texts in options:
        for text in _separate(texts):
            if text == ALL:
                if rest not in (None, state):
                    raise UsageError("two different things are said of all", "say `all` once, and name the others")
                rest = state
                continue
            number = _number(text)
            if wanted.setdefault(number, state) is not state:
                raise UsageError(f"two different things are said of {mask_msisdn(number)}", "say one of them")
    decisions = []
    for message in ledger.maybe_sent(run.key):
        state_said = wanted.pop(message.number, rest)
        if state_said is not None:
            decisions.append(Decision(message.id, message.attempt, state_said))
    if wanted:
        raise _not_maybe_sent(run, wanted)
    return tuple(decisions)


def refuse_resend(run: RunInfo, now: datetime) -> None:
    """Do nothing where messages of the run can still be sent.

    Raises:
        PlanRefused: it was cancelled, or its deadline has passed.
    """
    not_after = RunRules.from_config(run.config).not_after
    if run.state is RunState.CANCELLED:
        raise PlanRefused(f"{run.run} was cancelled: nothing of it can be sent any more", _INSTEAD, cause="cancelled")
    if run.state is RunState.EXPIRED or (not_after is not None and now >= not_after):
        raise PlanRefused(
            f"the deadline (not_after) of {run.run} has passed: nothing of it can be sent",
            _INSTEAD,
            cause="deadline_passed",
        )


_INSTEAD = "say --sent or --not-sent; a new run with `mmsflow run --top-up` can send to those who had nothing"


def doubts_as_json(run: RunInfo, doubts: Iterable[MaybeSent], *, show_numbers: bool) -> dict[str, object]:
    """The document of ``resolve --json``: each message with every attempt and what is known of it."""
    zone = zone_of(run.config)

    def seen(text: str, each: MaybeSent) -> str:
        return text if show_numbers else mask_in_text(text, each.number)

    def history(each: MaybeSent) -> list[dict[str, object]]:
        return [
            {
                "at": iso(event.at, zone),
                "attempt": event.attempt,
                "from": event.old,
                "to": event.new,
                "reason": seen(event.reason, each),
                "evidence": evidence_of(event, "" if show_numbers else each.number),
            }
            for event in each.events
        ]

    return {
        "run": run.run,
        "maybe_sent": [
            {
                "number": each.number if show_numbers else mask_msisdn(each.number),
                "source": each.source,
                "row": each.row,
                "subject": seen(each.subject, each),
                "state": each.state.value,
                "attempt": each.attempt,
                "sent_at": iso(each.sent_at, zone),
                "reason": seen(each.reason, each),
                "code": each.code,
                "history": history(each),
            }
            for each in doubts
        ],
    }


def evidence_of(event: Event, number: str) -> dict[str, object]:
    """What is known of one step; ``number`` is masked in it, unless it is empty."""
    return {
        name: mask_in_text(fact, number) if number and isinstance(fact, str) else fact
        for name, fact in event.detail.items()
    }


def _separate(texts: Iterable[str]) -> list[str]:
    parts = (part.strip() for text in texts for part in text.split(","))
    return [part.lower() if part.lower() == ALL else part for part in parts if part]


def _number(text: str) -> str:
    number = parse_msisdn(text)
    if isinstance(number, BadNumber):
        raise UsageError(
            f"{mask_msisdn(text)} is no number of a message: {number.explanation}", "see `mmsflow resolve`"
        )
    return number


def _not_maybe_sent(run: RunInfo, numbers: Iterable[str]) -> UsageError:
    masked = [mask_msisdn(number) for number in numbers]
    named = ", ".join(masked[:_NAMED]) + (f" and {len(masked) - _NAMED} more" if len(masked) > _NAMED else "")
    return UsageError(
        f"no message of {run.run} was maybe sent to {named}; nothing was changed",
        f"`mmsflow resolve {run.run} --show-numbers` lists them",
        cause="not_maybe_sent",
    )
