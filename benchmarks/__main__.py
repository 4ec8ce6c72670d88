"""``python -m benchmarks [send|plan|report|media|startup|all]``: measure, print a table, keep the figures if asked."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from benchmarks import media, planning, reporting, sending, startup, versions
from benchmarks.figures import Figure, alone, append, shown, table
from benchmarks.machine import facts, is_busy
from benchmarks.scale import SCALES, Scale
from benchmarks.scratch import fsync_micros


def _disk(scale: Scale) -> Iterator[Figure]:
    yield alone("disk", "one forced write of 4 KiB (fsync)", "µs", fsync_micros(scale.fsyncs))


BENCHES: dict[str, Callable[[Scale], Iterator[Figure]]] = {
    "startup": startup.figures,
    "plan": planning.figures,
    "report": reporting.figures,
    "media": media.figures,
    "send": sending.figures,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and carry it out."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure mmsflow beside its ceilings.")
    parser.add_argument("bench", nargs="?", default="all", choices=[*BENCHES, "all"])
    parser.add_argument("--quick", action="store_true", help="fewer rounds of less")
    parser.add_argument(
        "--rows", type=int, metavar="N", help="add a list of N rows to plan and report, such as 1000000"
    )
    parser.add_argument("--slice", action="store_true", help="hardly anything: shows that the benchmarks run")
    parser.add_argument("--append", type=Path, metavar="FILE", help="add the figures to a JSON Lines file")
    parser.add_argument("--against", metavar="REV", help="only this: sending beside another version, in pairs")
    parser.add_argument("--pairs", type=int, default=20, metavar="N", help="of --against")
    options = parser.parse_args(arguments)
    scale = SCALES["slice" if options.slice else "quick" if options.quick else "full"]
    if options.rows:
        scale = scale.with_rows(options.rows)
    machine = facts()
    print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    names = list(BENCHES) if options.bench == "all" else [options.bench]
    figures: list[Figure] = []
    if options.against:
        found = versions.figures(options.against, pairs=options.pairs, messages=scale.messages, in_flight=16)
    else:
        found = chain(_disk(scale), *(BENCHES[name](scale) for name in names))
    for figure in found:
        print(shown(figure), flush=True)
        figures.append(figure)
        if options.append:  # at once: an hour's figures must not be lost to Ctrl-C
            append(options.append, figure, machine)
    print(f"\n{table(figures)}")
    if is_busy():
        print("\nOther work kept this machine busy: no verdict above holds. Measure again when it is quiet.")


if __name__ == "__main__":
    main()
