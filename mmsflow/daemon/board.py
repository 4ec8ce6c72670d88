"""The daemon as its front ends see it: what goes on, and what people may do about it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from mmsflow.clock import Clock
from mmsflow.daemon.model import CampaignCard, PlanView
from mmsflow.delivery.progress import Snapshot
from mmsflow.ledger.requests import Answer, Request, Trial
from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import Settings


class Board(Protocol):
    """What a front end may ask of the daemon.

    Plain methods may be called from any thread and return at once; coroutines belong to the daemon's event loop.

    Attributes:
        settings, clock: in force.
        started_at: when the daemon began, aware, UTC.
        beat: when its loop turned last, in the clock's monotonic seconds; 0 before the first turn.
        refusals: how often people or the log were told of each cause since it began.
    """

    settings: Settings
    clock: Clock
    started_at: datetime
    beat: float

    @property
    def refusals(self) -> Mapping[str, int]: ...

    def reading(self) -> AbstractContextManager[LedgerReader]:
        """The ledger for reading, a connection of its own; for one thread."""
        ...

    def cards(self) -> tuple[CampaignCard, ...]:
        """Every campaign file, by path."""
        ...

    def snapshot(self, run: str) -> Snapshot | None:
        """Where a run is that is carried out right now; None for others."""
        ...

    @property
    def healthy(self) -> bool:
        """Whether the daemon's own loop has turned lately and the ledger can be written."""
        ...

    @property
    def version(self) -> int:
        """Grows with everything that changes: files, runs, counts, notices."""
        ...

    async def changed(self, since: int, seconds: float) -> int:
        """Wait until ``version`` is above ``since``, or for so many seconds; the version then."""
        ...

    async def ask(self, request: Request) -> Answer:
        """Pause, resume, cancel a run, or settle its "maybe sent" messages; what cannot be done is said, not raised."""
        ...

    async def seen(self, notice: str) -> Answer:
        """A person has seen a notice, by its name, that nothing else settles: that of a skipped time."""
        ...

    async def plan(self, file: str) -> PlanView:
        """Plan a campaign as it is now; a plan that is still true is not made again.

        Raises:
            UsageError: the daemon knows no such file.
            InvalidInput: the campaign or what it names is wrong.
            GatewayRefused, GatewayUnavailable: the quota cannot be asked.
            PlanRefused: it cannot be carried out as it is.
        """
        ...

    async def approve(self, file: str, digest: str, who: str) -> Answer:
        """Say yes to the plan with that digest; refused where the plan of the files as they are now is another one."""
        ...

    async def begin(self, file: str, digest: str, who: str) -> Answer:
        """Begin a run by hand, of exactly the plan with that digest."""
        ...

    async def answer_account(self, file: str, said: str, asked: str, who: str) -> Answer:
        """Keep what a person says about a campaign's accounts: ``same``, ``separate`` or ``rotated``.

        Args:
            asked: digest of the question that they saw; another one by now is not answered.
        """
        ...

    async def send_test(self, trial: Trial) -> Answer:
        """Send one of a campaign's messages to test handsets, as a run of its own, which the answer names."""
        ...

    async def stop_all(self, who: str, why: str) -> Answer:
        """Stop all sending, and wait some seconds until what is on the wire has come in."""
        ...

    async def start_all(self, who: str) -> Answer:
        """Let sending go on after ``stop_all``, whoever stopped it."""
        ...

    async def preview(self, file: str) -> str:
        """The campaign's preview page, one self-contained HTML document, numbers masked.

        Raises:
            UsageError, InvalidInput: as for ``plan``.
        """
        ...
