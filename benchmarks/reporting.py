"""Reporting: three formats of a finished run beside a plain CSV writer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from benchmarks.contender import Task, measured
from benchmarks.figures import Figure, alone, at_most, interleaved, micros_each, ratio
from benchmarks.scale import Scale
from benchmarks.scratch import scratch

_MIB = 1024 * 1024


_NAMES = ("report", "csv_alone", "read_and_csv")


def figures(scale: Scale) -> Iterator[Figure]:
    """All figures of the report; every length of run takes its turn in every round."""
    with ExitStack() as folders:
        contenders = []
        for rows in scale.rows:
            folder = folders.enter_context(scratch())
            task = Task(name="reporting_runs:make_run", folder=str(folder), count=rows)
            measured(task)
            contenders += [partial(measured, replace(task, name=f"reporting_runs:{name}")) for name in _NAMES]
        results = interleaved(contenders, scale.rounds)
    smallest = micros_each(results[0])
    for index, rows in enumerate(scale.rows):
        ours, bare, read = results[3 * index : 3 * index + 3]
        micros = micros_each(ours)
        what = f"{rows:,} rows in CSV, HTML and JSON, beside"
        yield ratio("report", f"{what} csv.writer, rows in memory", "µs/row", micros, micros_each(bare), (at_most, 4.0))
        yield ratio("report", f"{what} ledger read and csv.writer", "µs/row", micros, micros_each(read))
        if index:
            what = f"a row of {rows:,} beside one of {scale.rows[0]:,}"
            yield ratio("report", what, "µs/row", micros, smallest, (at_most, 1.15))
        peak = max(result.peak_bytes for result in ours) / _MIB
        yield alone("report", f"{rows:,} rows, peak memory", "MiB", peak, (at_most, 200.0))
