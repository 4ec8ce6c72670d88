"""The share of messages in doubt over a sliding window. Pure.

A message of unknown fate is harm: a person must settle it, or it is lost or sent twice. A gateway that leaves one in
twenty in doubt is to be looked at before the rest goes out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

FEWEST = 25  # doubtful messages; fewer prove nothing (docs/decisions/0025)
DEFAULT_SHARE = 0.05
_FRESH = 5  # doubtful messages that a new start allows at least, so that going on is possible at all


class DoubtWindow:
    """Says when more than a share of the latest outcomes is doubtful.

    The window is as long as makes ``FEWEST`` the share of it: 25 of the last 500 outcomes at 5 %.

    Args:
        share: above 0, at most 1; None never trips.
        position: outcomes of the run before.
        marks: positions of the doubtful ones among them, ascending; the newest count, but leave room for a few more.
    """

    def __init__(self, share: float | None, position: int = 0, marks: Sequence[int] = ()) -> None:
        self._share = share
        self._position = max([position, *marks[-1:]])
        self._marks = deque(marks[-(FEWEST - _FRESH) :], maxlen=FEWEST)

    @property
    def length(self) -> int:
        """Outcomes that are looked at."""
        return round(FEWEST / self._share) if self._share else 0

    def note(self, *, doubtful: bool) -> bool:
        """Count one outcome; whether it makes the share too large."""
        self._position += 1
        if not doubtful or self._share is None:
            return False
        self._marks.append(self._position)
        return len(self._marks) == FEWEST and self._position - self._marks[0] < self.length
