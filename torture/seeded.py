"""What all campaigns that go from seed to seed share: their arguments, a folder for each seed, their ending."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from torture.results import Figure, append, describe, seeds

OneSeed = Callable[[int, Path], dict[str, Figure]]


def configure(parser: ArgumentParser, default: range) -> None:
    """The arguments of such a campaign."""
    parser.add_argument("--seeds", type=seeds, default=default, metavar="A:B", help="B is not among them")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where results are added, a JSON line a seed")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where workspaces are made; default: /tmp")


def carry_out(options: Namespace, one_seed: OneSeed) -> int:
    """Carry every seed out in a folder of its own, kept where something was violated; returns the exit code."""
    bad = 0
    for seed in options.seeds:
        folder = Path(mkdtemp(prefix=f"mmsflow-torture-{seed}-", dir=options.dir))
        result = one_seed(seed, folder)
        append(options.out, result)
        print(describe(result), flush=True)
        if result["violations"]:
            bad = 1
            print(f"  kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder)
    return bad
