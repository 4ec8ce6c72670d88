"""When a campaign is carried out: start, recurrence, windows, deadline, and what becomes of a time that was missed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from mmsflow.campaign.amounts import Duration
from mmsflow.campaign.local_time import (
    CronText,
    DaySet,
    Hours,
    LocalInstant,
    NonexistentTime,
    StartInstant,
    TimezoneName,
    to_utc,
)
from mmsflow.campaign.scalars import problem
from mmsflow.campaign.sources import Model


class Window(Model):
    """When messages may go out."""

    days: DaySet = Field(description="Days of the week.")
    hours: Hours = Field(description="Hours of the day, local time.")
    holidays: Literal["skip", "send"] = Field("send", description="What to do on Polish public holidays.")


class Schedule(Model):
    """When the campaign is carried out; local times are in `timezone`."""

    timezone: TimezoneName = Field("Europe/Warsaw", description="Zone of all local times of this file.")
    start: StartInstant = Field("now", description="Not before this local time, or `now`.")
    every: CronText | None = Field(None, description="Recurrence as a cron expression.")
    until: LocalInstant | None = Field(None, description="No occurrence of a recurring campaign after this local time.")
    window: Window | None = Field(None, description="When messages may go out.")
    not_after: LocalInstant | None = Field(None, description="What is not sent by this local time is not sent at all.")
    missed: Literal["skip", "run_once"] = Field(
        "run_once", description="What becomes of a time at which nobody could begin: carried out once, late, or not."
    )
    grace: Duration = Field(
        timedelta(hours=1),
        description="How late it may still begin.",
        json_schema_extra={"default": "1h"},
    )

    @field_validator("start", "until", "not_after")
    @classmethod
    def _exists(cls, local: datetime | str | None, info: ValidationInfo) -> datetime | str | None:
        timezone = info.data.get("timezone")
        if isinstance(local, datetime) and timezone:
            try:
                to_utc(local, timezone)
            except NonexistentTime as error:
                raise problem(str(error), f"write {error.instead:%Y-%m-%d %H:%M} instead") from None
        return local

    @field_validator("not_after")
    @classmethod
    def _ends_after_it_starts(cls, local: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("start")
        if local and isinstance(start, datetime) and local <= start:
            raise problem("`not_after` is not later than `start`, nothing could be sent", "write a later time")
        return local

    @property
    def start_instant(self) -> datetime | None:
        """Aware, UTC; None for ``now``."""
        return to_utc(self.start, self.timezone) if isinstance(self.start, datetime) else None

    @property
    def until_instant(self) -> datetime | None:
        """Aware, UTC; None where a recurrence has no end."""
        return to_utc(self.until, self.timezone) if self.until else None

    @property
    def not_after_instant(self) -> datetime | None:
        """Aware, UTC; None without a deadline."""
        return to_utc(self.not_after, self.timezone) if self.not_after else None
