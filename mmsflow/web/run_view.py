"""One run as its page shows it; every read is bounded, whatever the run's size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from mmsflow.ledger.aside import ASIDE_BUCKETS
from mmsflow.ledger.model import Event, PausedBy, RunInfo, RunState, WaveRecord
from mmsflow.ledger.pages import ProblemRow
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import Bucket
from mmsflow.report.chart import CurvePicture, Segment, bar
from mmsflow.report.moments import zone_of
from mmsflow.web.reports import present
from mmsflow.web.site import Site
from mmsflow.web.standing import PROBLEMS, SHOWN_ORDER, Counts, counts_of, level_of, state_key, why
from mmsflow.workflow.history import find_run

ROWS = 50
_ALL: tuple[Bucket, ...] = (*SHOWN_ORDER, *(bucket for bucket in Bucket if bucket not in SHOWN_ORDER))
_MOST_WAVES = 40
_MOST_EVENTS = 30
_GO_ON_BY_THEMSELVES = frozenset({PausedBy.QUOTA, PausedBy.WINDOW, PausedBy.GATEWAY, PausedBy.CANARY, PausedBy.STOPPED})
_LONGEST_FORECAST = timedelta(days=366)
PARTS = {
    "state": "run_state.html.j2",
    "actions": "run_actions.html.j2",
    "counts": "run_counts.html.j2",
    "waves": "run_waves.html.j2",
    "curve": "run_curve.html.j2",
    "people": "run_problems.html.j2",
    "reports": "run_reports.html.j2",
    "history": "run_history.html.j2",
}
"""The parts of the page that follow what happens: element's id, template."""


@dataclass(frozen=True, slots=True)
class WaveLine:
    """A wave as planned, and how far it has come.

    Attributes:
        done: messages that were begun.
        not_sent: messages that are never sent.
        state: ``planned``, ``started``, ``done``, or ``ended`` where nothing is left and some were not sent.
    """

    number: int
    starts_at: datetime | None
    size: int
    done: int
    not_sent: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """Everything that the page shows of a run.

    Attributes:
        live: somebody carries it out right now.
        per_second: messages begun a second of late; None while it is not known, or nothing is to be sent.
        forecast: when the last message would be begun at that rate, or the last wave's planned start.
        only, after, next_after: which problems are shown, after which message, and where the next page begins.
    """

    run: RunInfo
    zone: tzinfo
    counts: Counts
    live: bool
    state_key: str
    level: str
    why: str
    waiting: int
    per_second: float | None
    forecast: datetime | None
    waves: Sequence[WaveLine]
    more_waves: int
    curve: CurvePicture | None
    events: Sequence[Event]
    reports: Sequence[str]
    problems: Sequence[ProblemRow]
    only: str
    after: int
    next_after: int

    @property
    def buckets(self) -> Mapping[str, int]:
        """Rows by bucket's name, in the order of the page."""
        return {bucket.value: self.counts.buckets[bucket] for bucket in _ALL}

    @property
    def bar(self) -> tuple[Segment, ...]:
        return bar(self.counts.buckets, _ALL)

    @property
    def messages(self) -> int:
        return self.counts.messages

    @property
    def begun(self) -> int:
        return self.counts.begun

    @property
    def not_sent(self) -> int:
        """Messages that are never sent."""
        return self.counts.buckets[Bucket.NOT_SENT]

    @property
    def maybe(self) -> int:
        return self.counts.buckets[Bucket.MAYBE_SENT]

    @property
    def aside(self) -> int:
        """Rows that get no message."""
        return sum(self.counts.buckets[bucket] for bucket in ASIDE_BUCKETS)

    @property
    def can_cancel(self) -> bool:
        return bool(self.counts.unsent)

    @property
    def can_pause(self) -> bool:
        return self.can_cancel and self.run.paused_by is not PausedBy.USER

    @property
    def can_resume(self) -> bool:
        """Whether a person's word makes it go on: nobody carries it out, or it does not go on by itself."""
        waits = self.run.state is not RunState.PAUSED or self.run.paused_by in _GO_ON_BY_THEMSELVES
        return self.can_cancel and not (self.live and waits)

    @property
    def rows(self) -> int:
        return sum(self.buckets.values())

    @property
    def kinds(self) -> Sequence[str]:
        return [bucket.value for bucket in PROBLEMS]

    @property
    def rate_text(self) -> str:
        return f"{self.per_second:.1f}" if self.per_second is not None else ""


def run_view(site: Site, name: str, *, only: str = "", after: int = 0) -> RunView:
    """Read it all, through one connection; for a worker thread.

    Args:
        only: a bucket's name, to show its problems alone; any other text shows them all.
        after: the id of the last problem seen.

    Raises:
        UsageError: there is no such run.
    """
    board, now = site.board, site.board.clock.now()
    chosen = [bucket for bucket in PROBLEMS if bucket.value == only]
    with board.reading() as ledger:
        run = find_run(ledger, name)
        zone = zone_of(run.config)
        counts = counts_of(ledger.bucket_counts(run.key))
        waves = ledger.waves(run.key)
        progress, dropped = ledger.wave_progress(run.key), ledger.waves_not_sent(run.key)
        found = ledger.rows_page(run.key, chosen or PROBLEMS, after, ROWS + 1)
        events = ledger.run_events(run.key)
        waiting = _waiting(ledger, run)
        curve = site.curves.of(ledger, run, zone, now)
    snapshot = board.snapshot(run.run)
    live = snapshot is not None
    site.pace.note(run.key, now, counts.begun)
    per_second = site.pace.per_second(run.key) if counts.unsent else None
    paused = run.state is RunState.PAUSED
    return RunView(
        run=run,
        zone=zone,
        counts=counts,
        live=live,
        state_key=state_key(run, counts, live=live),
        level=level_of(run, counts, live=live),
        why=why(run, snapshot),
        waiting=waiting,
        per_second=per_second,
        forecast=_forecast(now, counts.unsent, per_second, waves, paused=paused),
        waves=[_wave(wave, progress.get(wave.number, 0), dropped.get(wave.number, 0)) for wave in waves[:_MOST_WAVES]],
        more_waves=max(0, len(waves) - _MOST_WAVES),
        curve=curve,
        events=events[: -_MOST_EVENTS - 1 : -1],
        reports=present(board.settings.workspace, run),
        problems=found[:ROWS],
        only=only if chosen else "",
        after=after,
        next_after=found[ROWS - 1].id if len(found) > ROWS else 0,
    )


def _waiting(ledger: LedgerReader, run: RunInfo) -> int:
    return ledger.outstanding(run.key) if run.delivery_report else 0


def _wave(wave: WaveRecord, done: int, not_sent: int) -> WaveLine:
    return WaveLine(wave.number, wave.starts_at, wave.size, done, not_sent, _wave_state(wave, done, not_sent))


def _wave_state(wave: WaveRecord, done: int, not_sent: int) -> str:
    if done + not_sent < wave.size:
        return "started" if done else "planned"
    return "ended" if not_sent else "done"


def _forecast(
    now: datetime, unsent: int, per_second: float | None, waves: Sequence[WaveRecord], *, paused: bool
) -> datetime | None:
    if not unsent or paused:
        return None
    last = waves[-1].starts_at if waves else None
    if not per_second:
        return last if last and last > now else None
    left = timedelta(seconds=min(unsent / per_second, _LONGEST_FORECAST.total_seconds()))
    return max(now + left, last) if last else now + left
