"""What the report says in words: the meaning of each bucket and reason, and what is unfinished."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmsflow.account import SIMULATOR
from mmsflow.audience.reasons import INTAKE_WORDS
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.mms.status import Bucket
from mmsflow.report.model import Summary


@dataclass(frozen=True, slots=True)
class BucketWords:
    """A bucket's name for people and its meaning in a sentence."""

    name: str
    meaning: str


BUCKET_WORDS: Mapping[Bucket, BucketWords] = MappingProxyType(
    {
        Bucket.DELIVERED: BucketWords("Delivered", "A delivery report says that the handset has the message."),
        Bucket.ACCEPTED: BucketWords(
            "Accepted", "The gateway took the message; no delivery report says yet what became of it."
        ),
        Bucket.PENDING: BucketWords("Pending", "Not sent yet; the run will send it when it goes on."),
        Bucket.MAYBE_SENT: BucketWords(
            "Maybe sent",
            "The request left us and no answer came back. It is not sent again by itself, because that could reach "
            "the recipient twice.",
        ),
        Bucket.UNDETERMINED: BucketWords(
            "Undetermined", "The network gave no answer until the deadline for delivery reports."
        ),
        Bucket.EXPIRED: BucketWords("Expired", "The message's validity ran out before a handset fetched it."),
        Bucket.FAILED: BucketWords("Failed", "The gateway or the network refused the message, and said so."),
        Bucket.NOT_SENT: BucketWords(
            "Not sent", "The deadline passed or the run was cancelled before it was its turn."
        ),
        Bucket.EXCLUDED: BucketWords("Excluded", "Left out on purpose: opt-out, no consent, or the campaign's filter."),
        Bucket.DUPLICATE: BucketWords(
            "Duplicate", "The same number stands in an earlier row, which is the one that counts."
        ),
        Bucket.INVALID: BucketWords("Invalid", "The row holds no Polish mobile number that an MMS can be sent to."),
    }
)
"""All buckets, in the order in which the report shows them."""

REASON_WORDS: Mapping[str, str] = MappingProxyType(
    {
        **INTAKE_WORDS,
        "not_after": "The campaign's deadline passed before it was sent.",
        "cancelled": "A person cancelled the run before it was sent.",
        "crash": "The process ended while the request may have been on the wire.",
        "cut_off": "The sender was stopped before the reply came.",
        "said_sent": "A person said that it was sent.",
        "said_not_sent": "A person said that it was not sent.",
    }
)
"""Explanations of short reasons; a reason that is not here shows the words of its first row."""

# A Polish number in running text, with or without country code and separators.
_NUMBER = re.compile(r"(?<!\d)(?:(?:\+|00)?48[ \u00a0-]?)?\d{3}[ \u00a0-]?\d{3}[ \u00a0-]?\d{3}(?!\d)", re.ASCII)


def masked(text: str) -> str:
    """The text with every phone number in it masked to its last three digits."""
    return _NUMBER.sub(lambda found: mask_msisdn(found.group()), text)


@dataclass(frozen=True, slots=True)
class Notice:
    """What stands at the head of the page.

    Attributes:
        level: ``alarm``, ``look`` (needs a person), ``wait``, ``good`` or ``note``.
        next, command: what a command would do, and the command; empty where none helps.
    """

    level: str
    title: str
    text: str
    next: str = ""
    command: str = ""


def notices(run: RunInfo, summary: Summary) -> tuple[Notice, ...]:
    """What a reader must know before any figure, the gravest first."""
    found = [
        *_accounting(summary),
        *_maybe_sent(summary),
        *_unsent(run, summary),
        *_awaiting(run, summary),
        *_nature(run),
    ]
    if not any(notice.level != "note" for notice in found):
        text = "Every message has reached its end; nothing is waiting and nothing needs a decision."
        found.insert(0, Notice("good", "Finished", text))
    return tuple(found)


def _accounting(summary: Summary) -> list[Notice]:
    if summary.adds_up:
        return []
    text = (
        f"The lists had {counted(summary.expected_rows, 'row')}, the ledger accounts for "
        f"{counted(summary.rows, 'row')}, {summary.repeated:,} of them twice or out of order. Do not rely on the "
        f"figures below: keep the ledger as it is and report this."
    )
    return [Notice("alarm", "The buckets do not add up", text)]


