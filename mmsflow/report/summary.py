"""One pass over a run's rows becomes a Summary. Pure: rows come in, nothing is read or written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter, lt

from mmsflow.ledger.model import ReportRow, WaveRecord
from mmsflow.mms.status import PROBLEM_BUCKETS, SET_ASIDE_BUCKETS, Bucket
from mmsflow.report.breakdowns import HourCounter, PartCounts, SegmentCounter, latency_of
from mmsflow.report.model import (
    OTHER,
    CurvePoint,
    PrefixCount,
    Problem,
    ReasonCount,
    Summary,
    WaveCount,
)
from mmsflow.report.moments import Moments
from mmsflow.report.timeline import Spans, Timeline, bin_edges

LISTED_PROBLEMS = 50
_LISTED_REASONS = 12
_LISTED_PREFIXES = 12
_LABEL_LENGTH = 60

# A run with more distinct reasons than this has them made by machine; the rest are counted together.
_DISTINCT_REASONS = 2_000

# "+48" and three digits: the block of numbers that an operator was given.
_PREFIX_LENGTH = 6

# One grouping for everything that is counted over all rows: a chunk has few distinct groups, so each row costs little.
_GROUP = attrgetter("bucket", "source", "code", "variant", "segments")
_SENT = attrgetter("sent_at", "bucket")
_PROBLEM_BUCKETS = frozenset(PROBLEM_BUCKETS)


class Summariser:
    """Takes a run's rows chunk by chunk, in the order of the lists, and sums them up."""

    def __init__(
        self, expected_rows: int, waves: Iterable[WaveRecord], moments: Moments, segments: Sequence[str] = ()
    ) -> None:
        self._expected_rows = expected_rows
        self._planned = tuple(waves)
        self._moments = moments
        self._rows = self._repeated = self._ordinal = self._requests = self._sent_total = 0
        self._buckets: Counter[Bucket] = Counter()
        self._sources, self._variants, self._segments = PartCounts(), PartCounts(), SegmentCounter(segments)
        self._hours = HourCounter(moments.zone)
        self._reasons: dict[tuple[Bucket, str], ReasonCount] = {}
        self._problems: dict[Bucket, list[Problem]] = {bucket: [] for bucket in PROBLEM_BUCKETS}
        self._waves: Counter[int] = Counter()
        self._prefixes: Counter[str] = Counter()
        self._address_errors: Counter[str] = Counter()
        self._sent, self._delivered, self._latencies = Timeline(), Timeline(), Spans()
        self._first_sent: datetime | None = None
        self._last_sent: datetime | None = None
        self._subject = ""

    def add(self, rows: Sequence[ReportRow]) -> None:
        """Take the next rows; some hundreds at a time make the best speed."""
        self._rows += len(rows)
        self._check_order(rows)
        self._requests += sum(map(attrgetter("attempts"), rows))
        for (bucket, source, code, variant, values), count in Counter(map(_GROUP, rows)).items():
            self._buckets[bucket] += count
            self._sources.add(source, bucket, count)
            self._segments.add(values, bucket, count)
            if variant:
                self._variants.add(variant, bucket, count)
            if bucket.is_set_aside:
                self._count_reason(bucket, code, count)
        self._add_sent([row for row in rows if row.sent_at is not None and not row.bucket.is_unsent])
        for row in rows:
            if row.bucket in _PROBLEM_BUCKETS:
                self._add_problem(row)
        self._add_examples(rows)

    def summary(self) -> Summary:
        """What the rows so far come to."""
        return Summary(
            rows=self._rows,
            expected_rows=self._expected_rows,
            repeated=self._repeated,
            buckets={bucket: self._buckets[bucket] for bucket in Bucket},
            failures=self._top_reasons((Bucket.FAILED,)),
            set_aside=self._top_reasons(SET_ASIDE_BUCKETS),
            sources=self._sources.parts(),
            variants=self._variants.parts(),
            segments=self._segments.segments(),
            hours=self._hours.hours(),
            latency=latency_of(self._latencies),
            curve=self._curve(),
            waves=self._wave_counts(),
            problems=tuple(chain.from_iterable(self._problems.values()))[:LISTED_PROBLEMS],
            sent=self._sent_total,
            requests=self._requests,
            first_sent=self._first_sent,
            last_sent=self._last_sent,
            prefixes=self._prefix_counts(),
            subject=self._subject,
        )

    def _check_order(self, rows: Sequence[ReportRow]) -> None:
        # Rows come in the order of the lists, so one that does not rise above its neighbour was seen before.
        ordinals = [self._ordinal, *map(attrgetter("ordinal"), rows)]
        self._repeated += len(rows) - sum(map(lt, ordinals, ordinals[1:]))
        self._ordinal = ordinals[-1]

    def _count_reason(self, bucket: Bucket, label: str, count: int, example: str = "") -> None:
        known = self._reasons.get((bucket, label))
        if known is None and len(self._reasons) >= _DISTINCT_REASONS:
            label, example = OTHER, ""
            known = self._reasons.get((bucket, label))
        total = count + (known.count if known else 0)
        example = (known.example if known else "") or example
        self._reasons[bucket, label] = ReasonCount(bucket, label, example, total)

    def _add_sent(self, rows: Sequence[ReportRow]) -> None:
        self._sent_total += len(rows)
        self._waves.update(map(attrgetter("wave"), rows))
        self._prefixes.update([row.number[:_PREFIX_LENGTH] for row in rows])
        for (at, bucket), count in Counter(map(_SENT, rows)).items():
            epoch = self._moments[at].epoch
            self._sent.add(epoch, count)
            self._hours.add(epoch, bucket, count)
            self._first_sent = at if self._first_sent is None else min(at, self._first_sent)
            self._last_sent = at if self._last_sent is None else max(at, self._last_sent)
        moments, add_delivered, add_latency = self._moments, self._delivered.add, self._latencies.add
        for row in rows:
            if row.bucket is Bucket.DELIVERED and row.final_at is not None:
                delivered = moments[row.final_at].epoch
                add_delivered(delivered)
                add_latency(delivered - moments[row.sent_at].epoch)

    def _add_problem(self, row: ReportRow) -> None:
        listed = self._problems[row.bucket]
        if len(listed) < LISTED_PROBLEMS:
            listed.append(Problem(row.row, row.source, row.number, row.bucket, row.status, row.reason))
        if row.bucket is not Bucket.FAILED:
            return
        self._count_reason(row.bucket, (row.code or row.status or row.reason)[:_LABEL_LENGTH], 1, row.reason)
        if _plain(row.status).startswith("address") or _plain(row.code).startswith("address"):
            self._address_errors[row.number[:_PREFIX_LENGTH]] += 1

    def _add_examples(self, rows: Sequence[ReportRow]) -> None:
        if not self._subject:
            self._subject = next((row.subject for row in rows if row.subject), "")
        lacking = {key for key, known in self._reasons.items() if not known.example and known.label != OTHER}
        for row in rows if lacking else ():
            key = (row.bucket, row.code)
            if key in lacking and row.reason:
                self._count_reason(*key, 0, row.reason)
                lacking.discard(key)

    def _top_reasons(self, buckets: Iterable[Bucket]) -> tuple[ReasonCount, ...]:
        top: list[ReasonCount] = []
        for bucket in buckets:
            mine = [reason for reason in self._reasons.values() if reason.bucket is bucket]
            mine.sort(key=lambda reason: (reason.label == OTHER, -reason.count, reason.label))
            rest = sum(reason.count for reason in mine[_LISTED_REASONS:])
            if rest and mine[_LISTED_REASONS - 1].label != OTHER:
                mine[_LISTED_REASONS:] = [ReasonCount(bucket, OTHER, "", rest)]
            top.extend(mine)
        return tuple(top)

    def _curve(self) -> tuple[CurvePoint, ...]:
        spans = [span for span in (self._sent.span, self._delivered.span) if span]
        if not spans:
            return ()
        edges = bin_edges(min(first for first, _ in spans), max(last for _, last in spans))
        counts = zip(edges, self._sent.cumulative(edges), self._delivered.cumulative(edges), strict=True)
        return tuple(CurvePoint(datetime.fromtimestamp(at, UTC), sent, delivered) for at, sent, delivered in counts)

    def _wave_counts(self) -> tuple[WaveCount, ...]:
        return tuple(
            WaveCount(wave.number, wave.starts_at, wave.size, self._waves[wave.number]) for wave in self._planned
        )

    def _prefix_counts(self) -> tuple[PrefixCount, ...]:
        worst = self._address_errors.most_common(_LISTED_PREFIXES)
        return tuple(PrefixCount(prefix, self._prefixes[prefix], errors) for prefix, errors in worst)


def _plain(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalpha())
