"""How fast runs go, from the counts that pages have shown; and their curves, which are not counted at every glance."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta, tzinfo
from itertools import accumulate

from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.report.chart import CurvePicture, curve
from mmsflow.report.model import CurvePoint
from mmsflow.report.timeline import bin_edges

_LOOKS_BACK = timedelta(seconds=60)
_LEAST = timedelta(seconds=1)
_REMEMBERED = 50
_CURVE_AGE = timedelta(seconds=5)


class Pace:
    """Messages that were begun, noted whenever somebody looks; the rate is that of the last minute."""

    def __init__(self) -> None:
        self._noted: OrderedDict[int, deque[tuple[datetime, int]]] = OrderedDict()

    def note(self, key: int, at: datetime, begun: int) -> None:
        """So many messages of a run have been begun by then."""
        noted = self._noted.setdefault(key, deque(maxlen=300))
        if not noted or at - noted[-1][0] >= timedelta(milliseconds=200):
            noted.append((at, begun))
        while noted and at - noted[0][0] > _LOOKS_BACK:
            noted.popleft()
        while len(self._noted) > _REMEMBERED:
            self._noted.popitem(last=False)

    def per_second(self, key: int) -> float | None:
        """Messages a second; None while too little is known."""
        noted = self._noted.get(key)
        if not noted or noted[-1][0] - noted[0][0] < _LEAST:
            return None
        (first, before), (last, after) = noted[0], noted[-1]
        return max(0, after - before) / (last - first).total_seconds()


class Curves:
    """The curves of a few runs; one that grows is counted again after some seconds, one that rests never."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[int, datetime, CurvePicture | None]] = OrderedDict()

    def of(self, ledger: LedgerReader, run: RunInfo, zone: tzinfo, now: datetime) -> CurvePicture | None:
        """The curve; None before the first message has left."""
        newest = ledger.last_event(run.key)
        kept = self._kept.get(run.key)
        if kept is not None and (kept[0] == newest or now - kept[1] < _CURVE_AGE):
            return kept[2]
        picture = _picture(ledger, run.key, zone)
        self._kept[run.key] = (newest, now, picture)
        while len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        return picture


def _picture(ledger: LedgerReader, key: int, zone: tzinfo) -> CurvePicture | None:
    span = ledger.curve_span(key)
    if span is None:
        return None
    edges = bin_edges(int(span[0].timestamp()), int(span[1].timestamp()))
    counts = ledger.curve_counts(key, edges)
    sent, delivered = ([0, *accumulate(each)] for each in (counts.sent, counts.delivered))
    points = [
        CurvePoint(datetime.fromtimestamp(edge, zone), before, arrived)
        for edge, before, arrived in zip(edges, sent, delivered, strict=True)
    ]
    return curve(points, zone)
