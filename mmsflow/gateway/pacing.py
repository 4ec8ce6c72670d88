"""How fast messages go out: a token bucket that holds a tenth of a second's worth, so that nothing bursts."""

from __future__ import annotations

import math

from mmsflow.clock import Clock

_SLACK_SECONDS = 0.1  # what late wake-ups may catch up on
_WAKE_SECONDS = 0.05  # at high rates one wake-up serves several messages


class Pacer:
    """Permits at a steady rate; within any t seconds at most ``per_second * (t + 0.1) + 1``.

    Args:
        per_second: permits a second, above 0, also below 1; None for no limit.
        clock: only its monotonic time is used, so a jump of the wall clock changes nothing.

    Raises:
        ValueError: the rate is not a number above 0.
    """

    def __init__(self, per_second: float | None, clock: Clock) -> None:
        if per_second is not None and not (per_second > 0 and math.isfinite(per_second)):
            raise ValueError(f"a rate is a number above 0, not {per_second}")
        self._per_second = per_second
        self._clock = clock
        self._permits = 1.0
        self._filled_at: float | None = None

    def take(self, n: int) -> tuple[int, float]:
        """Take up to ``n`` permits.

        Returns:
            How many were granted, 0 to n, and the seconds until it is worth asking for the rest (0 when all were).
        """
        if self._per_second is None or n <= 0:
            return max(n, 0), 0.0
        self._fill(self._per_second)
        # A hair of tolerance, or a wait of exactly the time to the next permit could round to one more wake-up.
        granted = min(n, int(self._permits + 1e-9))
        self._permits = max(0.0, self._permits - granted)
        if granted == n:
            return granted, 0.0
        wanted = min(n - granted, 1 + int(self._per_second * _WAKE_SECONDS))
        return granted, (wanted - self._permits) / self._per_second

    def give_back(self, n: int) -> None:
        """Return permits that were taken and not used."""
        if self._per_second is not None:
            self._permits = min(self._permits + n, self._capacity(self._per_second))

    def _fill(self, per_second: float) -> None:
        now = self._clock.monotonic()
        elapsed = 0.0 if self._filled_at is None else max(0.0, now - self._filled_at)
        self._filled_at = now
        self._permits = min(self._permits + elapsed * per_second, self._capacity(per_second))

    @staticmethod
    def _capacity(per_second: float) -> float:
        return 1.0 + per_second * _SLACK_SECONDS
