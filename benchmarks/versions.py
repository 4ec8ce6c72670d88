"""Two versions of the project beside each other: whether a change costs processor time a message.

Single runs of one version differ by several percent on a machine that does other things as well. So both are measured
in turn, and what counts is the ratio within each pair.
"""

from __future__ import annotations

import math
import random
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

from benchmarks.contender import Measurement, Task, measured
from benchmarks.figures import Figure, at_most, cpu_millis_each, interleaved
from benchmarks.scratch import scratch
from benchmarks.sink import Sink, running_sink

_ROOT = Path(__file__).resolve().parent.parent
_RESAMPLES = 10_000
_GOAL = 1.03


def figures(revision: str, *, pairs: int, messages: int, in_flight: int) -> Iterator[Figure]:
    """Measure sending by this version and by ``revision``, in turn.

    Args:
        revision: what git knows, such as a tag.
        pairs: how often; below 20 the interval says little.
        messages: of each run, 100 kB each. In a short run one pass of the garbage collector over all that is loaded
            (50 ms) falls on the one version and not on the other, and decides the ratio.
        in_flight: requests at a time.

    Yields:
        The ratio of processor time a message, and the upper end of its 95 % interval.
    """
    with checked_out(revision) as other, running_sink() as sink:
        task = Task(
            name="sending_ours:send",
            folder="",
            count=messages,
            url=sink.url,
            in_flight=in_flight,
            attachment_bytes=100_000,
        )
        ours, theirs = interleaved([partial(_sent, sink, task, _ROOT), partial(_sent, sink, task, other)], pairs)
    mine, before = cpu_millis_each(ours), cpu_millis_each(theirs)
    ratios = [new / old for new, old in zip(mine, before, strict=True)]
    low, high = interval(ratios)
    goal, met = at_most(high, _GOAL)
    what = f"100 kB, {in_flight} in flight, {pairs} pairs, beside {revision}"
    yield Figure("versions", what, "CPU ms", median(mine), median(before), _geometric_mean(ratios))
    yield Figure("versions", "95 % interval of that ratio: its lower end", "", low)
    yield Figure("versions", "95 % interval of that ratio: its upper end", "", high, goal=goal, met=met)


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Give the 95 % interval of the geometric mean of paired ratios, by resampling the pairs."""
    chance = random.Random(1)
    means = sorted(_geometric_mean(chance.choices(ratios, k=len(ratios))) for _ in range(_RESAMPLES))
    return means[int(_RESAMPLES * 0.025)], means[int(_RESAMPLES * 0.975)]


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """Check a version out into a folder of its own, for as long as the block goes on."""
    with TemporaryDirectory(prefix="mmsflow-version-") as folder:
        place = Path(folder) / "tree"
        git = ["git", "-C", str(_ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(place), revision], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


def _geometric_mean(ratios: Sequence[float]) -> float:
    return math.exp(fmean(math.log(ratio) for ratio in ratios))


def _sent(sink: Sink, task: Task, root: Path) -> Measurement:
    before = sink.sent()
    with scratch() as folder:
        result = measured(replace(task, folder=str(folder)), root)
    if (sent := sink.sent() - before) != task.count:
        raise RuntimeError(f"the version in {root} was to send {task.count} messages; the sink has counted {sent}")
    return result
