"""The nouns of campaigns that run by themselves: scheduled times without a run, approvals, notices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Skipped:
    """A scheduled time of a campaign that got no run, and why; aware, UTC."""

    due_at: datetime
    at: datetime
    code: str  # missed | overtaken | not_approved | unfinished | invalid | refused | sent_before | closed
    reason: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes to one plan, good for one run.

    Attributes:
        digest: of the plan that was approved, and of no other.
        at: aware, UTC.
        who: as they named themselves, or the system's user.
        seen: what they saw (JSON-able, without personal data), so that what has changed since can be shown; see
            ``workflow.approving.seen_of``.
        run: the run that was begun with it, and used it up; empty as long as there is none.
    """

    digest: str
    at: datetime
    who: str
    seen: Mapping[str, object]
    run: str = ""

    def holds_for(self, digest: str) -> bool:
        """Whether a run of the plan with that digest may begin."""
        return self.digest == digest and not self.run


class NoticeKind(StrEnum):
    """Why people are told."""

    FINISHED = "finished"
    PAUSED = "paused"
    NEEDS_PERSON = "needs_person"


@dataclass(frozen=True, slots=True)
class NewNotice:
    """Something that people are told of.

    Attributes:
        name: what makes it one of a kind, such as ``finished/winter-sale-20261201-1``; a second one is not made.
        text, advice: for people, one sentence each; no number is shown in full.
        run: empty where it is about a campaign as a whole.
        detail: further facts (JSON-able).
    """

    name: str
    kind: NoticeKind
    account: str
    campaign: str
    run: str
    text: str
    advice: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as the ledger keeps it; ``settled_at`` is None while what it asks for has not been done."""

    id: int
    at: datetime
    settled_at: datetime | None
    said: NewNotice


@dataclass(frozen=True, slots=True)
class NoticePost:
    """One notice on its way out by one channel (``webhook`` or ``mail``); ``attempts`` were made in vain."""

    notice: Notice
    channel: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step in a message's history, with what tells people which message it is.

    Attributes:
        id: the step's number; it only ever grows.
        message: the ledger's number of the message.
        msisdn: in full; it is for masking.
        old, new: states; equal where something was learned that moved nothing.
    """

    id: int
    at: datetime
    run: str
    campaign: str
    message: int
    msisdn: str
    attempt: int
    old: str
    new: str
    reason: str
