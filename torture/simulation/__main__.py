"""``python -m torture.simulation``: play stories, add their results to a file, show one, or sum a file up."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from torture.simulation.campaign import Tally, append, play_all, sum_up
from torture.simulation.scenario import draw
from torture.simulation.world import play


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m torture.simulation", description=__doc__)
    parser.add_argument("--seeds", metavar="A:B", help="play the seeds from A up to, not including, B")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at a time")
    parser.add_argument("--out", type=Path, metavar="FILE", help="append a line of results for each chunk")
    parser.add_argument("--first", action="store_true", help="stop at the first violation")
    parser.add_argument("--show", type=int, metavar="SEED", help="play one seed and print what happened")
    parser.add_argument("--sum", type=Path, metavar="FILE", help="sum up what a file of results holds")
    options = parser.parse_args(arguments)
    if options.sum:
        print(json.dumps(sum_up(options.sum), indent=2))
        return 0
    if options.show is not None:
        return _show(options.show)
    if not options.seeds:
        parser.error("name --seeds A:B, --show SEED or --sum FILE")
    first, end = map(int, options.seeds.split(":"))
    return _play(first, end, options)


def _play(first: int, end: int, options: argparse.Namespace) -> int:
    failed = seeds = 0
    seconds = 0.0
    for tally in play_all(first, end, options.jobs, until_first=options.first):
        if options.out:
            append(options.out, tally)
        failed += len(tally.violations)
        seeds += tally.end - tally.first
        seconds += tally.seconds
        _tell(tally)
        if failed and options.first:
            break
    print(f"{seeds} seeds, {failed} of them with violations, {seeds / max(seconds, 1e-9):.0f} seeds a second of CPU")
    return 1 if failed else 0


def _tell(tally: Tally) -> None:
    for seed, said in tally.violations.items():
        print(f"seed {seed}: {'; '.join(said)}")
        print(f"  python -m torture.simulation --show {seed}")
    sys.stdout.flush()


def _show(seed: int) -> int:
    outcome = play(seed, traced=True)
    print(draw(seed))
    print("\n".join(outcome.trace))
    for text in outcome.violations:
        print("VIOLATION", text)
    print(json.dumps(outcome.counts))
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
