"""The opt-out list of a story: who stands in it changes while the run goes on, and at times it cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmsflow.audience.consent import Refusals
from mmsflow.clock import Clock
from mmsflow.errors import Finding, InvalidInput
from torture.simulation.scenario import OptOuts


@dataclass(frozen=True, slots=True)
class _AsRead(Refusals):
    """What a reading found; current as long as nobody else has opted out since."""

    owner: OptOutList | None = None
    entries: int = 0

    def is_current(self) -> bool:
        return self.owner is not None and self.owner.is_readable and len(self.owner.numbers()) == self.entries

    def find(self, number: int) -> tuple[str, str] | None:
        return ("opt_out", "lists/optout.csv") if number in self.opt_outs else None


class OptOutList:
    """The list as it is at each moment."""

    def __init__(self, opt_outs: OptOuts, clock: Clock) -> None:
        self._opt_outs, self._clock = opt_outs, clock
        self._healed = False

    @property
    def is_readable(self) -> bool:
        """Whether the file can be read now."""
        start, end = self._opt_outs.unreadable
        return self._healed or not start <= self._clock.monotonic() < end

    def heal(self) -> None:
        """From now on it can always be read."""
        self._healed = True

    def numbers(self) -> dict[int, int]:
        """Nine digits of those who have opted out by now, with the row that says so."""
        now = self._clock.monotonic()
        return {501_000_000 + ordinal: row for row, (ordinal, at) in enumerate(self._opt_outs.when, 1) if at <= now}

    def since(self, number: int) -> float | None:
        """When a number opted out; None when it has not."""
        when = {501_000_000 + ordinal: at for ordinal, at in self._opt_outs.when}
        return when.get(number)

    def read(self) -> Refusals:
        """Read it.

        Raises:
            InvalidInput: it cannot be read now.
        """
        if not self.is_readable:
            raise InvalidInput([Finding("lists/optout.csv", 0, 0, "cannot be read")])
        found = self.numbers()
        return _AsRead(found, {}, (), (), Path(), {}, owner=self, entries=len(found))
