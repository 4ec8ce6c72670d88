"""The nouns of the ledger: runs, messages as stored, intents, outcomes and the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from mmsflow.message.model import Layout
from mmsflow.mms.status import Bucket, MessageState


class RunState(StrEnum):
    """Where a run is. ``done`` means that nothing is left to send; delivery reports may be outstanding."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"  # see RunInfo.paused_by
    DONE = "done"
    DONE_WITH_UNKNOWN = "done_with_unknown"  # nothing left to send by itself, but "maybe sent" messages need a person
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # not_after passed with messages unsent

    @property
    def is_ended(self) -> bool:
        """Tell whether nothing of the run is sent by itself any more."""
        return self is RunState.DONE or self is RunState.DONE_WITH_UNKNOWN or self.is_closed

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing of the run is ever sent any more, whatever a person says."""
        return self is RunState.CANCELLED or self is RunState.EXPIRED

    @property
    def is_under_way(self) -> bool:
        """Tell whether some process should be carrying the run out."""
        return self is RunState.RUNNING or self is RunState.PLANNED


class PausedBy(StrEnum):
    """Who or what paused a run."""

    NOBODY = ""
    USER = "user"
    QUOTA = "quota"
    GATEWAY = "gateway"
    CREDENTIALS = "credentials"
    LEDGER = "ledger"
    BREAKER = "breaker"
    WINDOW = "window"
    CANARY = "canary"  # the delivery reports of the first messages are awaited
    LISTS = "lists"  # an opt-out, consent or suppression list cannot be read
    ACCOUNT = "account"  # other runs of the account go first
    STOPPED = "stopped"  # a person has stopped all sending

    @property
    def needs_person(self) -> bool:
        """Tell whether such a pause lasts until a person lifts it."""
        return self.is_by_person or self is PausedBy.BREAKER or self is PausedBy.CREDENTIALS

    @property
    def is_by_person(self) -> bool:
        """Tell whether a person has paused it, by itself or with all sending."""
        return self is PausedBy.USER or self is PausedBy.STOPPED

    @property
    def lifts_itself(self) -> bool:
        """Tell whether whoever carries the run out goes on by itself, so that a person's word would change nothing."""
        return self in {
            PausedBy.QUOTA,
            PausedBy.WINDOW,
            PausedBy.GATEWAY,
            PausedBy.CANARY,
            PausedBy.ACCOUNT,
            PausedBy.LEDGER,
            PausedBy.STOPPED,
        }

    @property
    def is_fault(self) -> bool:
        """Tell whether something is wrong, rather than merely not due."""
        return (self.needs_person and not self.is_by_person) or self in {
            PausedBy.LISTS,
            PausedBy.LEDGER,
            PausedBy.GATEWAY,
        }

    @property
    def cause(self) -> str:
        """The stable word for such a pause where nothing more precise is known; empty for nobody."""
        return _CAUSES[self]


