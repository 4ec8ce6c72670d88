"""How fast an account's messages go out, as far as that is known before they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from statistics import median

LEAST_MESSAGES = 100
"""Fewer messages than these show no pace: they are on the wire all at once."""

_BLOCKS, _SMALLEST_BLOCK = 20, 10
_PAUSED = 2


class Basis(StrEnum):
    """Where a pace is known from."""

    CAMPAIGN = "campaign"
    ACCOUNT = "account"
    RUN = "run"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Pace:
    """Submissions a second.

    Attributes:
        per_second: above 0; None where it is not known.
        basis: ``rate`` of the campaign or of the account, an earlier run, or nothing.
        run: the earlier run that went so fast; empty for another basis.
    """

    per_second: float | None = None
    basis: Basis = Basis.UNKNOWN
    run: str = ""

    @property
    def is_known(self) -> bool:
        """Whether anything is known that holds sending back."""
        return self.per_second is not None

    @property
    def text(self) -> str:
        """For people, such as ``about 38/s, as offer-20261101-1 went``."""
        if self.per_second is None:
            return "not known: no `rate` is set, and no earlier run shows how fast this account takes messages"
        if self.basis is Basis.RUN:
            return f"about {_number(self.per_second)}/s, as {self.run} went"
        whose = "the campaign's" if self.basis is Basis.CAMPAIGN else "the account's"
        return f"{_number(self.per_second)}/s, {whose} `rate`"

    def within(self, per_second: float | None) -> Pace:
        """The pace of a campaign on an account of this pace.

        Args:
            per_second: the campaign's own ``rate``; None without.
        """
        if per_second is None or (self.per_second is not None and self.per_second < per_second):
            return self
        return Pace(per_second, Basis.CAMPAIGN)

    def as_json(self) -> dict[str, object]:
        """The key ``pace`` of ``plan --json``."""
        per_second = None if self.per_second is None else float(_number(self.per_second))
        return {"per_second": per_second, "basis": self.basis.value, "run": self.run or None, "text": self.text}


UNKNOWN = Pace()
"""Nothing is known."""


def pace_shown_by(instants: Sequence[datetime]) -> float | None:
    """Messages a second, from the instants at which consecutive messages of a run were submitted, in any order.

    Pauses for a quota, a window, a canary or a person do not count: blocks of messages that took more than twice
    the median of all blocks are left out.

    Returns:
        None for fewer than ``LEAST_MESSAGES``, and where all of them are of one instant.
    """
    if len(instants) < LEAST_MESSAGES:
        return None
    # A block holds several of those that leave together, or it would show how the ledger groups its commits.
    size = max(_SMALLEST_BLOCK, len(instants) // _BLOCKS)
    edges = sorted(instants)[::size]
    spans = [(end - start).total_seconds() for start, end in pairwise(edges)]
    kept = [span for span in spans if span <= _PAUSED * median(spans)]
    if not any(kept):
        kept = spans  # more than a block leaves at a time
    return size * len(kept) / sum(kept) if any(kept) else None


def _number(per_second: float) -> str:
    """Two digits that count, and those before the point: ``0.25``, ``3.8``, ``38``, ``1204``."""
    return f"{per_second:.0f}" if per_second >= 10 else f"{per_second:.2g}"
