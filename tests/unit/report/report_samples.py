"""Rows, runs and a stand-in for the ledger's read side, for the tests of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from mmsflow.errors import LedgerError
from mmsflow.ledger.model import (
    Blob,
    FrozenInput,
    PausedBy,
    QuotaReading,
    ReportRow,
    RunInfo,
    RunState,
    WaveRecord,
)
from mmsflow.ledger.operation import Approval
from mmsflow.message.model import Layout
from mmsflow.mms.status import Bucket

if TYPE_CHECKING:
    from mmsflow.ledger.history import LedgerReader

START = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)

RUN = RunInfo(
    key=1,
    run="winter-sale-20261201-1",
    campaign="winter-sale",
    account="https://gateway.example client-7",
    occurrence="winter-sale-20261201-1",
    test=False,
    campaign_file="campaigns/winter-sale.yaml",
    campaign_sha256="ab" * 32,
    plan_sha256="cd" * 32,
    git_commit="ef" * 20,
    git_clean=True,
    sender="ACME",
    priority="Normal",
    delivery_report=True,
    config={"timezone": "Europe/Warsaw"},
    created_at=START,
    rows=1,
    state=RunState.DONE,
    paused_by=PausedBy.NOBODY,
    reason="",
    fence=1,
    updated_at=START,
    resumes_at=None,
)

_DELIVERED = ReportRow(
    ordinal=1,
    row=2,
    source="lists/loyalty.csv",
    number="+48501102030",
    variant="",
    bucket=Bucket.DELIVERED,
    status="Retrieved",
    reason="",
    code="",
    gateway_id="a1",
    wave=1,
    attempts=1,
    planned_at=START,
    sent_at=START,
    final_at=START + timedelta(minutes=3),
    subject="Ola, kod 7",
)


def a_row(ordinal: int = 1, bucket: Bucket = Bucket.DELIVERED, **changes: Any) -> ReportRow:
    """A row of a list whose other fields fit its bucket; ``changes`` has the last word."""
    row = replace(_DELIVERED, ordinal=ordinal, row=ordinal + 1, bucket=bucket)
    if bucket.is_set_aside:
        row = replace(row, status=bucket, gateway_id="", wave=0, attempts=0, planned_at=None, sent_at=None, subject="")
    if bucket is not Bucket.DELIVERED:
        row = replace(row, final_at=None)
    if bucket in (Bucket.PENDING, Bucket.NOT_SENT):
        row = replace(row, status=bucket, gateway_id="", attempts=0, sent_at=None)
    return replace(row, **changes)


def many_rows(count: int) -> Iterator[ReportRow]:
    """Rows of a large list, made one by one; every tenth is a duplicate with its own reason."""
    for n in range(1, count + 1):
        number, source = f"+48501{n % 1_000_000:06}", "lists/loyalty.csv"
        if n % 10 == 0:
            why = f"same number as {source} row {n - 5}"
            nothing = ("", 0, 0, None, None, None, "")
            yield ReportRow(n, n + 1, source, number, "", Bucket.DUPLICATE, "duplicate", why, "duplicate", *nothing)
        else:
            sent_at = START + timedelta(milliseconds=n * 7)
            final_at = sent_at + timedelta(seconds=n % 977, microseconds=n)
            sent = (f"a{n}", 1, 1, START, sent_at, final_at, f"kod {n}")
            yield ReportRow(n, n + 1, source, number, "", Bucket.DELIVERED, "Retrieved", "", "", *sent)


class LedgerOfRows:
    """Answers what a report asks of the ledger."""

    def __init__(
        self,
        rows: Iterable[ReportRow],
        *,
        waves: Iterable[WaveRecord] = (),
        inputs: Iterable[FrozenInput] = (),
        blobs: Mapping[str, bytes] | None = None,
        quota: Iterable[QuotaReading] = (),
        layouts: Iterable[Layout] = (),
        drawn: str = "",
        approval: Approval | None = None,
        by_hand: str = "",
    ) -> None:
        self.by_hand = by_hand
        self._rows = rows
        self._waves = list(waves)
        self._inputs = list(inputs)
        self._blobs = blobs or {}
        self._quota = list(quota)
        self._layouts = list(layouts)
        self._drawn = drawn
        self._approval = approval

    def as_reader(self) -> LedgerReader:
        return cast("LedgerReader", self)

    def report_rows(self, key: int) -> Iterator[ReportRow]:
        return iter(self._rows)

    def waves(self, key: int) -> list[WaveRecord]:
        return self._waves

    def inputs(self, key: int) -> list[FrozenInput]:
        return self._inputs

    def layouts(self, key: int) -> list[Layout]:
        return self._layouts

    def drawn_example(self, key: int) -> str:
        return self._drawn

    def blob(self, sha256: str) -> Blob:
        if sha256 not in self._blobs:
            raise LedgerError(f"no content {sha256}")
        return Blob(sha256, "application/octet-stream", self._blobs[sha256])

    def quota_readings(self, account: str, limit: int = 100) -> list[QuotaReading]:
        return self._quota[:limit]

    def begun_by(self, key: int) -> str:
        return self.by_hand

    def approval_for(self, key: int) -> Approval | None:
        return self._approval
