"""``python -m torture.mutants``: mistakes planted one at a time, each of which the simulation must notice.

A mutant is one small replacement in a copy of the package. The simulation is played over it until the first violation;
a mutant that survives shows a promise that nothing watches.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tabulate import tabulate

from torture.mutants_planted import MUTANTS, Mutant

ROOT = Path(__file__).parent.parent
MOST_SEEDS = 2_000
_LONGEST_SECONDS = 900


class NotPlanted(Exception):
    """The text that a mutant replaces is not there exactly once; the mutant must follow the code."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        caught: whether anything failed.
        seeds: how many stories it took; 0 where tests notice it.
        said: what the first violation says, or the first test that failed.
    """

    mutant: Mutant
    caught: bool
    seeds: int
    seconds: float
    said: str


def mutated(mutant: Mutant, source: str) -> str:
    """The module's text with the mistake in it.

    Raises:
        NotPlanted: see there.
    """
    found = source.count(mutant.old)
    if found != 1:
        raise NotPlanted(f"{mutant.name}: its text is {found} times in {mutant.module}")
    return source.replace(mutant.old, mutant.new)


def plant(mutant: Mutant, folder: Path) -> None:
    """Copy the package and the simulation into ``folder``, with the mistake."""
    for package in ("mmsflow", "torture"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    module = folder / mutant.module
    module.write_text(mutated(mutant, module.read_text("utf-8")), "utf-8")


def judge(mutant: Mutant, most_seeds: int = MOST_SEEDS) -> Verdict:
    """Play the simulation over one mutant until it is caught, or ``most_seeds`` are over; or run its tests."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        plant(mutant, folder)
        return _tested(mutant, folder, started) if mutant.tests else _played(mutant, folder, started, most_seeds)


def _played(mutant: Mutant, folder: Path, started: float, most_seeds: int) -> Verdict:
    ended = _python(folder, "torture.simulation", "--first", "--seeds", f"0:{most_seeds}")
    found = re.search(r"^seed (\d+): (.*)$", ended.stdout, re.MULTILINE)
    seconds = time.monotonic() - started
    if ended.returncode == 1 and found is not None:
        return Verdict(mutant, True, int(found[1]) + 1, seconds, found[2])
    return Verdict(mutant, False, most_seeds, seconds, (ended.stderr.strip().splitlines() or ["nothing"])[-1])


def _tested(mutant: Mutant, folder: Path, started: float) -> Verdict:
    for name in ("tests", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    ended = _python(folder, "pytest", "-q", "-x", "-p", "no:cacheprovider", mutant.tests)
    failed = re.search(r"^FAILED \S*::(\S+)", ended.stdout, re.MULTILINE)
    said = failed[1] if failed else "nothing"
    return Verdict(mutant, ended.returncode == 1 and failed is not None, 0, time.monotonic() - started, said)


def _python(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_SECONDS,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a mutant survives or cannot be planted."""
    parser = argparse.ArgumentParser(prog="python -m torture.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these mutants; all of them when none is named")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help="stories for each mutant at most")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if not options.names or mutant.name in options.names]
    with ThreadPoolExecutor(options.jobs) as pool:
        verdicts = list(pool.map(partial(judge, most_seeds=options.seeds), chosen))
    rows = [
        (verdict.mutant.name, "caught" if verdict.caught else "SURVIVED", verdict.seeds, verdict.said[:90])
        for verdict in verdicts
    ]
    print(tabulate(rows, headers=("mutant", "verdict", "seeds", "first violation")))
    survivors = [verdict.mutant.name for verdict in verdicts if not verdict.caught]
    print(f"{len(verdicts) - len(survivors)} of {len(verdicts)} caught")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
