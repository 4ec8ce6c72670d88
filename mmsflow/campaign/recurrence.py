"""The scheduled times of a campaign: its one start, or every time that its cron expression names.

The expression names local times, and each of them counts once: a time that comes twice is the first, one that the
clocks skip is the moment of the jump. With ``*`` for the hour it names every hour that the clocks show, so that also
the hour that comes twice has its two, and the skipped one none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from zoneinfo import ZoneInfo

from cronsim import CronSim

from mmsflow.campaign.clock_changes import instant_of, instants_of
from mmsflow.campaign.schedule import Schedule

_LARGEST_CHANGE = timedelta(hours=3)  # of a zone's clocks, in the years that a campaign can name
_FIRST_LOOK, _LONGEST_LOOK = timedelta(hours=4), timedelta(days=366 * 50)  # 29 February on one weekday: up to 40 years


def due_times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Scheduled times later than ``after``, in order, aware, UTC; none for a campaign that people start by hand.

    Args:
        schedule: of the campaign.
        after: aware.
    """
    start, end = schedule.start_instant, schedule.until_instant
    if schedule.every is None:
        if start is not None and start > after:
            yield start
        return
    last = after
    for due in _named(schedule.every, ZoneInfo(schedule.timezone), max(after, start) if start else after):
        if end is not None and due > end:
            return
        if due > last and (start is None or due >= start):
            yield due
            last = due


def last_due(schedule: Schedule, by: datetime) -> datetime | None:
    """The latest scheduled time at or before ``by``, aware, UTC; None where there is none."""
    start, end = schedule.start_instant, schedule.until_instant
    if schedule.every is None:
        return start if start is not None and start <= by else None
    latest = min(by, end) if end else by
    earliest = latest - _LONGEST_LOOK if start is None else start
    look = _FIRST_LOOK
    while True:
        found = None
        for due in due_times(schedule, latest - look):
            if due > latest:
                break
            found = due
        if found is not None or latest - look < earliest:
            return found
        look *= 4


def times_as_text(schedule: Schedule) -> str:
    """What ``due_times`` depends on, as text: two schedules of the same text have the same times."""
    return json.dumps(
        {
            "timezone": schedule.timezone,
            "start": _as_text(schedule.start),
            "every": schedule.every,
            "until": _as_text(schedule.until),
        }
    )


def times_from_text(text: str) -> Schedule:
    """A schedule with the times that were written down so; everything else of it is as it is without a word.

    Raises:
        ValueError: the text is none, or names what this version does not know.
    """
    return Schedule.model_validate(json.loads(text))


def _as_text(local: datetime | str | None) -> str | None:
    return f"{local:%Y-%m-%d %H:%M:%S}" if isinstance(local, datetime) else local


def _named(every: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Instants of the named local times from somewhat before ``after``, in order; some may come more than once."""
    begin = after.astimezone(zone).replace(tzinfo=None) - _LARGEST_CHANGE
    if every.split()[1] == "*":
        # In the order of the local times alone, the second time of an hour would come between those of the first.
        firsts, seconds = (_shown(CronSim(every, begin), zone, which) for which in (0, -1))
        yield from merge(firsts, seconds)
        return
    for local in CronSim(every, begin):
        yield instant_of(local, zone)


def _shown(times: Iterator[datetime], zone: ZoneInfo, which: int) -> Iterator[datetime]:
    for local in times:
        if found := instants_of(local, zone):
            yield found[which]
