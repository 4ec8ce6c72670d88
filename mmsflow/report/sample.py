"""A small made-up run, on which an own look is tried: it has something for every section of the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mmsflow.ledger.model import FrozenInput, PausedBy, ReportRow, RunInfo, RunState, WaveRecord
from mmsflow.mms.status import Bucket
from mmsflow.report.exhibits import Exhibits, Picture, QuotaFact, TextTemplate
from mmsflow.report.model import Summary
from mmsflow.report.moments import Moments
from mmsflow.report.summary import Summariser

START = datetime(2026, 12, 1, 8, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Warsaw")

_SHA256 = "0" * 64
_CITIES = ("Gdynia", "Kraków", "Łódź", "")

SAMPLE_RUN = RunInfo(
    key=1,
    run="sample-20261201-1",
    campaign="sample",
    account="https://gateway.example sample",
    occurrence="sample-20261201-1",
    test=False,
    campaign_file="campaigns/sample.yaml",
    campaign_sha256=_SHA256,
    plan_sha256=_SHA256,
    git_commit="0" * 40,
    git_clean=True,
    sender="ACME",
    priority="Normal",
    delivery_report=True,
    config={"timezone": "Europe/Warsaw", "segments": ["city"], "consent": []},
    created_at=START,
    rows=880,
    state=RunState.PAUSED,
    paused_by=PausedBy.QUOTA,
    reason="the quota is used up",
    fence=1,
    updated_at=START,
    resumes_at=START + timedelta(days=1),
)

SAMPLE_EXHIBITS = Exhibits(
    pictures=(Picture("media/winter.jpg", 91_000, "", "too large to be shown here"),),
    texts=(TextTemplate("templates/winter.txt.j2", "Dzień dobry, {{ name }}!"),),
    quota=QuotaFact(START, 800, 200, date(2026, 12, 22)),
    inputs=(FrozenInput("list", "lists/sample.csv", _SHA256, 4_096),),
)


def sample_summary() -> Summary:
    """Of a run in which everything happened."""
    summariser = Summariser(
        SAMPLE_RUN.rows, (WaveRecord(1, START, 800), WaveRecord(2, None, 8)), Moments(ZONE), ("city",)
    )
    summariser.add(list(sample_rows()))
    return summariser.summary()


def empty_summary() -> Summary:
    """Of a run without a single row."""
    return Summariser(0, (), Moments(ZONE)).summary()


def sample_rows() -> Iterator[ReportRow]:
    """Eighty rows of each bucket, in two variants, over three hours."""
    ordinal = 0
    for place in range(80):
        for bucket in Bucket:
            ordinal += 1
            yield _row(ordinal, place, bucket)


def _row(ordinal: int, place: int, bucket: Bucket) -> ReportRow:
    aside = bucket.is_set_aside
    unsent = bucket.is_unsent
    sent_at = None if unsent else START + timedelta(minutes=2 * place)
    failed = bucket is Bucket.FAILED
    return ReportRow(
        ordinal=ordinal,
        row=ordinal + 1,
        source=f"lists/sample-{1 + place % 2}.csv",
        number=f"+48501{ordinal:06}",
        variant="" if aside else "ab"[place % 2],
        bucket=bucket,
        status="Address Error" if failed else bucket.value,
        reason="the network refused the number" if failed else "",
        code={Bucket.EXCLUDED: "opt_out", Bucket.DUPLICATE: "duplicate", Bucket.INVALID: "landline"}.get(bucket, ""),
        gateway_id="" if unsent else f"sample-{ordinal}",
        wave=0 if aside else 1,
        attempts=0 if unsent else 1,
        planned_at=None if aside else START,
        sent_at=sent_at,
        final_at=sent_at + timedelta(seconds=2 ** (place % 14)) if sent_at and bucket is Bucket.DELIVERED else None,
        subject="" if aside else "Kod 7",
        segments=(_CITIES[place % len(_CITIES)],),
    )
