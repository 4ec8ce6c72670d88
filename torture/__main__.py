"""``scripts/torture COMMAND``: one campaign, or the sum of what campaigns have found."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path

from torture import results

CAMPAIGNS = {
    "kills": "torture.kills",
    "stops": "torture.stops",
    "rivals": "torture.rivals",
    "disk": "torture.disk",
    "floods": "torture.floods",
    "power": "torture.power",
    "replies": "torture.fuzz_replies",
    "inputs": "torture.fuzz_inputs",
    "daemon": "torture.daemon_day",
    "copies": "torture.copies",
}
"""Each a module with PURPOSE, ``configure`` and ``main``."""


def main(arguments: list[str]) -> int:
    """Run one campaign; returns the exit code, 1 where something was violated."""
    parser = ArgumentParser(prog="scripts/torture", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, path in CAMPAIGNS.items():
        module = import_module(path)
        command = commands.add_parser(name, help=module.PURPOSE, description=module.PURPOSE)
        module.configure(command)
        command.set_defaults(main=module.main)
    report = commands.add_parser("report", help="sum up files of results")
    report.add_argument("files", nargs="+", type=Path)
    report.set_defaults(main=_report)
    options = parser.parse_args(arguments)
    return int(options.main(options))


def _report(options: Namespace) -> int:
    kinds = results.summary(results.read(options.files))
    print(json.dumps(kinds, indent=1, ensure_ascii=False))
    return 1 if any(total["violations"] for total in kinds.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
