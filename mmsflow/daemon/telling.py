"""What the daemon says of itself: events for the log, a number that grows with every change, notices for people."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Mapping

from mmsflow.clock import Clock
from mmsflow.delivery.resting import rest
from mmsflow.errors import LedgerError, MmsflowError
from mmsflow.ledger.operation import NewNotice, NoticeKind
from mmsflow.ledger.store import Ledger
from mmsflow.notifying.channels import channel_names
from mmsflow.settings import Settings

OnEvent = Callable[[str, Mapping[str, object]], None]
"""Told of what happens: a name such as ``run_started``, and its facts (JSON-able, no number in full)."""


def ignore(_: str, __: Mapping[str, object]) -> None:
    """The observer of those who keep no log."""


class Changes:
    """A number that grows with everything that changes, for those who wait for the next change.

    Attributes:
        version: the number now; any thread may read it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: set[asyncio.Event] = set()
        self.version = 0

    def note(self) -> None:
        """Something has changed."""
        self.version += 1
        for event in self._waiting:
            event.set()

    async def after(self, since: int, seconds: float) -> int:
        """Wait until ``version`` is above ``since``, or for so many seconds; the version then."""
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            if self.version <= since:
                await rest(self._clock, woken, seconds)
        finally:
            self._waiting.discard(woken)
        return self.version


class Teller:
    """Tells people, the log, and whoever waits for changes.

    Args:
        ledger: open for writing.
        settings: the channels of notices, and which kinds go out.
        changes: grows with each notice.
        on_event: the log.
    """

    def __init__(self, ledger: Ledger, settings: Settings, changes: Changes, on_event: OnEvent) -> None:
        self._ledger, self._account, self._settings = ledger, settings.account, settings
        self.changes, self._on_event = changes, on_event

    def event(self, name: str, **facts: object) -> None:
        """Tell the log, and whoever waits for a change."""
        self._on_event(name, facts)
        self.changes.note()

    def error(self, doing: str, error: Exception) -> None:
        """Tell the log what went wrong; of an unforeseen error its kind and place alone: its text may hold data."""
        if isinstance(error, MmsflowError):
            self.event("error", doing=doing, message=error.message, advice=error.advice)
            return
        where = "".join(traceback.format_tb(error.__traceback__))
        self.event("error", doing=doing, message=f"unforeseen: {type(error).__name__}", traceback=where)

    def people(
        self,
        name: str,
        kind: NoticeKind,
        text: str,
        advice: str = "",
        *,
        campaign: str = "",
        run: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Make a notice, unless one of that name is still open. A ledger that fails is said in the log, not raised."""
        notice = NewNotice(name, kind, self._account, campaign, run, text, advice, detail or {})
        try:
            made = self._ledger.tell(notice, channel_names(self._settings, kind))
        except LedgerError as error:
            self.error(f"the notice {name}", error)
            return
        if made:
            self.event("notice", notice=name, kind=kind.value, text=text)

    def settle(self, *names: str) -> None:
        """What these notices asked for has been done."""
        try:
            self._ledger.settle_notices(names)
        except LedgerError as error:
            self.error("settling notices", error)
