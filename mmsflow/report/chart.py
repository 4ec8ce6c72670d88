"""Geometry of the page's pictures: numbers in, SVG coordinates out. Colours and fonts are the style sheet's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from mmsflow.mms.status import Bucket
from mmsflow.report.model import CurvePoint
from mmsflow.report.parts import Part

BAR_WIDTH = 1000.0
_SLIVER = 6.0  # the least width of a bucket that holds anything, so that one lost message in a million is seen

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 682, 14, 262
_TICKS = 6

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Segment:
    """One bucket's piece of the bar, in units of BAR_WIDTH."""

    bucket: Bucket
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis at SVG coordinate ``at``; ``minor`` ones go first where room is short."""

    at: float
    label: str
    minor: bool


@dataclass(frozen=True, slots=True)
class CurvePicture:
    """Two lines over time as SVG path data, with their axes."""

    sent: str
    delivered: str
    area: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    bottom: int = _BOTTOM


def bar(counts: Mapping[Bucket, int], order: Sequence[Bucket]) -> tuple[Segment, ...]:
    """Segments for the buckets that hold anything, side by side, together as wide as the bar."""
    total = sum(counts.values())
    if not total:
        return ()
    widths = {bucket: max(_SLIVER, BAR_WIDTH * counts[bucket] / total) for bucket in order if counts[bucket]}
    scale = BAR_WIDTH / sum(widths.values())
    segments, x = [], 0.0
    for bucket, width in widths.items():
        segments.append(Segment(bucket, round(x, 2), round(width * scale, 2)))
        x += width * scale
    return tuple(segments)


def pieces(part: Part, most: int) -> tuple[Segment, ...]:
    """A part's messages as delivered, failed and other, side by side; ``most`` messages are 100 wide."""
    found, x = [], 0.0
    for bucket, count in (
        (Bucket.DELIVERED, part.delivered),
        (Bucket.FAILED, part.failed),
        (Bucket.ACCEPTED, part.other),
    ):
        if count and most:
            width = 100 * count / most
            found.append(Segment(bucket, round(x, 2), round(width, 2)))
            x += width
    return tuple(found)


def curve(points: Sequence[CurvePoint], zone: tzinfo) -> CurvePicture | None:
    """The lines for cumulative counts; None without points."""
    if not points:
        return None
    first, last = points[0].at, points[-1].at
    seconds = max(1.0, (last - first).total_seconds())
    step = _round_step(max(1, points[-1].sent, points[-1].delivered) / 6)
    ceiling = step * -(-max(1, points[-1].sent, points[-1].delivered) // step)

    def x(at: datetime) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (at - first).total_seconds() / seconds, 1)

    def y(count: int) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * count / ceiling, 1)

    delivered = _path([(x(point.at), y(point.delivered)) for point in points])
    return CurvePicture(
        sent=_path([(x(point.at), y(point.sent)) for point in points]),
        delivered=delivered,
        area=f"{delivered}V{_BOTTOM}H{x(first)}Z",
        x_ticks=tuple(Tick(x(at), label, i % 2 == 1) for i, (at, label) in enumerate(_time_ticks(first, last, zone))),
        y_ticks=tuple(Tick(y(i * step), short_count(i * step), i % 2 == 1) for i in range(ceiling // step + 1)),
    )


def _path(corners: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in corners)


def _round_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 … that is at least ``least``."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= least:
                return digit * power
        power *= 10


def short_count(count: int) -> str:
    """``950``, ``1.5k``, ``2M``: a count in at most five characters."""
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.3g}{sign}"
    return str(count)


def _time_ticks(first: datetime, last: datetime, zone: tzinfo) -> list[tuple[datetime, str]]:
    span = (last - first).total_seconds()
    step = next((step for step in _TIME_STEPS if span / step <= _TICKS), 0)
    if not step:
        days = _round_step(span / 86400 / _TICKS)
        step = days * 86400
    offset = (first.astimezone(zone).utcoffset() or timedelta()).total_seconds()
    start = -(-(first.timestamp() + offset) // step) * step - offset
    form = "%H:%M:%S" if step < 60 else "%H:%M" if span < 86400 else "%-d %b %H:%M" if step < 86400 else "%-d %b"
    instants = []
    while start <= last.timestamp():
        instants.append(datetime.fromtimestamp(start, UTC))
        start += step
    return [(at, at.astimezone(zone).strftime(form)) for at in instants]
