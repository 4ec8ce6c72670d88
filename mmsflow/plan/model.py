"""The nouns of a plan: the quota as a forecast, waves, and the plan itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mmsflow.mms.status import Bucket
from mmsflow.plan.pace import UNKNOWN, Pace


@dataclass(frozen=True, slots=True)
class Period:
    """Length of a quota period; months are counted on the calendar.

    Attributes:
        length: fixed length; zero when ``months`` counts.
        months: calendar months; 0 when ``length`` counts.
    """

    length: timedelta = timedelta(0)
    months: int = 0

    @property
    def text(self) -> str:
        """For people: ``1 day``, ``1 month``, ``90 s``."""
        if self.months:
            return f"{self.months} month{'s' if self.months > 1 else ''}"
        days, rest = divmod(self.length, timedelta(days=1))
        if rest or not days:
            return f"{self.length.total_seconds():g} s"
        return f"{days} day{'s' if days > 1 else ''}"


@dataclass(frozen=True, slots=True)
class QuotaForecast:
    """What the quota lets a campaign send, now and later.

    Attributes:
        used, available: the gateway's counter as read.
        permitted_now: requests this campaign may begin in the current period, reserve and share taken off.
        permitted_later: the same for each later period, assuming that nobody else uses the account.
        resets_at: next reset, aware, UTC; None where it is not known.
        period: length of later periods; None where not even a guess is possible.
        assumption: on what the later periods rest, one sentence; empty when nothing is assumed.
        left_to_others: requests of the current period that are guaranteed to other campaigns.
    """

    used: int
    available: int
    permitted_now: int
    permitted_later: int
    resets_at: datetime | None
    period: Period | None
    assumption: str
    left_to_others: int = 0


@dataclass(frozen=True, slots=True)
class Wave:
    """The messages of one span of a window within one quota period.

    Attributes:
        number: from 1.
        starts_at: aware, UTC; None means "after the next reset", date not known.
        ends_at: when the last of them is submitted at the plan's pace; ``starts_at`` where that is not known.
        size: messages.
    """

    number: int
    starts_at: datetime | None
    ends_at: datetime | None
    size: int


@dataclass(frozen=True, slots=True)
class ArmSize:
    """How many of the messages one variant gets; ``weight`` is its part beside the other weights."""

    name: str
    weight: int
    messages: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Rows of one list that were set aside for one reason.

    Attributes:
        bucket, code: as in SetAside.
        rows: how many.
        example_row: the first of them.
        example: its reason.
    """

    bucket: Bucket
    code: str
    rows: int
    example_row: int
    example: str


@dataclass(frozen=True, slots=True)
class SourceIntake:
    """What became of one list's rows.

    Attributes:
        source: its name.
        to_be_sent: rows that get a message.
        reasons: the others, the most frequent first.
    """

    source: str
    to_be_sent: int
    reasons: tuple[ReasonCount, ...]

    @property
    def rows(self) -> int:
        """All rows of the list."""
        return self.to_be_sent + sum(reason.rows for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent, to how many, when and against which quota.

    Attributes:
        campaign, account: identities.
        buckets: rows by bucket before anything is sent (``pending`` are the messages).
        reasons: set-aside rows by (bucket, code, example reason) → rows.
        waves: in time order; their sizes add up to ``pending``.
        quota: as forecast.
        starts_at, finishes_at: aware, UTC; finishes_at is None where a wave has no date, and the earliest possible
            where ``pace`` is not known.
        warnings: one sentence each.
        digest: hex SHA-256 over every message and every row set aside.
        first_subject: of the first message, for the question before sending.
        windows: when messages may go out, in words; empty for any hour.
        due: the scheduled time that it is for, aware, UTC; None for a run by hand.
        arms: the variants in the file's order; empty without variants.
        intake: what became of the rows of each list.
        pace: how fast it is taken to be sent.
    """

    campaign: str
    account: str
    buckets: Mapping[Bucket, int]
    reasons: Mapping[tuple[Bucket, str], tuple[int, str]]
    waves: tuple[Wave, ...]
    quota: QuotaForecast
    starts_at: datetime
    finishes_at: datetime | None
    warnings: tuple[str, ...]
    digest: str
    first_subject: str
    windows: str = ""
    due: datetime | None = None
    arms: tuple[ArmSize, ...] = ()
    intake: tuple[SourceIntake, ...] = ()
    pace: Pace = UNKNOWN

    @property
    def messages(self) -> int:
        return self.buckets[Bucket.PENDING]
