"""A board over a real ledger that a test fills, with the daemon's heart in the test's hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mmsflow.clock import ManualClock
from mmsflow.daemon.model import CampaignCard, CardState
from mmsflow.delivery.progress import Snapshot
from mmsflow.ledger.model import NewRun, Outcome, RunInfo
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.message.model import PlannedMessage
from mmsflow.mms.status import MessageState
from mmsflow.settings import Settings
from mmsflow.wiring import reading_ledger

START = datetime(2026, 12, 1, 8, tzinfo=UTC)
ACCOUNT = "simulator"
NUMBERS = ("+48501102101", "+48501102102", "+48501102103")


@dataclass
class OperatingBoard:
    """What the front ends ask of a daemon, as far as its figures and its health are concerned."""

    settings: Settings
    clock: Any  # a ManualClock; the board's own type is wider
    ledger: Ledger
    started_at: datetime = START
    beat: float = 0.0
    healthy: bool = True
    version: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    campaigns: tuple[CampaignCard, ...] = ()
    snapshots: dict[str, Snapshot] = field(default_factory=dict)

    def reading(self) -> AbstractContextManager[LedgerReader]:
        return reading_ledger(self.settings)

    def cards(self) -> tuple[CampaignCard, ...]:
        return self.campaigns

    def snapshot(self, run: str) -> Snapshot | None:
        return self.snapshots.get(run)

    async def changed(self, since: int, seconds: float) -> int:
        raise NotImplementedError

    ask: Any = None
    seen: Any = None
    plan: Any = None
    approve: Any = None
    begin: Any = None
    send_test: Any = None
    answer_account: Any = None
    stop_all: Any = None
    start_all: Any = None
    preview: Any = None

    def run_on_the_wire(self, name: str = "winter-sale-20261201-1") -> tuple[RunInfo, list[int]]:
        """A run with three messages, all of them on the wire."""
        new = NewRun(
            run=name,
            campaign="winter-sale",
            account=ACCOUNT,
            occurrence=name,
            test=False,
            campaign_file="campaigns/winter-sale.yaml",
            campaign_sha256="a" * 64,
            plan_sha256="b" * 64,
            git_commit="",
            git_clean=False,
            sender="ACME",
            priority="Normal",
            delivery_report=True,
            config={},
            created_at=START,
            rows=len(NUMBERS),
        )
        planned = [(PlannedMessage(n, "lists/a.csv", n, number, "Hello", ()), 1) for n, number in enumerate(NUMBERS, 1)]
        frozen = self.ledger.freeze_run(new, planned, [])
        run = self.ledger.take_run(frozen.key)
        ready = self.ledger.ready(run.key, now=START, after=0, limit=10)
        ids = [message.id for message in ready]
        self.ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=START, period="unknown")
        return run, ids

    def settle(self, run: RunInfo, number: int, state: MessageState, reason: str = "") -> None:
        """What became of one of its messages, a second later."""
        outcome = Outcome(number, 1, state, START + timedelta(seconds=1), reason=reason)
        self.ledger.commit(run.key, run.fence, outcomes=[outcome], intents=[], now=START, period="unknown")


@contextmanager
def board_in(folder: Path) -> Iterator[OperatingBoard]:
    """A board over an empty ledger in that folder."""
    settings = Settings(workspace=folder, gateway="simulator")
    clock = ManualClock(START)
    with Ledger.open(settings.ledger_url, clock=clock) as ledger:
        yield OperatingBoard(settings, clock, ledger)


def a_card(campaign: str, *runs: str, next_due: datetime | None = None) -> CampaignCard:
    """A campaign that is carried out."""
    return CampaignCard(
        file=f"campaigns/{campaign}.yaml",
        campaign=campaign,
        description="",
        state=CardState.RUNNING if runs else CardState.SCHEDULED,
        errors=(),
        version_at=START,
        sha256="a" * 64,
        recurring=True,
        approval_required=False,
        zone="Europe/Warsaw",
        next_due=next_due,
        due=None,
        digest="",
        reason="",
        runs=runs,
    )
