"""What the daemon says of itself: events for the log, a number that grows with every change, notices for people."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter, deque
from collections.abc import Callable, Mapping
from functools import partial

from mmsflow.causes import CAUSES, OTHER
from mmsflow.clock import Clock
from mmsflow.delivery.resting import rest
from mmsflow.errors import GatewayRefused, LedgerError, LedgerUnavailable, MmsflowError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.operation import NewNotice, NoticeKind
from mmsflow.ledger.store import Ledger
from mmsflow.notifying.channels import channel_names
from mmsflow.settings import Settings

_MOST_NOTICES = 1000
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


REFUSED_BY_GATEWAY = "gateway"


class Teller:
    """Tells people, the log, and whoever waits for changes.

    What the ledger cannot take now is kept and written later, in the same order: nothing here raises for it.

    Args:
        ledger: open for writing.
        settings: the channels of notices, and which kinds go out.
        changes: grows with each notice.
        on_event: the log.

    Attributes:
        refusals: how often people or the log were told of each cause since the daemon began.
    """

    def __init__(self, ledger: Ledger, settings: Settings, changes: Changes, on_event: OnEvent) -> None:
        self._ledger, self._account, self._settings = ledger, settings.account, settings
        self.changes, self._on_event = changes, on_event
        self._late: deque[tuple[str, Callable[[], None]]] = deque()
        self._trouble = ""
        self.refusals: Counter[str] = Counter()

    def event(self, name: str, **facts: object) -> None:
        """Tell the log, and whoever waits for a change."""
        self._on_event(name, facts)
        self.changes.note()

    def error(self, doing: str, error: Exception) -> None:
        """Tell the log what went wrong; of an unforeseen error its kind and place alone: its text may hold data."""
        if isinstance(error, MmsflowError):
            self.refusals[error.cause if error.cause in CAUSES else OTHER] += 1
            self.event("error", doing=doing, message=error.message, advice=error.advice, cause=error.cause)
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
        anew_for: str = "",
        cause: str = "",
    ) -> None:
        """Make a notice, unless one of that name is still open.

        Args:
            cause: why people are told, a word of ``causes``; it stands in ``detail`` and is counted.
            anew_for: a fact of ``detail``; an open notice in which it is another one is settled.
        """
        facts = dict(detail or {}) | ({"cause": cause} if cause else {})
        notice = NewNotice(name, kind, self._account, campaign, run, text, advice, facts)
        self._write(f"the notice {name}", partial(self._tell, notice, anew_for))

    def settle(self, *names: str) -> None:
        """What these notices asked for has been done."""
        self._write("settling notices", partial(self._ledger.settle_notices, self._account, names))

    def refused(self, error: GatewayRefused) -> None:
        """The gateway refuses us altogether, whatever it is asked: people are told once, until it takes us again."""
        self.people(
            REFUSED_BY_GATEWAY,
            NoticeKind.NEEDS_PERSON,
            f"the gateway refuses us: {error.message}",
            error.advice,
            cause=error.cause,
        )

    def taken(self) -> None:
        """The gateway has answered."""
        self.settle(REFUSED_BY_GATEWAY)

    def owe(self, run: RunInfo) -> None:
        """People are to be told what becomes of this run, by the next daemon if not by this one; not of a test."""
        if not run.test:
            self._write(f"what becomes of {run.run}", partial(self._ledger.owe_news, run))

    def told(self, run: RunInfo) -> None:
        """All that is to be told of this run so far has been said, by the calls before this one."""
        if not run.test:
            self._write(f"what became of {run.run}", partial(self._ledger.news_told, run))

    def catch_up(self) -> None:
        """Write what the ledger could not take before."""
        while self._late:
            doing, work = self._late.popleft()
            try:
                work()
            except LedgerUnavailable as error:
                self._late.appendleft((doing, work))
                if error.message != self._trouble:  # once, and not at each turn for as long as it lasts
                    self.error(doing, error)
                self._trouble = error.message
                return
            except LedgerError as error:  # it would fail again, and hold up the others
                self.error(doing, error)
            self._trouble = ""

    def _write(self, doing: str, work: Callable[[], None]) -> None:
        self._late.append((doing, work))
        self.catch_up()

    def _tell(self, notice: NewNotice, anew_for: str) -> None:
        if anew_for:
            told = self._ledger.notices(self._account, _MOST_NOTICES, open_only=True, prefix=notice.name)
            of_that_name = [each.said for each in told if each.said.name == notice.name]
            if any(said.detail.get(anew_for) != notice.detail.get(anew_for) for said in of_that_name):
                self._ledger.settle_notices(self._account, [notice.name])
        if self._ledger.tell(notice, channel_names(self._settings, notice.kind)):
            cause = notice.detail.get("cause")
            if isinstance(cause, str):
                self.refusals[cause if cause in CAUSES else OTHER] += 1
            facts = {"cause": cause} if cause else {}
            self.event("notice", notice=notice.name, kind=notice.kind.value, text=notice.text, **facts)
