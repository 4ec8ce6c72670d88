"""Start-up: whole processes, from the shell's point of view, with compiled bytecode at hand on both sides."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure, Goal, at_most, interleaved, ratio
from benchmarks.scale import Scale
from benchmarks.scratch import scratch

_MMSFLOW = [sys.executable, "-c", "from mmsflow.cli.main import main; main()"]
_BARE_APP = """
import typer

app = typer.Typer()


@app.command()
def hello(name: str) -> None:
    \"\"\"Say hello.\"\"\"
    print(f"hello {name}")


app()
"""
_IMPORTS = "import ruamel.yaml, pydantic, jinja2"
# What any command of a typer app with such a loader cannot do without.
_LOADING_APP = _BARE_APP.replace('    print(f"hello {name}")', f"    {_IMPORTS}")


def figures(scale: Scale) -> Iterator[Figure]:
    """All figures of start-up."""
    with scratch() as folder:
        # Installed packages have their bytecode compiled; here it is, whatever this environment forbids.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
        start = partial(_milliseconds, environment=environment, folder=folder)
        (folder / "bare.py").write_text(_BARE_APP, "utf-8")
        (folder / "loading.py").write_text(_LOADING_APP, "utf-8")
        start([*_MMSFLOW, "init", "small"])
        check = [*_MMSFLOW, "check", "small/campaigns/hello.yaml"]
        pairs: tuple[tuple[str, list[str], list[str], Goal | None], ...] = (
            (
                "`mmsflow --help` beside a bare typer app's",
                [*_MMSFLOW, "--help"],
                [sys.executable, "bare.py", "--help"],
                (at_most, 1.5),
            ),
            (
                "`mmsflow check` of a small campaign beside importing ruamel.yaml, pydantic, jinja2",
                check,
                [sys.executable, "-c", _IMPORTS],
                (at_most, 1.6),
            ),
            (
                "the same beside a bare typer command that imports them",
                check,
                [sys.executable, "loading.py", "x"],
                None,
            ),
        )
        for what, ours, beside, goal in pairs:
            contenders = [partial(start, command) for command in (ours, beside)]
            interleaved(contenders, 1)  # compiles
            mine, other = interleaved(contenders, scale.starts)
            yield ratio("startup", what, "ms", mine, other, goal)


def _milliseconds(command: Sequence[str], environment: dict[str, str], folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )
    return 1e3 * (time.perf_counter() - started)
