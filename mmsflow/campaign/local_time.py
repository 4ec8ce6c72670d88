"""Local time in the campaign file: instants, days, hours, zones and recurrence, as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import PlainValidator, WithJsonSchema

from mmsflow.campaign.amounts import DURATION_SCHEMA, read_duration
from mmsflow.campaign.scalars import as_written, problem
from mmsflow.campaign.wording import nearest, quoted

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EARLIEST_YEAR, LATEST_YEAR = 2000, 2199

_INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ Tt]+(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
_INSTANT_FIX = "write date and local time, such as 2026-12-01 09:00"
_DEADLINE_FIX = "write a local time such as 2026-12-05 19:00, or a duration such as 8h"
_HOURS = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)", re.ASCII)
_DAY = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)", re.ASCII)
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class HourSpan:
    """Hours of a day, local time.

    Attributes:
        start_minute, end_minute: minutes after midnight, ``0 <= start < end <= 1440``; the end is left out.
    """

    start_minute: int
    end_minute: int

    def __str__(self) -> str:
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start_minute, self.end_minute))


class NonexistentTime(ValueError):
    """A local time that the clocks of its zone skip.

    Attributes:
        instead: the same time counted on from before the jump, naive: a local time that does exist.
    """

    def __init__(self, local: datetime, zone: ZoneInfo, instead: datetime) -> None:
        super().__init__(f"{local:%Y-%m-%d %H:%M} does not exist in {zone.key}, the clocks jump over it")
        self.instead = instead


def to_utc(local: datetime, timezone: str) -> datetime:
    """The instant of a naive local time, aware, UTC; of a time that comes twice, the first.

    Raises:
        NonexistentTime: the clocks skip this time.
    """
    zone = ZoneInfo(timezone)
    instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    back = instant.astimezone(zone).replace(tzinfo=None)
    if back != local:
        raise NonexistentTime(local, zone, back)
    return instant


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return _naive(value)
    text = as_written(value, _INSTANT_FIX).strip()
    match = _INSTANT.fullmatch(text)
    if not match:
        zoned = re.search(r"\d(?:Z|[+-]\d\d:?\d\d)$", text)
        fix = "leave the offset out, the zone stands in `schedule.timezone`" if zoned else _INSTANT_FIX
        raise problem(f"{quoted(text)} is not a date with a time", fix)
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        return _naive(datetime(year, month, day, hour, minute, second))  # noqa: DTZ001 - local by meaning
    except ValueError:
        raise problem(f"{quoted(text)} is not in the calendar", _INSTANT_FIX) from None


def _naive(instant: datetime) -> datetime:
    if instant.tzinfo:
        raise problem("a local time has no offset", "leave it out, the zone stands in `schedule.timezone`")
    if not EARLIEST_YEAR <= instant.year <= LATEST_YEAR:
        raise problem(f"the year {instant.year} is out of range", f"use {EARLIEST_YEAR} to {LATEST_YEAR}")
    return instant


def deadline(value: object) -> datetime | timedelta:
    """A local instant, or a time that is counted from each beginning."""
    if isinstance(value, datetime | timedelta):
        return value
    text = as_written(value, _DEADLINE_FIX).strip()
    return _instant(value) if "-" in text or ":" in text else read_duration(value)


def _start(value: object) -> datetime | Literal["now"]:
    if isinstance(value, str) and value.strip() == "now":
        return "now"
    return _instant(value)


def _timezone(value: object) -> str:
    name = as_written(value, "name a zone, such as Europe/Warsaw").strip()
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        near = nearest(name, available_timezones())
        fix = f"did you mean `{near}`?" if near else "name a zone of the tz database, such as Europe/Warsaw"
        raise problem(f"the time zone {quoted(name)} is not known", fix) from None
    return name


def _cron(value: object) -> str:
    fix = 'write five fields: minute, hour, day, month, weekday; such as "0 9 1 * *"'
    text = " ".join(as_written(value, fix).split())
    if len(text.split(" ")) != 5:
        raise problem(f"{quoted(text)} is not a cron expression of five fields", fix)
    try:
        CronSim(text, datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError) as error:
        raise problem(f"the cron expression {quoted(text)} is not valid: {str(error).lower()}", fix) from None
    return text


def _days(value: object) -> frozenset[int]:
    fix = "write days such as mon-fri, or mon,wed,sat"
    parts = value if isinstance(value, list | tuple) else as_written(value, fix).split(",")
    days: set[int] = set()
    for part in parts:
        days.update(_day_range(as_written(part, fix).strip().casefold(), fix))
    if not days:
        raise problem("no day is named", fix)
    return frozenset(days)


def _day_range(text: str, fix: str) -> list[int]:
    ends = [end.strip() for end in text.split("-")]
    if len(ends) > 2 or any(end not in DAY_NAMES for end in ends):
        raise problem(f"{quoted(text)} names no days of the week", fix)
    first, last = DAY_NAMES.index(ends[0]), DAY_NAMES.index(ends[-1])
    return [day % 7 for day in range(first, last + 1 if last >= first else last + 8)]


def _hours(value: object) -> HourSpan:
    if isinstance(value, HourSpan):
        return value
    fix = 'write hours of one day, such as "09:00-19:00"'
    text = as_written(value, fix).strip()
    match = _HOURS.fullmatch(text)
    if not match:
        raise problem(f"{quoted(text)} is not a span of hours", fix)
    hour, minute, end_hour, end_minute = map(int, match.groups())
    span = HourSpan(hour * 60 + minute, end_hour * 60 + end_minute)
    if max(minute, end_minute) > 59 or not 0 <= span.start_minute < span.end_minute <= _DAY_MINUTES:
        raise problem(f"{quoted(text)} does not begin before it ends, within one day", fix)
    return span


def _several_hours(value: object) -> tuple[HourSpan, ...]:
    spans = [_hours(each) for each in value] if isinstance(value, list | tuple) else [_hours(value)]
    if not spans:
        raise problem("no hours are named", 'write hours of one day, such as "09:00-19:00"')
    ordered = sorted(spans, key=lambda span: span.start_minute)
    if any(before.end_minute > after.start_minute for before, after in pairwise(ordered)):
        raise problem("two spans of hours overlap", "write them one after the other")
    return tuple(ordered)


def _closed(value: object) -> tuple[str, ...]:
    fix = "write days such as 2026-12-24, or 12-24 for every year"
    parts = value if isinstance(value, list | tuple) else [value]
    return tuple(dict.fromkeys(_closed_day(part, fix) for part in parts))


def _closed_day(value: object, fix: str) -> str:
    text = as_written(value, fix).strip()
    match = _DAY.fullmatch(text)
    if not match:
        raise problem(f"{quoted(text)} is not a day", fix)
    try:
        # 2024 has a 29th of February, so `02-29` is a day of every year that has one.
        date(int(match[1] or 2024), int(match[2]), int(match[3]))
    except ValueError:
        raise problem(f"{quoted(text)} is not in the calendar", fix) from None
    return text


_INSTANT_SCHEMA = {
    "type": "string",
    "pattern": rf"^\s*{_INSTANT.pattern}\s*$",
    "examples": ["2026-12-01 09:00"],
}
LocalInstant = Annotated[datetime, PlainValidator(_instant), WithJsonSchema(_INSTANT_SCHEMA)]
StartInstant = Annotated[
    datetime | Literal["now"],
    PlainValidator(_start),
    WithJsonSchema({"anyOf": [{"const": "now"}, _INSTANT_SCHEMA]}),
]
Deadline = Annotated[
    datetime | timedelta,
    PlainValidator(deadline),
    WithJsonSchema({"anyOf": [_INSTANT_SCHEMA, DURATION_SCHEMA]}),
]
TimezoneName = Annotated[
    str, PlainValidator(_timezone), WithJsonSchema({"type": "string", "examples": ["Europe/Warsaw"]})
]
CronText = Annotated[str, PlainValidator(_cron), WithJsonSchema({"type": "string", "examples": ["0 9 1 * *"]})]
DaySet = Annotated[
    frozenset[int],
    PlainValidator(_days),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"enum": list(DAY_NAMES)}, "minItems": 1}],
            "examples": ["mon-fri", "mon,wed,sat"],
        }
    ),
]
_HOURS_SCHEMA = {"type": "string", "pattern": rf"^{_HOURS.pattern}$", "examples": ["09:00-19:00"]}
_DAY_SCHEMA = {"type": "string", "pattern": rf"^{_DAY.pattern}$", "examples": ["2026-12-24", "12-24"]}
Hours = Annotated[
    tuple[HourSpan, ...],
    PlainValidator(_several_hours),
    WithJsonSchema(
        {
            "anyOf": [_HOURS_SCHEMA, {"type": "array", "items": _HOURS_SCHEMA, "minItems": 1}],
            "examples": ["09:00-19:00", ["09:00-12:00", "14:00-19:00"]],
        }
    ),
]
ClosedDays = Annotated[
    tuple[str, ...],
    PlainValidator(_closed),
    WithJsonSchema({"anyOf": [_DAY_SCHEMA, {"type": "array", "items": _DAY_SCHEMA}], "examples": [["2026-12-24"]]}),
]
