"""When a campaign is carried out: start, recurrence, windows, deadline, and what becomes of a time that was missed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator

from mmsflow.campaign.amounts import Duration
from mmsflow.campaign.local_time import (
    ClosedDays,
    CronText,
    DaySet,
    Deadline,
    Hours,
    HourSpan,
    LocalInstant,
    NonexistentTime,
    StartInstant,
    TimezoneName,
    to_utc,
)
from mmsflow.campaign.scalars import problem
from mmsflow.campaign.sources import Model

WINDOW_TAGS = frozenset({"<window>", "<windows>", "<any>"})


class Window(Model):
    """When messages may go out."""

    days: DaySet = Field(frozenset(range(7)), description="Days of the week.", json_schema_extra={"default": "mon-sun"})
    hours: Hours = Field(description="Hours of the day, local time; one span, or several.")
    holidays: Literal["skip", "send"] = Field("send", description="What to do on Polish public holidays.")
    closed: ClosedDays = Field((), description="Own days without sending, such as 2026-12-24, or 12-24 every year.")


def _window_tag(value: object) -> str | None:
    if isinstance(value, Mapping | Window):
        return "<window>"
    if isinstance(value, list | tuple):
        return "<windows>"
    return "<any>" if isinstance(value, str) else None


Windows = Annotated[
    Annotated[Window, Tag("<window>")]
    | Annotated[tuple[Window, ...], Field(min_length=1), Tag("<windows>")]
    | Annotated[Literal["any"], Tag("<any>")],
    Discriminator(_window_tag),
]

# Marketing that names no window leaves people their evenings and nights.
MARKETING_WINDOW = Window(hours=(HourSpan(9 * 60, 20 * 60),))


class Schedule(Model):
    """When the campaign is carried out; local times are in `timezone`."""

    timezone: TimezoneName = Field("Europe/Warsaw", description="Zone of all local times of this file.")
    start: StartInstant = Field("now", description="Not before this local time, or `now`.")
    every: CronText | None = Field(None, description="Recurrence as a cron expression.")
    until: LocalInstant | None = Field(None, description="A recurring campaign has no time after this one.")
    window: Windows | None = Field(
        None,
        description="When messages may go out: one window, several, or `any`. Without it marketing goes out "
        "09:00-20:00 every day, and everything else at any hour.",
    )
    not_after: Deadline | None = Field(
        None,
        description="What is not sent by then is not sent at all: a local time, or a duration from the beginning.",
    )
    missed: Literal["skip", "run_once"] = Field(
        "run_once",
        description="What becomes of a time at which nobody was there to begin: carried out late, once, or skipped.",
    )
    grace: Duration = Field(
        timedelta(hours=1), description="How late it may still begin.", json_schema_extra={"default": "1h"}
    )

    @field_validator("start", "until", "not_after")
    @classmethod
    def _exists(cls, local: datetime | timedelta | str | None, info: ValidationInfo) -> object:
        timezone = info.data.get("timezone")
        if isinstance(local, datetime) and timezone:
            try:
                to_utc(local, timezone)
            except NonexistentTime as error:
                raise problem(str(error), f"write {error.instead:%Y-%m-%d %H:%M} instead") from None
        return local

    @field_validator("until")
    @classmethod
    def _ends_a_recurrence(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        if until and info.data.get("every") is None and "every" in info.data:
            raise problem("`until` ends a recurrence, and there is none", "add `every`, or use `not_after`")
        start = info.data.get("start")
        if until and isinstance(start, datetime) and until < start:
            raise problem("`until` is earlier than `start`, there would be no time at all", "write a later time")
        return until

    @field_validator("not_after")
    @classmethod
    def _ends_after_it_starts(cls, end: datetime | timedelta | None, info: ValidationInfo) -> object:
        if not isinstance(end, datetime):
            return end
        if info.data.get("every"):
            raise problem(
                "an absolute `not_after` would end every later occurrence before it begins",
                "write how long after each beginning, such as `not_after: 8h`; `until` ends the recurrence",
            )
        start = info.data.get("start")
        if isinstance(start, datetime) and end <= start:
            raise problem("`not_after` is not later than `start`, nothing could be sent", "write a later time")
        return end

    @property
    def start_instant(self) -> datetime | None:
        """Aware, UTC; None for ``now``."""
        return to_utc(self.start, self.timezone) if isinstance(self.start, datetime) else None

    @property
    def until_instant(self) -> datetime | None:
        """Aware, UTC; None where a recurrence has no end."""
        return to_utc(self.until, self.timezone) if self.until else None

    @property
    def by_hand(self) -> bool:
        """Whether nothing but a person begins its runs: ``start: now`` without a recurrence."""
        return self.every is None and self.start == "now"

    def deadline(self, begins: datetime) -> datetime | None:
        """What is not sent by then is not sent at all; aware, UTC; None without a deadline.

        Args:
            begins: when the run may begin, aware.
        """
        if isinstance(self.not_after, timedelta):
            return begins + self.not_after
        return to_utc(self.not_after, self.timezone) if self.not_after else None

    @property
    def windows(self) -> tuple[Window, ...] | None:
        """The windows as written; empty for ``any``; None where nothing is said."""
        if self.window is None or isinstance(self.window, tuple):
            return self.window
        return () if self.window == "any" else (self.window,)
