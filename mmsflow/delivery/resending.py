"""``unknown: resend``: what has been of unknown fate for long enough is sent once more, as the campaign wants it."""

from __future__ import annotations

from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.delivery.progress import Tally
from mmsflow.delivery.rules import RunRules
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState

REASON = "messages of unknown fate are sent once more as soon as no late reply can come"


class Resending:
    """The campaign's rule for one run; without it nothing is ever due.

    Args:
        after: how long after its attempt began a message may be sent once more.
    """

    def __init__(
        self, ledger: Ledger, run: RunInfo, rules: RunRules, tally: Tally, clock: Clock, after: timedelta
    ) -> None:
        self._ledger, self._run, self._rules, self._tally, self._clock = ledger, run, rules, tally, clock
        self._after = after

    def due(self) -> datetime | None:
        """When the next message is to be sent once more, perhaps in the past; None when none is, or not in time."""
        oldest = self._ledger.oldest_uncertain(self._run.key) if self._rules.resend_unknown else None
        deadline = self._rules.not_after
        if oldest is None or (deadline is not None and max(oldest + self._after, self._clock.now()) >= deadline):
            return None
        return oldest + self._after

    def make_ready(self) -> None:
        """Those that are due become ready."""
        for old in self._ledger.resend_uncertain(self._run.key, self._clock.now() - self._after):
            self._tally.move(old, MessageState.READY)
