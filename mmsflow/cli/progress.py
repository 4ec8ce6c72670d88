"""Progress bars on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mmsflow.delivery.progress import Observer, Snapshot, ignore
from mmsflow.mms.status import Bucket

if TYPE_CHECKING:
    from rich.progress import Progress

_PER_SECOND = 8


class Counter:
    """Told the rows done so far, and, while pictures are fitted, how many of them are done."""

    def __init__(self, rows: Callable[[int], None], pictures: Callable[[int, int], None]) -> None:
        self._rows = rows
        self.fitting = pictures

    def __call__(self, rows: int) -> None:
        self._rows(rows)


@contextmanager
def counting(label: str, *, quiet: bool = False) -> Iterator[Counter]:
    """A counter of rows whose total is not known."""
    if quiet or not sys.stderr.isatty():
        yield Counter(lambda _: None, lambda _done, _total: None)
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,} rows"),
        TimeElapsedColumn(),
    )
    made = Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=_PER_SECOND)
    with _on_screen(made) as bars:
        task = bars.add_task(label, total=None)

        def pictures(done: int, total: int) -> None:
            bars.update(task, description=f"fitting pictures {done}/{total}" if done < total else label)

        yield Counter(lambda rows: bars.update(task, completed=rows), pictures)


@contextmanager
def erasing(total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """A bar over rows, told how many are done."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    made = Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=_PER_SECOND)
    with _on_screen(made) as bars:
        task = bars.add_task("removing", total=total)
        yield lambda rows: bars.update(task, completed=rows)


@contextmanager
def copying(label: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar over the pages of a file, told how many are done and how many there are."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=_PER_SECOND) as bars:
        task = bars.add_task(label, total=None)
        yield lambda done, every: bars.update(task, completed=done, total=every)


@contextmanager
def following(*, quiet: bool = False) -> Iterator[Observer]:
    """Two bars for a run: what was sent, and what is final; with the reason when nothing moves."""
    if quiet or not sys.stderr.isatty():
        yield ignore
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with _on_screen(Progress(*columns, console=Console(stderr=True), refresh_per_second=_PER_SECOND)) as bars:
        sent = bars.add_task("sent", total=None, note="")
        final = bars.add_task("final", total=None, note="")
        last = 0.0

        def show(snapshot: Snapshot) -> None:
            nonlocal last
            now = time.monotonic()
            busy = snapshot.unsent and not snapshot.notice
            if busy and now - last < 1 / _PER_SECOND:
                return
            last = now
            done = snapshot.messages - snapshot.unsent
            bars.update(sent, total=snapshot.messages, completed=done, note=snapshot.notice)
            waiting = snapshot.waiting_for_reports
            bars.update(final, total=snapshot.messages, completed=done - waiting, note=_outcomes(snapshot))

        yield show


@contextmanager
def _on_screen(bars: Progress) -> Iterator[Progress]:
    """Show bars until the block ends; a terminal that has gone away stops nothing and hides no error."""
    with suppress(OSError):
        bars.start()
    try:
        yield bars
    finally:
        with suppress(OSError):
            bars.stop()


def _outcomes(snapshot: Snapshot) -> str:
    shown = (Bucket.DELIVERED, Bucket.FAILED, Bucket.EXPIRED, Bucket.UNDETERMINED, Bucket.MAYBE_SENT)
    counts = [(bucket.value.replace("_", " "), snapshot.buckets.get(bucket, 0)) for bucket in shown]
    return ", ".join(f"{number} {name}" for name, number in counts if number)
