"""Two runs held against each other, from the ledger alone."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from pathlib import Path

from mmsflow.errors import MmsflowError, UsageError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.numbers import Fate
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import Bucket
from mmsflow.report.comparison import Comparison, Side, compare_sides
from mmsflow.report.comparison_page import comparison_page
from mmsflow.report.drafts import Drafts
from mmsflow.report.moments import Moments, zone_of
from mmsflow.report.summary import Summariser
from mmsflow.report.tables import KeptColumns
from mmsflow.workflow.history import find_run

_CHUNK_ROWS = 250
_HEADER = ("number", "bucket_in_first", "bucket_in_second")


def compare_runs(
    ledger: LedgerReader, first: str, second: str, *, now: datetime, html: Path | None = None, table: Path | None = None
) -> Comparison:
    """Compare two runs by their ids.

    Args:
        now: the instant that the page is dated with.
        html: where to write the page, if anywhere.
        table: where to write every number with its bucket in both runs, if anywhere; numbers are full in it.

    Raises:
        UsageError: there is no such run, both are the same, or a file cannot be written.
        MmsflowError: writing a file failed, for example on a full disk.
    """
    if first == second:
        raise UsageError(f"{first} cannot be compared with itself", "name two runs; `mmsflow runs` lists them")
    if html and table and html.resolve() == table.resolve():
        raise UsageError(f"--html and --csv name the same file {html}", "give each its own")
    sides = [_side(ledger, find_run(ledger, name)) for name in (first, second)]
    try:
        with ExitStack() as stack:
            fates: Iterable[Fate] = ledger.fates(sides[0].run.key, sides[1].run.key)
            drafts = []
            if table:
                drafts.append(stack.enter_context(Drafts(table.parent)))
                writer = csv.writer(drafts[-1].open(table.name, "utf-8-sig"))
                writer.writerow(_HEADER)
                fates = _noted(fates, writer.writerow)
            numbers: Counter[tuple[Bucket | None, Bucket | None]] = Counter()
            for _, one, other in fates:
                numbers[one, other] += 1
            found = compare_sides(sides[0], sides[1], numbers)
            if html:
                drafts.append(stack.enter_context(Drafts(html.parent)))
                drafts[-1].open(html.name).write(comparison_page(found, now=now))
            for draft in drafts:
                draft.publish()
    except (PermissionError, FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(
            f"the comparison cannot be written: {error}",
            "name a file in a folder of your own",
            cause="file_not_written",
        ) from error
    except OSError as error:
        problem = f"writing the comparison failed: {error.strerror}"
        raise MmsflowError(problem, "make room, then compare again", cause="file_not_written") from error
    return found


def _noted(fates: Iterable[Fate], write: Callable[[Sequence[str]], object]) -> Iterator[Fate]:
    for number, one, other in fates:
        write((number, one or "", other or ""))
        yield number, one, other


def _side(ledger: LedgerReader, run: RunInfo) -> Side:
    moments = Moments(zone_of(run.config))
    summariser = Summariser(run.rows, ledger.waves(run.key), moments, KeptColumns.of(run.config).segments)
    rows = ledger.report_rows(run.key)
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        summariser.add(chunk)
    return Side(run, summariser.summary())