_CAUSES = {
    PausedBy.NOBODY: "",
    PausedBy.USER: "paused_by_person",
    PausedBy.QUOTA: "quota_spent",
    PausedBy.GATEWAY: "gateway_unavailable",
    PausedBy.CREDENTIALS: "credentials_refused",
    PausedBy.LEDGER: "ledger_unavailable",
    PausedBy.BREAKER: "breaker",
    PausedBy.WINDOW: "window_closed",
    PausedBy.CANARY: "canary_awaited",
    PausedBy.LISTS: "list_unreadable",
    PausedBy.ACCOUNT: "account_shared",
    PausedBy.STOPPED: "all_stopped",
}


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes frozen with a run, kept once by digest: campaign file, lists' digests stay in FrozenInput, media here."""

    sha256: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FrozenInput:
    """A file that a run was made from, by content."""

    kind: str  # campaign | list | template | media
    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class WaveRecord:
    """A wave as planned: number from 1, its planned start (None: after the next reset, date not known), its size."""

    number: int
    starts_at: datetime | None
    size: int


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is frozen when a run starts.

    Attributes:
        run: readable id such as ``winter-sale-20261201-1``.
        campaign: the campaign's identity.
        account: the account's name; history is looked up by it.
        occurrence: unique key of the occurrence within campaign and account; the run id for a single shot.
        test: a ``send-test`` run, which counts in no history.
        campaign_file, campaign_sha256, plan_sha256: path and digests.
        git_commit: 40 hex digits, empty outside git; git_clean: whether the tree was clean.
        sender, priority, delivery_report: of the messages.
        config: the campaign's frozen settings that carrying-out needs (JSON-able), such as rate and poll.until.
        created_at: aware, UTC.
        rows: how many rows the lists had, all buckets.
        inputs, blobs, waves: see their classes.
        parts: what the messages carry, streaming; consumed once.
        due_at: the scheduled time that it belongs to; None for a run that a person began without one.
        client: keyed fingerprint of the client id in force, as ``LedgerReader.client_fingerprint`` makes it.
        content_sha256: over every message and every row set aside, whatever the campaign and its file are called.
    """

    run: str
    campaign: str
    account: str
    occurrence: str
    test: bool
    campaign_file: str
    campaign_sha256: str
    plan_sha256: str
    git_commit: str
    git_clean: bool
    sender: str
    priority: str
    delivery_report: bool
    config: Mapping[str, object]
    created_at: datetime
    rows: int
    inputs: Sequence[FrozenInput] = ()
    blobs: Sequence[Blob] = ()
    waves: Sequence[WaveRecord] = ()
    parts: Iterable[Blob] = ()
    due_at: datetime | None = None
    client: str = ""
    content_sha256: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as the ledger knows it: NewRun's facts and where it is now."""

    key: int  # the ledger's own number of the run
    run: str
    campaign: str
    account: str
    occurrence: str
    test: bool
    campaign_file: str
    campaign_sha256: str
    plan_sha256: str
    git_commit: str
    git_clean: bool
    sender: str
    priority: str
    delivery_report: bool
    config: Mapping[str, object]
    created_at: datetime
    rows: int
    state: RunState
    paused_by: PausedBy
    reason: str  # why it is in that state, for people; may be empty
    fence: int
    updated_at: datetime
    resumes_at: datetime | None  # when a paused run is expected to go on; None when not known
    lift: Lift | None = None  # the last override of a breaker
    due_at: datetime | None = None  # the scheduled time that it belongs to
    purged_at: datetime | None = None  # when its personal data were removed
    cause: str = ""  # why it is paused, a word of ``causes``; empty where it is not
    content_sha256: str = ""  # of what it sends, whatever it is called; empty for runs of earlier versions
    client: str = ""  # keyed fingerprint of the client id that it was begun with; empty where it is not known


