"""Figures for Prometheus, read from the board and the ledger when they are asked for; no personal data in them.

Labels are campaigns, states and buckets: what is live, not every run there ever was.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from mmsflow import __version__
from mmsflow.daemon.board import Board
from mmsflow.daemon.health import REASONS, Health
from mmsflow.daemon.model import CampaignCard, CardState
from mmsflow.errors import LedgerError
from mmsflow.ledger.operation import NoticeKind
from mmsflow.ledger.stop_file import StopFile
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import BUCKET_OF_STATE, Bucket
from mmsflow.plan.quota import learn_period, next_reset
from mmsflow.wiring import ledger_file, reset_rules

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MOST_NOTICES = 1000
_WAITING = (NoticeKind.NEEDS_PERSON, NoticeKind.PAUSED)
_BUCKETS = tuple(bucket for bucket in Bucket if bucket in set(BUCKET_OF_STATE.values()))

METRICS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "mmsflow_build_info": ("1, for the version in the labels", ("version", "python")),
    "mmsflow_healthy": ("1 when the daemon is well, 0 when not", ()),
    "mmsflow_unhealthy": ("1 for each reason why it is not well", ("reason",)),
    "mmsflow_started_timestamp_seconds": ("when the daemon began", ()),
    "mmsflow_beat_age_seconds": ("seconds since the daemon's own loop turned last", ()),
    "mmsflow_campaigns": ("campaign files by how they stand", ("state",)),
    "mmsflow_next_due_timestamp_seconds": ("the next scheduled time of a campaign", ("campaign",)),
    "mmsflow_runs": ("runs of the account in the ledger by state, tests left out", ("state",)),
    "mmsflow_messages": ("messages of the runs that are carried out now", ("campaign", "bucket")),
    "mmsflow_quota_used": ("requests used in this period, as the gateway said last", ()),
    "mmsflow_quota_available": ("requests left in this period, as the gateway said last", ()),
    "mmsflow_quota_read_timestamp_seconds": ("when the gateway said so", ()),
    "mmsflow_quota_reset_timestamp_seconds": ("when the counter resets, where that is known", ()),
    "mmsflow_all_stopped": ("1 while a person has stopped all sending, 0 when not", ()),
    "mmsflow_notices_open": ("notices that wait for somebody", ("kind",)),
    "mmsflow_refusals_total": ("how often people or the log were told of each cause", ("cause",)),
    "mmsflow_ledger_readable": ("1 when the ledger could be read for these figures", ()),
}
"""Every metric of our own with its meaning and its labels; gauges, and counters where the name ends in ``_total``."""

_FAMILIES = (GaugeMetricFamily, CounterMetricFamily)
_Samples = Iterator[tuple[str, tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Pulse:
    """What only the daemon's event loop can tell: how it is, and the seconds since its loop turned last."""

    health: Health
    silent_seconds: float


def exposition(board: Board, pulse: Pulse) -> bytes:
    """All figures as text, in the type of ``CONTENT_TYPE``. For any thread."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Figures(board, pulse))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, board: Board, pulse: Pulse) -> None:
        self._board, self._pulse = board, pulse

    def collect(self) -> Iterable[Metric]:
        """Every metric, also those without a sample."""
        families = {
            name: _FAMILIES[name.endswith("_total")](name, meaning, labels=labels)
            for name, (meaning, labels) in METRICS.items()
        }
        for name, labels, value in self._samples():
            families[name].add_metric(labels, value)
        return families.values()

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the ledger."""
        return ()

    def _samples(self) -> _Samples:
        yield "mmsflow_build_info", (__version__, platform.python_version()), 1
        yield from _of_the_daemon(self._board, self._pulse)
        cards = self._board.cards()
        yield from _of_campaigns(cards)
        yield from _of_messages(self._board, cards)
        try:
            with self._board.reading() as ledger:
                yield from list(_of_the_ledger(self._board, ledger))
            readable = 1
        except LedgerError:
            readable = 0
        yield "mmsflow_ledger_readable", (), readable


def _of_the_daemon(board: Board, pulse: Pulse) -> _Samples:
    yield "mmsflow_healthy", (), pulse.health.well
    for reason in REASONS:
        yield "mmsflow_unhealthy", (reason,), reason in pulse.health.reasons
    yield "mmsflow_started_timestamp_seconds", (), board.started_at.timestamp()
    yield "mmsflow_beat_age_seconds", (), pulse.silent_seconds
    yield "mmsflow_all_stopped", (), StopFile(ledger_file(board.settings)).exists()
    for cause, number in board.refusals.items():
        yield "mmsflow_refusals_total", (cause,), number


def _of_campaigns(cards: Iterable[CampaignCard]) -> _Samples:
    states = Counter(card.state for card in cards)
    for state in CardState:
        yield "mmsflow_campaigns", (state.value,), states[state]
    due = {card.campaign: card.next_due for card in cards if card.campaign and card.next_due}
    for campaign, at in due.items():
        yield "mmsflow_next_due_timestamp_seconds", (campaign,), at.timestamp()


def _of_messages(board: Board, cards: Iterable[CampaignCard]) -> _Samples:
    counts: dict[str, Counter[Bucket]] = {}
    for card in cards:
        for run in card.runs:
            if (snapshot := board.snapshot(run)) is not None:
                counts.setdefault(card.campaign, Counter()).update(snapshot.buckets)
    for campaign, buckets in counts.items():
        for bucket in _BUCKETS:
            yield "mmsflow_messages", (campaign, bucket.value), buckets[bucket]


def _of_the_ledger(board: Board, ledger: LedgerReader) -> _Samples:
    account = board.settings.account
    for state, number in ledger.run_counts(account).items():
        yield "mmsflow_runs", (state.value,), number
    kinds = Counter(
        notice.said.kind for notice in ledger.notices(account, _MOST_NOTICES, open_only=True, kinds=_WAITING)
    )
    for kind in _WAITING:
        yield "mmsflow_notices_open", (kind.value,), kinds[kind]
    readings = ledger.quota_readings(account)
    if not readings:
        return
    last = readings[0]
    yield "mmsflow_quota_used", (), last.used
    yield "mmsflow_quota_available", (), last.available
    yield "mmsflow_quota_read_timestamp_seconds", (), last.at.timestamp()
    period = learn_period(reading.reset_on for reading in readings if reading.reset_on)
    reset: datetime | None = next_reset(last.reset_on, board.clock.now(), reset_rules(board.settings), period)
    if reset is not None:
        yield "mmsflow_quota_reset_timestamp_seconds", (), reset.timestamp()
