"""A workspace with a campaign, and a run of it frozen into a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.clock import ManualClock
from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.model import Outcome, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState
from mmsflow.plan.model import Plan
from mmsflow.plan.quota import ResetRules
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import Prepared, prepare
from mmsflow.workflow.run import freeze

START = datetime(2026, 12, 1, 8, tzinfo=UTC)
ACCOUNT = "simulator"
CAMPAIGN = """\
version: 1
campaign: winter-sale
purpose: transactional
sender: ACME
recipients:
  - csv: lists/a.csv
message:
  subject: "{{ name }}, hello"
  attachments:
    - text: templates/hello.txt.j2
    - file: media/note.txt
"""
LIST = "number,name,city\n+48501000101,Ola,Radom\n+48601000102,Jan,\n+48601000102,Jan,\n12,Ewa,Ełk\n"


@dataclass
class CampaignDesk:
    """A workspace, its ledger, and shortcuts for what commands do."""

    workspace: Path
    ledger: Ledger
    clock: ManualClock

    @classmethod
    @contextmanager
    def made(cls, folder: Path) -> Iterator[CampaignDesk]:
        """Make one in a new folder, with one small campaign; its ledger is closed at the end."""
        folder.mkdir(parents=True, exist_ok=True)
        clock = ManualClock(START)
        with Ledger.open(f"sqlite:///{folder / 'ledger.db'}", clock=clock) as ledger:
            desk = cls(folder / "work", ledger, clock)
            desk.write("mmsflow.toml", "")
            desk.write("campaigns/a.yaml", CAMPAIGN)
            desk.write("lists/a.csv", LIST)
            desk.write("templates/hello.txt.j2", "Dear {{ name }}{% include 'templates/end.txt' %}")
            desk.write("templates/end.txt", ", bye")
            desk.write("media/note.txt", "note")
            yield desk

    def write(self, name: str, text: str) -> Path:
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def campaign(self) -> Path:
        return self.workspace / "campaigns" / "a.yaml"

    def prepare(self, already_sent: frozenset[str] = frozenset()) -> Prepared:
        return prepare(self.campaign, self.workspace, already_sent=already_sent)

    def plan(self, prepared: Prepared, available: int = 100) -> Plan:
        reply = QuotaReply(0, available, START.date(), "")
        resets = ResetRules(time(0), ZoneInfo("Europe/Warsaw"))
        return plan_campaign(prepared, reply, self.ledger, account=ACCOUNT, resets=resets, now=self.clock.now())

    def start(self, *, test: bool = False) -> RunInfo:
        prepared = self.prepare()
        with prepared.draft:
            plan = self.plan(prepared)
            return freeze(prepared, plan, self.ledger, workspace=self.workspace, now=self.clock.now(), test=test)

    def settle(self, run: RunInfo, *states: MessageState, poll: bool = False, killed: bool = False) -> RunInfo:
        """Send the first messages of a run, with these outcomes; ``killed`` before the run's end is written down."""
        run = self.ledger.take_run(run.key)
        ready = self.ledger.ready(run.key, now=self.clock.now(), after=0, limit=len(states))
        now = self.clock.now()
        ids = [message.id for message in ready]
        self.ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=now, period="")
        outcomes = [
            Outcome(
                each.id, each.attempt + 1, state, now, gateway_id=f"g-{each.id}", next_poll_at=now if poll else None
            )
            for each, state in zip(ready, states, strict=True)
        ]
        self.ledger.commit(run.key, run.fence, outcomes=outcomes, intents=[], now=now, period="")
        counts = self.ledger.state_counts(run.key)
        if not killed and not counts[MessageState.READY]:
            self.ledger.set_state(run.key, self.ledger.ended_state(run.key))
        return run
