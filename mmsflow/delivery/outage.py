"""The ledger cannot be written for a while: how long to wait for it, and when not to wait any more."""

from __future__ import annotations

from mmsflow.delivery.progress import Tally
from mmsflow.errors import LedgerUnavailable

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 5.0
_TRIES = 5  # where nobody waits; otherwise it is tried until it can be written


class Outage:
    """Failures of the ledger in a row.

    Attributes:
        failures: how many.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.failures = 0

    def wait(self, error: LedgerUnavailable, *, patient: bool) -> float:
        """Seconds until the next try, growing up to 5.

        Args:
            patient: try for as long as it takes.

        Raises:
            LedgerUnavailable: ``error``, after some tries without patience.
        """
        self.failures += 1
        if not patient and self.failures > _TRIES:
            raise error
        self._tally.tell(f"{error.message}; nothing is sent until it can be written again")
        return min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(self.failures - 1, 10))

    def over(self) -> bool:
        """It could be written; whether there were failures before."""
        if not self.failures:
            return False
        self.failures = 0
        self._tally.tell("")
        return True
