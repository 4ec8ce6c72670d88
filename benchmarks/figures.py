"""A figure, how it is made from paired rounds, and how it is shown and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from tabulate import tabulate

from benchmarks.contender import Measurement

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        bench: which benchmark.
        what: what was measured.
        unit: of ``ours`` and ``ceiling``.
        ours: median.
        ceiling: median of the ceiling; None for a figure that stands alone.
        ratio: median of the ratios within each round, ours to ceiling; None without ceiling.
        goal: such as ``≥ 0.90``; empty without one.
        met: whether the goal is reached; None without one.
    """

    bench: str
    what: str
    unit: str
    ours: float
    ceiling: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


def at_least(value: float, goal: float) -> tuple[str, bool]:
    """Goal and verdict where more is better."""
    return f"≥ {goal:g}", value >= goal


def at_most(value: float, goal: float) -> tuple[str, bool]:
    """Goal and verdict where less is better."""
    return f"≤ {goal:g}", value <= goal


Goal = tuple[Callable[[float, float], tuple[str, bool]], float]


def interleaved(contenders: Sequence[Callable[[], T]], rounds: int) -> list[list[T]]:
    """Run every contender once a round, in alternating order, so that a slow minute hits all of them alike.

    Returns:
        For each contender its results, by round.
    """
    results: list[list[T]] = [[] for _ in contenders]
    for number in range(rounds):
        order = range(len(contenders)) if number % 2 == 0 else reversed(range(len(contenders)))
        for index in order:
            results[index].append(contenders[index]())
    return results


def ratio(
    bench: str,
    what: str,
    unit: str,
    ours: Sequence[float],
    ceiling: Sequence[float],
    goal: Goal | None = None,
) -> Figure:
    """A figure beside its ceiling, from the values of each round."""
    pairs = median(mine / other for mine, other in zip(ours, ceiling, strict=True))
    text, met = goal[0](pairs, goal[1]) if goal else ("", None)
    return Figure(bench, what, unit, median(ours), median(ceiling), pairs, text, met)


def alone(bench: str, what: str, unit: str, value: float, goal: Goal | None = None) -> Figure:
    """A figure without a ceiling; its goal is about the value itself."""
    text, met = goal[0](value, goal[1]) if goal else ("", None)
    return Figure(bench, what, unit, value, goal=text, met=met)


def per_second(results: Iterable[Measurement]) -> list[float]:
    """Units a second, by round."""
    return [result.units / result.seconds for result in results]


def micros_each(results: Iterable[Measurement], part: str = "") -> list[float]:
    """Microseconds a unit, by round; of one named part where given."""
    return [1e6 * (result.parts[part] if part else result.seconds) / result.units for result in results]


def cpu_millis_each(results: Iterable[Measurement]) -> list[float]:
    """Milliseconds of processor time a unit, by round."""
    return [1e3 * result.cpu_seconds / result.units for result in results]


def table(figures: Iterable[Figure]) -> str:
    """For people."""
    rows = [
        (
            figure.bench,
            figure.what,
            _shown(figure.ours),
            _shown(figure.ceiling),
            figure.unit,
            _shown(figure.ratio),
            figure.goal,
            {True: "met", False: "missed", None: ""}[figure.met],
        )
        for figure in figures
    ]
    headers = ("", "figure", "ours", "beside", "unit", "ratio", "goal", "")
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True, colalign=("left",) * 8)


def shown(figure: Figure) -> str:
    """The figure in one line."""
    ratio_text = "" if figure.ratio is None else f", ratio {_shown(figure.ratio)}"
    return f"{figure.bench}: {figure.what}: {_shown(figure.ours)} {figure.unit}{ratio_text}"


def append(path: Path, figure: Figure, facts: dict[str, str]) -> None:
    """Add the figure as one line to a JSON Lines file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(figure) | {"machine": facts}, ensure_ascii=False) + "\n")


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
