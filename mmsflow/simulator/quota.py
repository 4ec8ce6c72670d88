"""The quota's periods, the date that ``limit`` shows, and what somebody else uses up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mmsflow.simulator.config import SimulatorConfig

WARSAW = ZoneInfo("Europe/Warsaw")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Period:
    """One period of the quota: its number, and its two ends as epoch seconds."""

    index: int
    start: float
    end: float


def period_at(config: SimulatorConfig, now: float, anchor: float) -> Period:
    """The period that holds ``now``; the first one began at ``anchor`` (calendar periods: on its day)."""
    if config.quota_seconds is not None:
        index = int((now - anchor) // config.quota_seconds)
        start = anchor + index * config.quota_seconds
        return Period(index, start, start + config.quota_seconds)
    first = _local(anchor).date()
    index = (_local(now).date() - first).days // config.quota_days
    begins = first + timedelta(days=index * config.quota_days)
    return Period(index, _midnight(begins), _midnight(begins + timedelta(days=config.quota_days)))


def hidden_use(config: SimulatorConfig, period: Period, now: float, anchor: float) -> int:
    """Requests of this period that were somebody else's."""
    return config.hidden_used + int((now - max(period.start, anchor)) * config.hidden_per_second)


def shown_date(config: SimulatorConfig, period: Period, now: float) -> str:
    """The date in the operator's form, ``Tue Jan 20 2026``."""
    today = _local(now).date()
    shown = {
        "next": _local(period.end).date(),
        "last": _local(period.start).date(),
        "today": today,
        "tomorrow": today + timedelta(days=1),
        "yesterday": today - timedelta(days=1),
    }[config.reset_date]
    weekday = _DAYS[(shown.weekday() + config.wrong_weekday) % 7]
    return f"{weekday} {_MONTHS[shown.month - 1]} {shown.day:02d} {shown.year}"


def _local(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, WARSAW)


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=WARSAW).timestamp()
