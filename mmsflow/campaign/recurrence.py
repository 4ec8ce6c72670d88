"""The scheduled times of a campaign: its one start, or every time that its cron expression names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from mmsflow.campaign.schedule import Schedule


def due_times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Scheduled times later than ``after``, in order, aware, UTC; none for a campaign that people start by hand.

    Args:
        schedule: of the campaign.
        after: aware.
    """
    start = schedule.start_instant
    if schedule.every is None:
        if start is not None and start > after:
            yield start
        return
    first = max(after, start - timedelta(seconds=1)) if start else after
    end = schedule.until_instant
    for local in CronSim(schedule.every, first.astimezone(ZoneInfo(schedule.timezone))):
        due = local.astimezone(UTC)
        if end is not None and due > end:
            return
        if due > after:
            yield due


def last_due(schedule: Schedule, by: datetime) -> datetime | None:
    """The latest scheduled time at or before ``by``, aware, UTC; None where there is none."""
    start = schedule.start_instant
    if schedule.every is None:
        return start if start is not None and start <= by else None
    end = schedule.until_instant
    latest = min(by, end) if end else by
    zone = ZoneInfo(schedule.timezone)
    # Backwards, the iteration gives what is earlier than its beginning.
    for local in CronSim(schedule.every, (latest + timedelta(minutes=1)).astimezone(zone), reverse=True):
        due = local.astimezone(UTC)
        if start is not None and due < start:
            return None
        if due <= latest:
            return due
    return None