@dataclass(frozen=True, slots=True)
class ReadyMessage:
    """What the executor needs of a message that may be sent now.

    Attributes:
        id: the ledger's number of the message.
        attempt: attempts begun so far.
        spent: of them, those that use up the campaign's attempts.
        layout, texts, subject, msisdn: see message.model.PlannedMessage.
        wave: planned wave.
    """

    id: int
    ordinal: int
    msisdn: str
    subject: str
    layout: Layout
    texts: tuple[str, ...]
    attempt: int
    wave: int
    spent: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt; written compare-and-set on (id, attempt, fence), from state ``sending``.

    Attributes:
        state: the new state.
        at: when it was known, aware, UTC.
        gateway_id: the operator's id when accepted.
        reason: for people, without secrets; empty when all went well.
        not_before: earliest next attempt when state is ``ready``.
        spends_attempt: False when a return to ``ready`` must not use up one of the campaign's attempts.
        next_poll_at: first status question when accepted with a delivery report.
        code: short reason for counting, such as ``400/20``; may be empty.
        posted: False when the request provably never began, so that it took nothing of the quota.
        detail: evidence for the history (JSON-able): http status, operator's code, raw body as text, elapsed …
    """

    id: int
    attempt: int
    state: MessageState
    at: datetime
    gateway_id: str = ""
    reason: str = ""
    not_before: datetime | None = None
    spends_attempt: bool = True
    next_poll_at: datetime | None = None
    detail: Mapping[str, object] = field(default_factory=dict)
    code: str = ""
    posted: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """A ready message that must not go after all; ``code`` says why: ``suppressed``, ``opt_out``, ``at_most`` …"""

    id: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class FirstMessages:
    """How the first messages of a run stand.

    Attributes:
        states: counts by state.
        last_id: of the last of them, 0 when there is none.
        last_sent_at: when the last attempt of them began.
    """

    states: Mapping[MessageState, int]
    last_id: int
    last_sent_at: datetime | None


CANCELLED_BY_PERSON = "cancelled by a person"
"""The reason of a run that is to be cancelled as soon as nothing of it is on the wire; nothing else takes its place."""

CANARY_FAILED = "the canary failed"
"""How the reason of a run begins that its canary has stopped; by it the override knows what it overrides."""


@dataclass(frozen=True, slots=True)
class Lift:
    """A breaker that tripped and was overridden by going on: what it had counted by then counts no more.

    Attributes:
        left: messages that had an outcome by then.
        failed: of them, the failed and rejected ones.
        canary: the canary had failed, and holds nobody back any more.
    """

    left: int
    failed: int
    canary: bool


@dataclass(frozen=True, slots=True)
class DuePoll:
    """An accepted message whose delivery status is to be asked.

    Attributes:
        polls: how many questions were asked so far.
        accepted_at: when the gateway took it.
        status: the operator's last word, empty when none.
    """

    id: int
    gateway_id: str
    accepted_at: datetime
    polls: int
    status: str


@dataclass(frozen=True, slots=True)
class PollResult:
    """The answer to one status question; never moves a final state.

    Attributes:
        state: new final state, or None while it waits.
        status: the operator's word verbatim, empty when the question brought none.
        next_poll_at: the next question; None when final.
        code: short reason for counting; the operator's word when empty.
    """

    id: int
    at: datetime
    state: MessageState | None
    status: str
    reason: str = ""
    next_poll_at: datetime | None = None
    detail: Mapping[str, object] = field(default_factory=dict)
    code: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Messages of a run without a final status.

    Attributes:
        asked: of them, those whose status was asked for.
        unasked: those that were never asked about.
        answers: of ``asked``, how many by the short reason of the last question, the most frequent first.
    """

    asked: int
    unasked: int
    answers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One row of the lists as the report shows it; ``number`` is full.

    ``segments`` and ``consent`` are as in audience.model.Recipient; the run's config names their columns under
    ``segments`` and ``consent``.
    """

    ordinal: int
    row: int
    source: str
    number: str
    variant: str
    bucket: Bucket
    status: str  # the operator's last word, or our state's name
    reason: str
    code: str  # short reason for counting
    gateway_id: str
    wave: int  # 0 for rows without a message
    attempts: int
    planned_at: datetime | None
    sent_at: datetime | None
    final_at: datetime | None
    subject: str
    segments: tuple[str, ...] = ()
    consent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One step in the history of a message, or of the run itself.

    ``old`` equals ``new`` where something was learned that moved nothing: a new status word, a reply too late.
    """

    at: datetime
    run: str
    attempt: int
    fence: int
    old: str
    new: str
    reason: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class QuotaReading:
    """The gateway's counter at one instant."""

    at: datetime
    account: str
    used: int
    available: int
    reset_on: date | None


_BEATS_MISSED = 3


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds the right to write.

    Attributes:
        pid, host: which process; its number is 0 where it cannot be seen from here.
        since: aware; None in the moment before it has said so.
        command: what it was asked to do.
        beat_seconds: how often it gives a sign of life; 0 where it gives none, as earlier versions.
        last_seen: when it gave the last one, aware; None where that is not known.
    """

    pid: int
    host: str
    since: datetime | None
    command: str
    beat_seconds: float = 0.0
    last_seen: datetime | None = None

    def answers(self, now: datetime) -> bool | None:
        """Tell whether it gives signs of life; None where that cannot be known, as with a clock that was set back."""
        if not self.beat_seconds or self.last_seen is None:
            return None
        silent = (now - self.last_seen).total_seconds()
        most = _BEATS_MISSED * self.beat_seconds
        return None if silent < -most else silent <= most

    def as_json(self, now: datetime) -> dict[str, object]:
        """Give the facts for programs; instants are ISO 8601 with offset."""
        return {
            "pid": self.pid,
            "host": self.host,
            "command": self.command,
            "since": self.since.isoformat(timespec="seconds") if self.since else None,
            "last_seen": self.last_seen.isoformat(timespec="seconds") if self.last_seen else None,
            "answers": self.answers(now),
        }


Story = tuple[RunInfo, ReportRow, list[Event]]
"""What happened to one row of one run."""
