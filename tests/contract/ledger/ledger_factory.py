"""What every ledger test starts from: a ledger of some database, and a run of a few messages in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mmsflow.audience.model import SetAside
from mmsflow.clock import ManualClock
from mmsflow.ledger.model import NewRun, Outcome, PollResult, RunInfo, WaveRecord
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.message.model import PlannedMessage, StaticPart, TextPart
from mmsflow.mms.status import Bucket, MessageState

URLS: dict[str, Callable[[Path], str]] = {"sqlite": lambda folder: f"sqlite:///{folder / '.mmsflow' / 'ledger.db'}"}
"""A fresh ledger of each kind of database."""

START = datetime(2026, 12, 1, 8, 0, 0, 123456, tzinfo=UTC)
PERIOD = "2026-12-22"
ACCOUNT = "https://gateway.example client-1"
LAYOUT = (StaticPart("image/jpeg", "winter.jpg", "a" * 64, 1000), TextPart("winter.txt"))

NEW_RUN = NewRun(
    run="winter-sale-20261201-1",
    campaign="winter-sale",
    account=ACCOUNT,
    occurrence="winter-sale-20261201-1",
    test=False,
    campaign_file="campaigns/winter-sale.yaml",
    campaign_sha256="c" * 64,
    plan_sha256="d" * 64,
    git_commit="e" * 40,
    git_clean=True,
    sender="ACME",
    priority="Normal",
    delivery_report=True,
    config={"rate": 20.0, "poll": {"until_seconds": 259200}},
    created_at=START,
    rows=0,
    waves=(WaveRecord(1, START, 2), WaveRecord(2, None, 2)),
)


@dataclass
class Ledgers:
    """Opens the ledger under test, any number of times, and closes what is left open."""

    url: str
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    _opened: list[LedgerReader] = field(default_factory=list)

    def write(self, command: str = "mmsflow run") -> Ledger:
        ledger = Ledger.open(self.url, command=command, clock=self.clock)
        self._opened.append(ledger)
        return ledger

    def read(self) -> LedgerReader:
        reader = LedgerReader.open(self.url)
        self._opened.append(reader)
        return reader

    def close(self) -> None:
        for ledger in self._opened:
            ledger.close()


def planned(ordinal: int, msisdn: str = "") -> PlannedMessage:
    """The message of row ``ordinal``; row 1 has ``+48501102001``."""
    return PlannedMessage(
        ordinal=ordinal,
        source="lists/loyalty.csv",
        row=ordinal + 1,
        msisdn=msisdn or f"+48501102{ordinal:03d}",
        subject=f"Zażółć {ordinal}",
        layout=LAYOUT,
        texts=(f'Kupon "{ordinal}"\nważny do niedzieli',),
        variant="a",
    )


def aside(ordinal: int, bucket: Bucket, number: str = "12 345 67 89", code: str = "landline") -> SetAside:
    """The row ``ordinal``, which gets no message."""
    return SetAside(ordinal, "lists/loyalty.csv", ordinal + 1, number, bucket, code, f"reason of row {ordinal}")


def freeze(
    ledger: Ledger, messages: int = 4, *, set_aside: Iterable[SetAside] = (), run: str = "", **changes: object
) -> RunInfo:
    """Freeze a run of so many messages, two a wave, whose rows come before those that are set aside."""
    rest = list(set_aside)
    new = replace(NEW_RUN, rows=messages + len(rest))
    if run:
        new = replace(new, run=run, occurrence=run)
    new = replace(new, **changes)  # type: ignore[arg-type]
    return ledger.freeze_run(new, ((planned(n), (n + 1) // 2) for n in range(1, messages + 1)), rest)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def begin(ledger: Ledger, run: RunInfo, count: int = 100) -> list[int]:
    """Commit the intents of the first ``count`` ready messages; their ids."""
    ready = ledger.ready(run.key, now=START, after=0, limit=count)
    ids = [message.id for message in ready]
    return ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=START, period=PERIOD)


def settle(ledger: Ledger, run: RunInfo, *outcomes: Outcome) -> None:
    ledger.commit(run.key, run.fence, outcomes=outcomes, intents=[], now=START, period=PERIOD)


def accepted(message: int, attempt: int = 1, poll_after: float = 10) -> Outcome:
    return Outcome(
        message,
        attempt,
        MessageState.ACCEPTED,
        after(1),
        gateway_id=f"gw-{message}",
        next_poll_at=after(poll_after),
        detail={"http_status": 200},
    )


def ended(message: int, state: MessageState, attempt: int = 1, reason: str = "why") -> Outcome:
    return Outcome(message, attempt, state, after(1), reason=reason, detail={"http_status": 500})


def answered(message: int, state: MessageState | None, status: str, *, at: float = 20) -> PollResult:
    return PollResult(
        message, after(at), state, status, next_poll_at=None if state else after(at + 20), detail={"body": status}
    )
