"""Whether a run may send at this moment: its windows, looked up once for each time that one opens or closes."""

from __future__ import annotations

from datetime import UTC, datetime

from mmsflow.plan.calendar import SendingCalendar

_NEVER = datetime(9000, 1, 1, tzinfo=UTC)


class Hours:
    """The windows of one run, asked before each step."""

    def __init__(self, calendar: SendingCalendar) -> None:
        self._calendar = calendar
        # What was found last: from when until when the window is open. A clock that jumps out of it is looked up anew.
        self._opens = self._closes = _NEVER

    def opening(self, now: datetime) -> datetime | None:
        """None while open; else when the window opens next, aware, UTC (in the year 9000 where it never does)."""
        if not self._calendar.windows or self._opens <= now < self._closes:
            return None
        opens = self._calendar.next_open(now) or _NEVER
        if opens > now:
            return opens
        self._opens, self._closes = now, self._calendar.closes(now) or _NEVER
        return None