def _maybe_sent(summary: Summary) -> list[Notice]:
    count = summary.buckets[Bucket.MAYBE_SENT]
    if not count:
        return []
    text = (
        f"For {counted(count, 'message')} the request left us and no usable answer came back. Nothing is sent again "
        f"by itself; a person has to decide. The rows are in report.csv under maybe_sent."
    )
    return [Notice("look", f"{counted(count, 'message')} may have been sent", text)]


def _unsent(run: RunInfo, summary: Summary) -> list[Notice]:
    count = summary.buckets[Bucket.PENDING]
    if not count:
        return []
    state = f"The run is {_STATE_WORDS[run.state]}"
    if run.paused_by is not PausedBy.NOBODY:
        state += f" ({PAUSE_WORDS[run.paused_by]})"
    reason = f": {run.reason.rstrip('.')}" if run.reason else ""
    command = f"mmsflow run {run.campaign_file}"
    title = f"{counted(count, 'message')} not sent yet"
    return [Notice("wait", title, f"{state}{reason}.", "To carry on where it stopped:", command)]


def _awaiting(run: RunInfo, summary: Summary) -> list[Notice]:
    count = summary.buckets[Bucket.ACCEPTED]
    if not count:
        return []
    if not run.delivery_report:
        text = "This campaign asks for no delivery reports, so accepted is the last that can be known."
        return [Notice("note", "Delivery cannot be known", text)]
    title = f"{counted(count, 'message')} waiting for a delivery report"
    text = "The gateway accepted them; whether a handset has them is not known yet."
    return [Notice("wait", title, text, "To ask again:", f"mmsflow poll {run.run}")]


def _nature(run: RunInfo) -> list[Notice]:
    found = []
    if run.account == SIMULATOR or run.account.startswith(f"{SIMULATOR}@"):
        found.append(Notice("note", "A rehearsal", "The built-in simulator took these messages; no handset got any."))
    if run.purged_at is not None:
        text = (
            f"On {run.purged_at:%-d %b %Y} the numbers, texts and reasons of this run were removed. The counts stay as "
            f"they were; the rows have no numbers any more, and what was counted by the lists' cells is gone."
        )
        found.append(Notice("note", "Personal data removed", text))
    if run.test:
        found.append(Notice("note", "A test", "Sent to try the message out; it counts in no history."))
    return found


def percent(share: float) -> str:
    """A share (0 to 1) as ``93.1 %``; says 0 % and 100 % only when it is exactly that."""
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    return f"{min(max(100 * share, 0.1), 99.9):.1f} %"


def points(difference: float) -> str:
    """A difference of shares (-1 to 1) in percentage points, with its sign: ``+1.5``, ``−0.2``."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def counted(count: int, noun: str) -> str:
    """``1 message``, ``2,000 messages``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_STATE_WORDS: Mapping[RunState, str] = MappingProxyType(
    {
        RunState.PLANNED: "planned",
        RunState.RUNNING: "under way, or was interrupted",
        RunState.PAUSED: "paused",
        RunState.DONE: "done",
        RunState.DONE_WITH_UNKNOWN: "done except for what is maybe sent",
        RunState.CANCELLED: "cancelled",
        RunState.EXPIRED: "past its deadline",
    }
)

PAUSE_WORDS: Mapping[PausedBy, str] = MappingProxyType(
    {
        PausedBy.USER: "by a person",
        PausedBy.QUOTA: "until the quota's reset",
        PausedBy.GATEWAY: "the gateway cannot be reached or refused it",
        PausedBy.CREDENTIALS: "the gateway refused the credentials",
        PausedBy.LEDGER: "the ledger could not be written",
        PausedBy.BREAKER: "by its breaker",
        PausedBy.WINDOW: "until its sending window opens",
        PausedBy.CANARY: "until the canary's delivery reports have come",
        PausedBy.LISTS: "an opt-out, consent or suppression list cannot be read",
        PausedBy.ACCOUNT: "other runs of the account go first",
        PausedBy.STOPPED: "all sending is stopped",
    }
)


def state_words(run: RunInfo) -> str:
    """The run's state for people."""
    words = _STATE_WORDS[run.state]
    return f"{words} ({PAUSE_WORDS[run.paused_by]})" if run.paused_by is not PausedBy.NOBODY else words
