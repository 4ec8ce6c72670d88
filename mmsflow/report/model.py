"""The nouns of the report: what one pass over a run's rows leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mmsflow.errors import Finding, MmsflowError
from mmsflow.mms.status import PROBLEM_BUCKETS, Bucket
from mmsflow.report.parts import HourCount, Latency, Part, SegmentCounts

OTHER = "other"
"""Label of the sum of all reasons beyond the ones that are listed."""


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
        variants: messages by variant, in the order of their first row; empty where the campaign has none.
        segments: rows by each column that the campaign counts by.
        hours: messages by the hour of sending.
        latency: times from sending to the delivery report; None without any.
        curve: empty, or a start with zeros and the ends of at most 60 equal bins.
        waves: in order of their number.
        problems: at most 50, in the order of PROBLEM_BUCKETS, then of the lists.
        sent: messages whose request left us, whatever became of them.
        requests: requests begun, repeated attempts included; this is what the operator's quota counts.
        prefixes: prefixes with address errors, most errors first.
        subject: subject of the first message that has one.
    """

    rows: int
    expected_rows: int
    repeated: int
    buckets: Mapping[Bucket, int]
    failures: tuple[ReasonCount, ...]
    set_aside: tuple[ReasonCount, ...]
    sources: tuple[Part, ...]
    variants: tuple[Part, ...]
    segments: tuple[SegmentCounts, ...]
    hours: tuple[HourCount, ...]
    latency: Latency | None
    curve: tuple[CurvePoint, ...]
    waves: tuple[WaveCount, ...]
    problems: tuple[Problem, ...]
    sent: int
    requests: int
    first_sent: datetime | None
    last_sent: datetime | None
    prefixes: tuple[PrefixCount, ...]
    subject: str

    @property
    def adds_up(self) -> bool:
        """Whether every row of the lists is in exactly one bucket."""
        return sum(self.buckets.values()) == self.rows == self.expected_rows and not self.repeated

    @property
    def latency_median(self) -> timedelta | None:
        """From sending to the delivery report, for half of the messages that have one; None without any."""
        return self.latency.quantiles[0.5] if self.latency else None

    @property
    def latency_p95(self) -> timedelta | None:
        """The same for 95 % of them."""
        return self.latency.quantiles[0.95] if self.latency else None

    @property
    def problems_total(self) -> int:
        """Recipients who need a look, listed or not."""
        return sum(self.buckets[bucket] for bucket in PROBLEM_BUCKETS)


@dataclass(frozen=True, slots=True)
class ReportPaths:
    """Where the report's files are; None for a format that was not asked for.

    ``look_problems`` is why the page has the built-in look although the workspace has one of its own.
    """

    csv: Path | None
    html: Path | None
    json: Path | None
    xlsx: Path | None
    look_problems: tuple[Finding, ...] = ()


NOTHING_WRITTEN = ReportPaths(None, None, None, None)


class ReportFailed(MmsflowError):
    """A report, or one of its formats, could not be written.

    Attributes:
        paths: what of it was written all the same.
    """

    cause = "report_not_written"

    def __init__(self, message: str, advice: str = "", *, paths: ReportPaths, cause: str = "") -> None:
        super().__init__(message, advice, cause=cause)
        self.paths = paths
