"""Many stories: played in chunks over some processes, added up, and written down one line a chunk."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import mmsflow
from torture.simulation.world import play

CHUNK_SEEDS = 250


@dataclass(frozen=True, slots=True)
class Tally:
    """What the seeds from ``first`` up to, not including, ``end`` came to.

    Attributes:
        code: digest of the package that was judged.
        violations: what was said, by seed.
        seconds: of processor time.
    """

    first: int
    end: int
    code: str
    seconds: float = 0.0
    violations: dict[int, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


def play_seeds(first: int, end: int, *, until_first: bool = False) -> Tally:
    """Play them one after the other.

    Args:
        until_first: stop after the first seed that breaks a promise.
    """
    started = time.process_time()
    counts: Counter[str] = Counter()
    violations: dict[int, list[str]] = {}
    for seed in range(first, end):
        outcome = play(seed)
        counts += outcome.counts
        if outcome.violations:
            violations[seed] = list(outcome.violations)
            if until_first:
                end = seed + 1
                break
    seconds = round(time.process_time() - started, 3)
    return Tally(first, end, code_digest(), seconds, violations, dict(sorted(counts.items())))


def play_all(first: int, end: int, jobs: int, *, until_first: bool = False) -> Iterator[Tally]:
    """The same in chunks, over ``jobs`` processes; tallies in the order of the seeds."""
    starts = range(first, end, CHUNK_SEEDS)
    ends = [min(start + CHUNK_SEEDS, end) for start in starts]
    if jobs == 1:
        yield from map(partial(play_seeds, until_first=until_first), starts, ends)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(play_seeds, starts, ends)


def append(path: Path, tally: Tally) -> None:
    """Write one line down."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(tally)) + "\n")


def sum_up(path: Path) -> dict[str, object]:
    """What a file of results holds altogether; a seed that was played twice with the same code counts once."""
    seeds: set[tuple[str, int]] = set()
    counts: Counter[str] = Counter()
    seconds = 0.0
    violations: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        result = json.loads(line)
        chunk = {(result["code"], seed) for seed in range(result["first"], result["end"])}
        violations |= result["violations"]
        if chunk & seeds:
            continue
        seeds |= chunk
        counts.update(result["counts"])
        seconds += result["seconds"]
    codes = Counter(code for code, _ in seeds)
    return {
        "seeds": len(seeds),
        "by_code": dict(codes),
        "violations": violations,
        "seconds": round(seconds),
        "counts": dict(sorted(counts.items())),
    }


def code_digest() -> str:
    """Of the package's modules that a story runs through, so that results say what they were about."""
    folder = Path(mmsflow.__file__).parent
    digest = hashlib.sha256()
    for stage in ("delivery", "engine", "gateway", "ledger", "mms", "plan"):
        for path in sorted((folder / stage).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
