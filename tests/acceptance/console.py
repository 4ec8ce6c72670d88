"""Driving the installed console script the way a person or a cron job does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

SCRIPT = Path(sys.executable).with_name("mmsflow")
_PATIENCE = 180  # seconds; reached only by a command that hangs


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    def ended_with(self, code: int) -> Done:
        """Itself, after making sure of its exit code."""
        assert self.code == code, f"exit code {self.code}, not {code}\n{self.out}\n{self.err}"
        return self


class Runner(Protocol):
    """Runs the script once, to its end."""

    def __call__(self, arguments: list[str], folder: Path, environment: Mapping[str, str]) -> Done: ...


def environment_with(variables: Mapping[str, str]) -> dict[str, str]:
    """A bare environment: nothing of the caller's set-up, save what measures coverage."""
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COVERAGE")}
    state = tempfile.gettempdir()  # not the user's own: a test is none of their ledgers
    witness = f"{state}/mmsflow-tests-{os.getuid()}"
    return kept | {"HOME": "/nonexistent", "LANG": "C.UTF-8", "MMSFLOW_WITNESS": witness} | dict(variables)


def real_process(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> Done:
    """The script in a process of its own, with no terminal and nothing on stdin."""
    done = subprocess.run(
        [SCRIPT, *arguments],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
        encoding="utf-8",
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Preloaded:
    """Runs the script in forks of one process that has imported everything (see ``preloaded.py``)."""

    def __init__(self, files: Path) -> None:
        self._files = files
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("preloaded.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment_with({}),
            encoding="utf-8",
        )

    def __call__(self, arguments: list[str], folder: Path, environment: Mapping[str, str]) -> Done:
        request = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(environment),
            "files": str(self._files),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        out, err = ((self._files / name).read_text("utf-8") for name in ("out", "err"))
        return Done(code, out, err)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@dataclass(frozen=True, slots=True)
class Console:
    """The script in one workspace.

    Attributes:
        folder: the workspace, also the current folder.
        variables: environment variables.
        runner: how it is run.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    runner: Runner = real_process

    def __call__(self, *arguments: str, **variables: str) -> Done:
        """Run a command to its end; ``variables`` change single environment variables, an empty one removes it."""
        wanted = {name: value for name, value in {**self.variables, **variables}.items() if value}
        return self.runner(list(arguments), self.folder, environment_with(wanted))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own; ``ended`` waits for it."""
        return subprocess.Popen(
            [SCRIPT, *arguments],
            cwd=self.folder,
            env=environment_with(self.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )


def ended(process: subprocess.Popen[str]) -> Done:
    """How a started command ended."""
    out, err = process.communicate(timeout=_PATIENCE)
    return Done(process.returncode, out, err)
