"""Geometry of a picture that shows shares with their intervals, one below the other on a common axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmsflow.report.chart import Tick
from mmsflow.report.experiment import Interval
from mmsflow.report.wording import percent

WIDTH = 720
_LEFT, _RIGHT = 36, 684
_ROW, _LABEL, _LINE = 62, 26, 44
_AXIS = 34
_TICKS = 6

# Steps of an axis in hundredths of a percent.
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)
_WHOLE = 10_000
_LABEL_LENGTH = 24


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One share with its interval; without final messages it has a label only."""

    label: str
    label_y: int
    y: int
    drawn: bool
    low: float = 0
    middle: float = 0
    high: float = 0


@dataclass(frozen=True, slots=True)
class Forest:
    """The whole picture, in SVG coordinates."""

    title: str
    rows: tuple[ForestRow, ...]
    ticks: tuple[Tick, ...]
    height: int
    bottom: int
    left: int = 2
    width: int = WIDTH


@dataclass(frozen=True, slots=True)
class Share:
    """What a row shows: a name, the share (0 to 1) and its interval, both None where nothing is known yet."""

    name: str
    share: float | None
    interval: Interval | None


def forest(title: str, shares: Sequence[Share]) -> Forest | None:
    """The picture; None where no share is known."""
    known = [item.interval for item in shares if item.interval is not None]
    if not known:
        return None
    first, last, step = _axis(min(item.low for item in known), max(item.high for item in known))

    def x(share: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (share * _WHOLE - first) / (last - first), 1)

    rows = tuple(_row(item, index, x) for index, item in enumerate(shares))
    marks = range(first, last + 1, step)
    ticks = tuple(Tick(x(at / _WHOLE), f"{at / 100:g} %", minor=index % 2 == 1) for index, at in enumerate(marks))
    bottom = _ROW * len(rows)
    return Forest(title, rows, ticks, bottom + _AXIS, bottom)


def _row(item: Share, index: int, x: Callable[[float], float]) -> ForestRow:
    name = item.name if len(item.name) <= _LABEL_LENGTH else f"{item.name[: _LABEL_LENGTH - 1]}…"
    label_y, y = _ROW * index + _LABEL, _ROW * index + _LINE
    if item.share is None or item.interval is None:
        return ForestRow(f"{name}: nothing final yet", label_y, y, drawn=False)
    label = f"{name}: {percent(item.share)}"
    return ForestRow(
        label, label_y, y, drawn=True, low=x(item.interval.low), middle=x(item.share), high=x(item.interval.high)
    )


def _axis(low: float, high: float) -> tuple[int, int, int]:
    """First and last mark and their distance, in hundredths of a percent; at least one step wide."""
    least, most = low * _WHOLE, high * _WHOLE
    step = next((step for step in _STEPS if (most - least) / step <= _TICKS), _STEPS[-1])
    first = max(0, int(least // step) * step)
    last = min(_WHOLE, -int(-most // step) * step)
    return (first, last, step) if last > first else (max(0, last - step), max(last, step), step)
