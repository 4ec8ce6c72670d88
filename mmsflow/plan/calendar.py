"""When messages may go out: windows of local time as spans of instants, over clock changes and holidays. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mmsflow.campaign.clock_changes import instant_of

_DAY = timedelta(days=1)
_LONGEST_SPAN = timedelta(days=8)
LAST_YEAR = 9000  # no window opens from then on; beyond it the calendar itself ends
_LONGEST_CLOSED = 400  # days; windows that do not open within them never do


@dataclass(frozen=True, slots=True)
class WindowRule:
    """Hours of certain days.

    Attributes:
        days: of the week, Monday is 0.
        hours: minutes after midnight, ``(start, end)`` each, ``0 <= start < end <= 1440``; the end is left out.
        skips_holidays: closed on public holidays.
        closed: own days on which it is closed, as ``2026-12-24`` or, every year, ``12-24``.
    """

    days: frozenset[int]
    hours: tuple[tuple[int, int], ...]
    skips_holidays: bool = False
    closed: frozenset[str] = frozenset()

    def as_config(self) -> dict[str, object]:
        """JSON-able; ``from_config`` reads it back."""
        return {
            "days": sorted(self.days),
            "hours": [list(span) for span in self.hours],
            "skips_holidays": self.skips_holidays,
            "closed": sorted(self.closed),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> WindowRule:
        """Read what ``as_config`` wrote; ValueError or KeyError where it is something else."""
        days, hours, closed = config["days"], config["hours"], config["closed"]
        if not isinstance(days, list) or not isinstance(hours, list) or not isinstance(closed, list):
            raise ValueError("a sending window is not what was written")
        return cls(
            frozenset(int(day) for day in days),
            tuple((int(start), int(end)) for start, end in hours),
            bool(config["skips_holidays"]),
            frozenset(str(day) for day in closed),
        )


_ALWAYS = WindowRule(frozenset(range(7)), ((0, 24 * 60),))


class SendingCalendar:
    """When a campaign may send; always, without windows.

    Args:
        windows: it may when any of them is open.
        zone: where their hours are local. A local time that comes twice means the first; one that the clocks skip
            means the moment of the jump.
        is_holiday: whether a day is a public holiday.
    """

    def __init__(
        self, windows: tuple[WindowRule, ...], zone: ZoneInfo, is_holiday: Callable[[date], bool] = lambda _: False
    ) -> None:
        self.windows, self.zone = windows, zone
        self._is_holiday = is_holiday

    def next_open(self, instant: datetime) -> datetime | None:
        """``instant`` itself while open, else the next opening, aware, UTC; None where it never opens again."""
        if not self.windows:
            return instant
        found = next(self.spans(instant), None)
        return None if found is None else max(instant, found[0])

    def closes(self, instant: datetime) -> datetime | None:
        """When the span that holds ``instant`` ends, aware, UTC; None without windows, or where it is closed now.

        A span may go on at its end (see ``spans``): then it is open at that instant, too.
        """
        if not self.windows:
            return None
        found = next(self.spans(instant), None)
        return found[1] if found is not None and found[0] <= instant else None

    def spans(self, after: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Open spans ``(start, end)`` that end after ``after``, in time order, those that touch joined.

        The first may have begun earlier than it says. One that goes on for more than eight days is given in pieces, so
        that windows which never close have spans, too.
        """
        joined: tuple[datetime, datetime] | None = None
        for start, end in self._by_day(after.astimezone(self.zone).date() - _DAY):
            if joined is None:
                joined = (start, end)
            elif start <= joined[1] and max(end, joined[1]) - joined[0] <= _LONGEST_SPAN:
                joined = (joined[0], max(end, joined[1]))
            else:
                if joined[1] > after:
                    yield joined
                joined = (max(start, joined[1]), end)
        if joined is not None and joined[1] > after:
            yield joined

    def _by_day(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        closed_days = 0
        while closed_days <= _LONGEST_CLOSED and day.year < LAST_YEAR:
            spans = self._of_day(day)
            closed_days = 0 if spans else closed_days + 1
            yield from spans
            day += _DAY

    def _of_day(self, day: date) -> list[tuple[datetime, datetime]]:
        found = []
        for window in self.windows or (_ALWAYS,):
            if day.weekday() not in window.days or (window.skips_holidays and self._is_holiday(day)):
                continue
            if not window.closed.isdisjoint((day.isoformat(), f"{day:%m-%d}")):
                continue
            spans = ((self._instant(day, start), self._instant(day, end)) for start, end in window.hours)
            found += [span for span in spans if span[0] < span[1]]
        return sorted(found)

    def _instant(self, day: date, minute: int) -> datetime:
        return instant_of(datetime.combine(day, time()) + timedelta(minutes=minute), self.zone)


ALWAYS = SendingCalendar((), ZoneInfo("UTC"))
"""Any hour of any day."""
