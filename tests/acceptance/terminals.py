"""Commands at a pseudo-terminal: what a person sees there, and types."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from .console import SCRIPT, Console, environment_with


class Terminal:
    """A command at a pseudo-terminal of 100 columns."""

    def __init__(self, console: Console, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        environment = environment_with(console.variables) | {"TERM": "xterm-256color", "COLUMNS": "100"}
        self._process = subprocess.Popen(
            [SCRIPT, *arguments], cwd=console.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, text: str) -> None:
        """Read what is shown until ``text`` is."""
        while text not in self.shown:
            assert self._read(), f"{text!r} was never shown: {self.shown}"

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ended(self) -> int:
        """The exit code, after everything was read."""
        while self._read():
            pass
        return self._process.wait()

    def _read(self) -> bool:
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            data = b""
        self.shown += data.decode("utf-8", "replace")
        return bool(data)

    def close(self) -> None:
        os.close(self._ours)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def terminal(console: Console, *arguments: str) -> Iterator[Terminal]:
    at = Terminal(console, *arguments)
    try:
        yield at
    finally:
        at.close()
