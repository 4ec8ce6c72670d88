"""Instants as the report writes them, remembered, because thousands of rows share one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

# More than the instants of one chunk of rows, so that table, document and summary share them.
_REMEMBERED = 10_000


# A tuple, because one is made for every row and a frozen dataclass takes three times as long to make.
class Moment(NamedTuple):
    """An instant as ISO 8601 text with offset, to the second, and as seconds since 1970; no instant is empty and 0."""

    text: str
    epoch: float


class Moments(dict[datetime | None, Moment]):
    """``moments[instant]`` is its Moment in one zone. Memory is bounded.

    A zone's arithmetic costs more than all else in a row, so it is done once for each second of the run.
    """

    def __init__(self, zone: tzinfo) -> None:
        super().__init__()
        self.zone = zone
        self._texts: dict[int, str] = {}

    def __missing__(self, instant: datetime | None) -> Moment:
        if len(self) >= _REMEMBERED:
            self.clear()
        moment = self[instant] = Moment("", 0.0) if instant is None else self._read(instant.timestamp())
        return moment

    def _read(self, epoch: float) -> Moment:
        second = int(epoch)
        text = self._texts.get(second)
        if text is None:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            text = self._texts[second] = datetime.fromtimestamp(second, self.zone).isoformat()
        return Moment(text, epoch)


def zone_of(config: Mapping[str, object]) -> tzinfo:
    """The zone that a run's frozen settings name under ``timezone``; UTC when none is named or it is unknown."""
    name = config.get("timezone")
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else UTC
    except (KeyError, OSError, ValueError):  # the ways in which zoneinfo says "no such zone"
        return UTC
