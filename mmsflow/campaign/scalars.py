"""Scalars of the campaign file that people write as text: durations, rates, shares, local instants."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """A pace as a person writes it: ``20/s`` or ``600/min``.

    Attributes:
        per_second: submissions a second, above 0.
        text: as written.
    """

    per_second: float
    text: str
