"""Whether a scheduled time can send anything before the next one comes: a recurrence against its sending windows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from mmsflow.campaign.model import Campaign
from mmsflow.campaign.recurrence import due_times
from mmsflow.plan.calendar import SendingCalendar
from mmsflow.plan.holidays import is_polish_holiday
from mmsflow.workflow.planning import window_rule

_MOST_CLOSED = 2000  # in a row; a campaign each minute has fewer in a night


class Openings:
    """The scheduled times of a campaign beside its windows.

    Args:
        campaign: one without a recurrence has a single time, which waits for its window however long.
    """

    def __init__(self, campaign: Campaign) -> None:
        self._schedule = campaign.schedule
        # The last time before `until` is judged as if others came after it, like all those before.
        self._endless = campaign.schedule.model_copy(update={"until": None})
        rules = tuple(window_rule(window) for window in campaign.windows)
        self._calendar = SendingCalendar(rules, ZoneInfo(campaign.schedule.timezone), is_polish_holiday)

    def stays_closed(self, due: datetime, now: datetime | None = None) -> bool:
        """Whether no window opens before the next scheduled time: what is begun would be sent beside its successor.

        Args:
            due: a scheduled time, aware.
            now: looked at from then on, where that is later than ``due``.
        """
        if self._schedule.every is None:
            return False
        begins = max(due, now) if now else due
        opens = self._calendar.next_open(begins)
        if opens == begins:
            return False
        following = next(due_times(self._endless, due), None)
        return following is not None and (opens is None or opens >= following)

    def closes(self, due: datetime, now: datetime) -> datetime | None:
        """When the window closes that is open from ``due`` on or ``now``, else the next one; None without windows."""
        opens = self._calendar.next_open(max(due, now))
        return self._calendar.closes(opens) if opens else None

    def times(self, after: datetime) -> Iterator[datetime]:
        """Scheduled times later than ``after`` that can send something, in order, aware, UTC.

        Ends where none of the next 2,000 can.
        """
        while True:
            found = next(
                (due for due in islice(due_times(self._schedule, after), _MOST_CLOSED) if self._can(due)), None
            )
            if found is None:
                return
            yield found
            after = found

    def _can(self, due: datetime) -> bool:
        return not self.stays_closed(due)
