"""Amounts of the campaign file that people write as text: durations, paces, caps, sizes, shares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from mmsflow.campaign.scalars import as_written, problem, scalar_schema
from mmsflow.campaign.wording import quoted
from mmsflow.mms.content import DEFAULT_BUDGET_BYTES, KIB

LONGEST_DURATION = timedelta(days=366)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(s|min|h|d)", re.ASCII)
_DURATION_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_AT_MOST = re.compile(r"(\d{1,4}) in (\d{1,4}(?:\.\d{1,3})?) ?(min|h|hours?|d|days?|weeks?)", re.ASCII)
_CAP_SECONDS = {
    "min": 60, "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400, "week": 604800,
    "weeks": 604800,
}  # fmt: skip
_SIZE = re.compile(r"(\d{1,7}(?:\.\d{1,3})?) ?(kB|KiB|MiB)", re.ASCII)
_SIZE_BYTES = {"kB": 1000, "KiB": KIB, "MiB": KIB * KIB}
_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*/\s*(s|min|h)", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%", re.ASCII)
_FRACTION = re.compile(r"[01]?\.\d{1,9}|[01]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """A pace as a person writes it: ``20/s`` or ``600/min``.

    Attributes:
        per_second: submissions a second, above 0.
        text: as written.
    """

    per_second: float
    text: str


@dataclass(frozen=True, slots=True)
class AtMost:
    """A frequency cap as a person writes it: ``2 in 7 days``.

    Attributes:
        messages: messages that a number gets within ``within`` at the most, the one at hand included.
        within: length of the time, which slides.
        text: as written.
    """

    messages: int
    within: timedelta
    text: str


@dataclass(frozen=True, slots=True)
class Budget:
    """What a whole MMS may have.

    Attributes:
        size_bytes: subject and parts together, before base64.
        width, height: pixels of the largest picture lying down; one that stands may have them the other way round.
        text: as written.
    """

    size_bytes: int
    width: int
    height: int
    text: str


DEFAULT_BUDGET = Budget(DEFAULT_BUDGET_BYTES, 1280, 1280, f"{DEFAULT_BUDGET_BYTES // KIB}KiB")
LEGACY_BUDGET = Budget(100 * KIB, 640, 480, "legacy")
LEAST_BUDGET_BYTES, MOST_BUDGET_BYTES = 10 * KIB, 1024 * KIB


def read_duration(value: object) -> timedelta:
    """A duration from its text, such as ``30min``; above 0, up to 366 days."""
    if isinstance(value, timedelta):
        return value
    text = as_written(value, "write a duration such as 20s, 30min, 72h or 7d").strip()
    match = _DURATION.fullmatch(text)
    if not match:
        raise problem(f"{quoted(text)} is not a duration", "write a number with its unit: 20s, 30min, 72h or 7d")
    seconds = float(match[1]) * _DURATION_SECONDS[match[2]]
    if not 0 < seconds <= LONGEST_DURATION.total_seconds():
        raise problem(f"{quoted(text)} is out of range", "durations lie above zero and up to 366d")
    return timedelta(seconds=seconds)


def duration_text(duration: timedelta) -> str:
    """A duration as the campaign file writes it, in the largest unit that leaves no fraction of seconds behind."""
    seconds = duration.total_seconds()
    unit = next(unit for unit in ("h", "min", "s") if seconds % _DURATION_SECONDS[unit] == 0 or unit == "s")
    return f"{seconds / _DURATION_SECONDS[unit]:g}{unit}"


def read_at_most(value: object) -> AtMost:
    """A frequency cap from its text, such as ``2 in 7 days``."""
    if isinstance(value, AtMost):
        return value
    text = as_written(value, "write a cap such as `2 in 7 days`").strip()
    match = _AT_MOST.fullmatch(text)
    within = timedelta(seconds=float(match[2]) * _CAP_SECONDS[match[3]]) if match else timedelta(0)
    if not match or int(match[1]) < 1 or not timedelta(0) < within <= LONGEST_DURATION:
        raise problem(f"{quoted(text)} is not a cap", "write messages and a time: `2 in 7 days`, `1 in 24h`")
    return AtMost(int(match[1]), within, text)


def _budget(value: object) -> Budget:
    if isinstance(value, Budget):
        return value
    text = as_written(value, "write a size such as 280KiB").strip()
    if text == LEGACY_BUDGET.text:
        return LEGACY_BUDGET
    match = _SIZE.fullmatch(text)
    if not match:
        raise problem(f"{quoted(text)} is not a budget", "write `legacy`, or a size such as 280KiB or 100KiB")
    size = int(float(match[1]) * _SIZE_BYTES[match[2]])
    if not LEAST_BUDGET_BYTES <= size <= MOST_BUDGET_BYTES:
        most = MOST_BUDGET_BYTES // KIB
        raise problem(
            f"{quoted(text)} is out of range", f"budgets lie between {LEAST_BUDGET_BYTES // KIB}KiB and {most}KiB"
        )
    return Budget(size, DEFAULT_BUDGET.width, DEFAULT_BUDGET.height, text)


def _rate(value: object) -> Rate:
    if isinstance(value, Rate):
        return value
    text = as_written(value, "write a rate such as 20/s or 600/min").strip()
    match = _RATE.fullmatch(text)
    if not match:
        raise problem(f"{quoted(text)} is not a rate", "write messages by time: 20/s, 600/min or 5000/h")
    per_second = float(match[1]) / _DURATION_SECONDS[match[2]]
    if per_second <= 0:
        raise problem("a rate of zero would never send", "write a rate above zero, or leave the key out")
    return Rate(per_second, text)


def _share(value: object) -> float:
    text = as_written(value, "write a share such as 50%").strip()
    if percent := _PERCENT.fullmatch(text):
        share = float(percent[1]) / 100
    elif _FRACTION.fullmatch(text):
        share = float(text)
    else:
        raise problem(f"{quoted(text)} is not a share", "write per cent with its sign, such as 50%, or a fraction: 0.5")
    if not 0 < share <= 1:
        raise problem(f"{quoted(text)} is out of range", "a share lies above 0% and up to 100%")
    return share


def _share_or_off(value: object) -> float | Literal["off"]:
    if value == "off" or (
        not isinstance(value, float) and as_written(value, "write a share such as 5%, or off") == "off"
    ):
        return "off"
    return _share(value)


DURATION_SCHEMA = {
    "type": "string",
    "pattern": rf"^{_DURATION.pattern}$",
    "examples": ["20s", "30min", "72h", "7d"],
}
Duration = Annotated[
    timedelta,
    PlainValidator(read_duration),
    PlainSerializer(duration_text),
    WithJsonSchema(DURATION_SCHEMA),
]
RateText = Annotated[
    Rate, PlainValidator(_rate), scalar_schema(pattern=rf"^{_RATE.pattern}$", examples=["20/s", "600/min"])
]
AtMostText = Annotated[
    AtMost,
    PlainValidator(read_at_most),
    PlainSerializer(lambda cap: cap.text),
    scalar_schema(pattern=rf"^{_AT_MOST.pattern}$", examples=["2 in 7 days", "1 in 24h"]),
]
BudgetText = Annotated[
    Budget,
    PlainValidator(_budget),
    PlainSerializer(lambda budget: budget.text),
    scalar_schema(pattern=rf"^(legacy|{_SIZE.pattern})$", examples=["280KiB", "legacy", "100KiB"]),
]
_SHARE_SCHEMA = [
    {"type": "string", "pattern": rf"^({_PERCENT.pattern}|{_FRACTION.pattern})$"},
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
]
Share = Annotated[float, PlainValidator(_share), WithJsonSchema({"anyOf": _SHARE_SCHEMA, "examples": ["50%", 0.5]})]
ShareOrOff = Annotated[
    float | Literal["off"],
    PlainValidator(_share_or_off),
    WithJsonSchema({"anyOf": [*_SHARE_SCHEMA, {"const": "off"}], "examples": ["5%", "off"]}),
]
