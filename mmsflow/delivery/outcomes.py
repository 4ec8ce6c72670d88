"""From evidence and decision to what the ledger keeps of one attempt. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from mmsflow.delivery.schedule import first_poll
from mmsflow.gateway.model import Evidence, Wire
from mmsflow.gateway.retry import Decision
from mmsflow.ledger.model import Outcome
from mmsflow.mms.status import MessageState

_BODY_KEPT = 2000  # characters of a raw reply that go into the history


def outcome_of(
    message_id: int,
    attempt: int,
    evidence: Evidence,
    decision: Decision,
    *,
    now: datetime,
    retry_seconds: float,
    poll_until: timedelta | None,
) -> Outcome:
    """The outcome of one attempt.

    Args:
        message_id, attempt: which attempt of which message.
        evidence, decision: what happened, and what it means.
        now: when the verdict fell, aware.
        retry_seconds: wait before the next attempt when the message goes back to ``ready``.
        poll_until: polling deadline; None when no delivery report was asked for.
    """
    accepted = decision.state is MessageState.ACCEPTED
    again = decision.state is MessageState.READY
    return Outcome(
        id=message_id,
        attempt=attempt,
        state=decision.state,
        at=now,
        gateway_id=evidence.gateway_id,
        reason=decision.reason,
        not_before=now + timedelta(seconds=retry_seconds) if again else None,
        spends_attempt=decision.spends_attempt,
        next_poll_at=first_poll(now, poll_until) if accepted and poll_until else None,
        detail=detail_of(evidence),
        code="" if accepted else code_of(evidence),
        posted=evidence.wire is not Wire.NOT_BEGUN,
    )


def code_of(evidence: Evidence) -> str:
    """A short reason for counting: ``400/20``, ``500``, or how far the request got."""
    if not evidence.http_status:
        return evidence.wire.value
    return f"{evidence.http_status}/{evidence.code}" if evidence.code else str(evidence.http_status)


def detail_of(evidence: Evidence) -> dict[str, object]:
    """The evidence for the history, JSON-able, without what is empty."""
    facts: dict[str, object] = {
        "wire": evidence.wire.value,
        "http": evidence.http_status,
        "code": evidence.code,
        "text": evidence.text,
        "body": evidence.body[:_BODY_KEPT].decode("utf-8", "replace"),
        "seconds": round(evidence.elapsed_seconds, 3),
    }
    return {name: fact for name, fact in facts.items() if fact}
