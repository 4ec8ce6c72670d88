"""Seed ranges, and the file of results: one JSON object a line, so that campaigns add up over many invocations."""

from __future__ import annotations

import fcntl
import json
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

Figure: TypeAlias = "int | float | str | list[str]"
Result: TypeAlias = "Mapping[str, Figure]"

SHOWN_VIOLATIONS = 20
_NOT_ADDED = frozenset({"kind", "seed", "in_flight", "calm_peak_kib"})


def seeds(text: str) -> range:
    """Read ``A:B`` (B left out of it) or a single seed.

    Raises:
        ArgumentTypeError: it is neither.
    """
    first, colon, last = text.partition(":")
    try:
        return range(int(first), int(last) if colon else int(first) + 1)
    except ValueError:
        raise ArgumentTypeError("give seeds as 0:100, or as one number") from None


def append(path: Path | None, result: Result) -> None:
    """Add a line; several processes may append to one file at once."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(result, ensure_ascii=False) + "\n")


def read(paths: Iterable[Path]) -> Iterator[dict[str, Figure]]:
    """All results; a last line that was cut off by a kill is left out."""
    for path in paths:
        for line in path.read_text("utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def describe(result: Mapping[str, Figure]) -> str:
    """One line for people."""
    figures = " ".join(f"{name} {value}" for name, value in result.items() if name not in {"kind", "violations"})
    violations = result["violations"]
    return f"{figures}  {'; '.join(violations) if isinstance(violations, list) and violations else 'holds'}"


def summary(results: Iterable[Result]) -> dict[str, dict[str, Figure]]:
    """For each kind: how many results, the sum of each figure (``worst_…``: the largest), and the violations."""
    kinds: dict[str, dict[str, Figure]] = {}
    for result in results:
        total = kinds.setdefault(str(result.get("kind", "?")), {"results": 0, "violations": []})
        for name, value in {**result, "results": 1}.items():
            _add(total, name, value)
    return kinds


def _add(total: dict[str, Figure], name: str, value: Figure) -> None:
    if name in _NOT_ADDED:
        return
    before = total.get(name, 0)
    if isinstance(value, list):
        known = before if isinstance(before, list) else []
        total[name] = [*known, *value][:SHOWN_VIOLATIONS]
    elif isinstance(value, int | float) and isinstance(before, int | float):
        total[name] = max(before, value) if name.startswith("worst_") else round(before + value, 1)
