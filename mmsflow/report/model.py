"""The nouns of the report: what one pass over a run's rows leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mmsflow.mms.status import Bucket

OTHER = "other"
"""Label of the sum of all reasons beyond the ones that are listed."""

PROBLEM_BUCKETS = (Bucket.MAYBE_SENT, Bucket.FAILED, Bucket.UNDETERMINED, Bucket.EXPIRED)
"""Buckets whose recipients are listed by name, the ones that need a person first."""

SET_ASIDE_BUCKETS = (Bucket.EXCLUDED, Bucket.DUPLICATE, Bucket.INVALID)
"""Buckets of rows that never had a message."""

UNSENT_BUCKETS = frozenset({Bucket.PENDING, Bucket.NOT_SENT, *SET_ASIDE_BUCKETS})
"""Buckets of rows for which no request left us, also when one was begun and provably did not leave."""


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows of a bucket have one reason.

    Attributes:
        label: the short reason, or ``OTHER`` for all that are not listed.
        example: the explanation that the first such row gave; may be empty.
    """

    bucket: Bucket
    label: str
    example: str
    count: int


@dataclass(frozen=True, slots=True)
class SourceCount:
    """The rows of one list by bucket; only buckets that occur."""

    source: str
    rows: int
    buckets: Mapping[Bucket, int]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Messages sent and delivered until an instant, both cumulative."""

    at: datetime
    sent: int
    delivered: int


@dataclass(frozen=True, slots=True)
class WaveCount:
    """A wave: planned start (None: not known when planned), messages planned, messages sent so far."""

    number: int
    starts_at: datetime | None
    planned: int
    sent: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A recipient who needs a look; ``number`` is full, whoever shows it masks it."""

    row: int
    source: str
    number: str
    bucket: Bucket
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class PrefixCount:
    """Address errors among the messages to numbers that start alike, such as ``+48501``."""

    prefix: str
    messages: int
    address_errors: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that the page says about the rows, in memory that does not grow with them.

    Attributes:
        rows: rows seen in the pass.
        expected_rows: rows that the lists had when the run was frozen.
        repeated: rows that came twice or out of the order of the lists; 0 when all is well.
        buckets: all eleven, zeros included.
        failures: reasons of failed messages, most frequent first, ``OTHER`` last.
        set_aside: reasons of rows without a message, most frequent first, ``OTHER`` last.
        sources: lists in their order.
        curve: empty, or a start with zeros and the ends of at most 60 equal bins.
        waves: in order of their number.
        problems: at most 50, in the order of PROBLEM_BUCKETS, then of the lists.
        sent: messages whose request left us, whatever became of them.
        requests: requests begun, repeated attempts included; this is what the operator's quota counts.
        latency_median, latency_p95: from sending to the delivery report, within 1 %; None without any.
        prefixes: prefixes with address errors, most errors first.
        subject: subject of the first message that has one.
    """

    rows: int
    expected_rows: int
    repeated: int
    buckets: Mapping[Bucket, int]
    failures: tuple[ReasonCount, ...]
    set_aside: tuple[ReasonCount, ...]
    sources: tuple[SourceCount, ...]
    curve: tuple[CurvePoint, ...]
    waves: tuple[WaveCount, ...]
    problems: tuple[Problem, ...]
    sent: int
    requests: int
    first_sent: datetime | None
    last_sent: datetime | None
    latency_median: timedelta | None
    latency_p95: timedelta | None
    prefixes: tuple[PrefixCount, ...]
    subject: str

    @property
    def adds_up(self) -> bool:
        """Whether every row of the lists is in exactly one bucket."""
        return sum(self.buckets.values()) == self.rows == self.expected_rows and not self.repeated

    @property
    def problems_total(self) -> int:
        """Recipients who need a look, listed or not."""
        return sum(self.buckets[bucket] for bucket in PROBLEM_BUCKETS)


@dataclass(frozen=True, slots=True)
class ReportPaths:
    """Where the report's files are; None for a format that was not asked for."""

    csv: Path | None
    html: Path | None
    json: Path | None
