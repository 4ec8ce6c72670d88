"""Whether other terminals are heard: where they are not, nobody else would notice."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.daemon.telling import Teller
from mmsflow.errors import LedgerError
from mmsflow.ledger.operation import NoticeKind
from mmsflow.ledger.ownership import give_back
from mmsflow.ledger.requests import Spool
from mmsflow.ledger.store import Ledger

_NOTICE = "requests"
_LOOKS = 3  # without trouble, until it is over: nobody says that a look went well


class Hearing:
    """Tells the log and people that requests cannot be read, once as long as that lasts.

    Args:
        every: seconds between two looks at what is asked.
    """

    def __init__(self, ledger: Ledger, clock: Clock, teller: Teller, every: float) -> None:
        self._folder, self._clock, self._teller = Spool(ledger.path).folder, clock, teller
        self._quiet = timedelta(seconds=_LOOKS * every)
        self._told = False
        self._trouble_at: datetime | None = clock.now()  # what an earlier process told is over as well, some looks on

    def trouble(self, error: LedgerError) -> None:
        """A look at what is asked failed."""
        told, self._told, self._trouble_at = self._told, True, self._clock.now()
        if told:
            return
        self._teller.error("heeding other terminals", error)
        self._teller.people(
            _NOTICE,
            NoticeKind.NEEDS_PERSON,
            f"`mmsflow pause`, `resume` and `cancel` are not heard: {error.message}",
            f"where somebody asked as another user, `{give_back(self._folder, os.geteuid())}` mends it; "
            "else look at the room on its disk",
        )

    def look(self) -> None:
        """See whether it is over."""
        if self._trouble_at is not None and self._clock.now() - self._trouble_at > self._quiet:
            self._told, self._trouble_at = False, None
            self._teller.settle(_NOTICE)
