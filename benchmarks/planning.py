"""Planning: µs a row from CSV to a frozen run, and whether memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.contender import Measurement, Task, measured
from benchmarks.figures import Figure, alone, at_most, cpu_millis_each, interleaved, micros_each, ratio
from benchmarks.lists import make_workspace
from benchmarks.scale import Scale
from benchmarks.scratch import scratch

_MIB = 1024 * 1024


def figures(scale: Scale) -> Iterator[Figure]:
    """All figures of planning; every length of list takes its turn in every round."""
    with ExitStack() as folders:
        contenders = []
        for rows, where in (*((rows, False) for rows in scale.rows), (scale.rows[-1], True)):
            workspace = folders.enter_context(scratch())
            make_workspace(workspace, rows, where=where)
            task = Task(name="planning_ours:plan", folder=str(workspace), count=rows, where=where)
            contenders += [partial(_planned, task), partial(_planned, replace(task, name="planning_beside:plan"))]
        results = interleaved(contenders, scale.rounds)
    smallest = micros_each(results[0])
    for index, rows in enumerate(scale.rows):
        ours, beside = results[2 * index], results[2 * index + 1]
        yield from _of_length(rows, ours, beside)
        if index:
            what = f"a row of {rows:,} beside one of {scale.rows[0]:,}"
            yield ratio("plan", what, "µs/row", micros_each(ours), smallest, (at_most, 1.15))
    what = f"{scale.rows[-1]:,} rows with `where`, stored"
    yield ratio("plan", what, "µs/row", micros_each(results[-2]), micros_each(results[-1]), (at_most, 2.0))


def _of_length(rows: int, ours: list[Measurement], beside: list[Measurement]) -> Iterator[Figure]:
    yield ratio("plan", f"{rows:,} rows, stored", "µs/row", micros_each(ours), micros_each(beside), (at_most, 2.0))
    yield ratio("plan", f"{rows:,} rows, stored", "CPU µs/row", _cpu(ours), _cpu(beside))
    draft, frozen = median(micros_each(ours, "draft")), median(micros_each(ours, "freeze"))
    yield alone("plan", f"{rows:,} rows: reading, judging, rendering", "µs/row", draft, (at_most, 25.0))
    yield alone("plan", f"{rows:,} rows: freezing into the ledger", "µs/row", frozen)
    yield ratio("plan", f"{rows:,} rows, peak memory", "MiB", _peaks(ours), _peaks(beside))


def _planned(task: Task) -> Measurement:
    for left in Path(task.folder).glob("*.db*"):
        left.unlink()
    return measured(task)


def _cpu(results: list[Measurement]) -> list[float]:
    return [1e3 * millis for millis in cpu_millis_each(results)]


def _peaks(results: list[Measurement]) -> list[float]:
    return [result.peak_bytes / _MIB for result in results]
