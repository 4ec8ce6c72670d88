"""``mmsflow compare``: two runs held against each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmsflow.cli.output import print_json, say, table, tell
from mmsflow.cli.session import Session
from mmsflow.mms.status import Bucket
from mmsflow.report.comparison import Comparison, Delivered, SegmentPair
from mmsflow.report.comparison_document import comparison_as_json
from mmsflow.report.comparison_page import facts, verdict
from mmsflow.report.wording import masked, percent, points
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.compare import compare_runs


def compare(first: str, second: str, html: Path | None, csv: Path | None, *, as_json: bool) -> int:
    """Compare two runs; returns the exit code."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        found = compare_runs(ledger, first, second, now=session.clock.now(), html=html, table=csv)
    if as_json:
        files = {"html": str(html) if html else None, "csv": str(csv) if csv else None}
        print_json(comparison_as_json(found) | {"files": files})
        return 0
    _show(found)
    for path in (csv, html):
        if path:
            say(f"written  {path}")
    return 0


def _show(found: Comparison) -> None:
    runs = (found.first.run.run, found.second.run.run)
    lines = facts(found)
    lines.append(("Delivered of final", _share(found.delivered.first), _share(found.delivered.second)))
    tell(table(lines, ("", *runs)))
    tell()
    tell(verdict(found.delivered))
    if found.failures:
        tell()
        failures = [(masked(pair.label).replace("_", " "), pair.first, pair.second) for pair in found.failures]
        tell(table(failures, ("failed because", "first", "second")))
    for column, pairs in found.segments.items():
        tell()
        tell(table([_segment(pair) for pair in pairs], (f"delivered by {column}", "first", "second", "points")))
    tell()
    tell(_numbers(found))


def _segment(pair: SegmentPair) -> Sequence[str]:
    name = masked(pair.name) if pair.name.strip() else "(empty)"
    moved = pair.difference
    if moved is None:
        return name, "–", "–", "–"
    shares = (_share(moved.first), _share(moved.second))
    if moved.by is None or moved.low is None or moved.high is None:
        return name, *shares, "–"
    return name, *shares, f"{points(moved.by)} ({points(moved.low)} to {points(moved.high)})"


def _share(delivered: Delivered) -> str:
    return "–" if delivered.share is None else percent(delivered.share)


def _numbers(found: Comparison) -> str:
    order: tuple[Bucket | None, ...] = (*Bucket, None)
    columns = [bucket for bucket in order if any(second == bucket for _, second in found.numbers)]
    lines = [
        (_named(row), *(found.numbers.get((row, column), 0) or "·" for column in columns))
        for row in order
        if any(first == row for first, _ in found.numbers)
    ]
    if found.forgotten:
        return "what became of the same numbers is not known: personal data were removed"
    if not lines:
        return "neither run has a number that can be sent to"
    return table(lines, ("numbers: first run ↓, second →", *map(_named, columns)))


def _named(bucket: Bucket | None) -> str:
    return "not in it" if bucket is None else bucket.value.replace("_", " ")
