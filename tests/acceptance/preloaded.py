"""Runs the console script many times for the start-up cost of one; started as a process of its own.

Reads one JSON request a line from stdin, forks, and in the child calls the console script's entry point as the script
does, with real descriptors; answers with the exit code. Only for tests that need no signal and no terminal.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path

import mmsflow.cli.app
import mmsflow.cli.commands
from mmsflow.cli.main import main


def serve() -> None:
    """Answer requests until stdin ends."""
    for module in pkgutil.iter_modules(mmsflow.cli.commands.__path__):
        importlib.import_module(f"mmsflow.cli.commands.{module.name}")
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become_the_script(request["arguments"], request["folder"], request["environment"], Path(request["files"]))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _become_the_script(arguments: list[str], folder: str, environment: dict[str, str], files: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, target in ((0, Path(os.devnull)), (1, files / "out"), (2, files / "err")):
        os.dup2(os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = ["mmsflow", *arguments]
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
