"""The stage of the torture: a simulator as a process of its own, and commands as processes that can be killed.

A command is started in one of two ways. *Fresh*: the installed program, as a person's shell would do. *Forked*: from
this interpreter, which has imported the program already: the same code in a process of its own (pid, descriptors,
kernel locks), minus two seconds of imports, so that a thousand kills are a matter of minutes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mmsflow.simulator.config import SimulatorConfig

_TICK = 0.002
_AUDIT_SECONDS = 300.0
_PROGRAM = "import sys; sys.argv[0] = 'mmsflow'; from mmsflow.cli.main import main; main()"
_LEASHES: list[int] = []  # ends of pipes that only this process may hold


def preload() -> None:
    """Import the whole program, so that forked commands need not."""
    import mmsflow

    for module in pkgutil.walk_packages(mmsflow.__path__, "mmsflow."):
        if ".migrations." not in module.name and not module.name.startswith("mmsflow.example"):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


class Command:
    """A process that was started by this one."""

    def __init__(self, pid: int, popen: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self.code: int | None = None
        self._popen = popen  # kept: its destructor would complain about a child that runs on

    def poll(self) -> int | None:
        """The exit code, -9 for a killed one; None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                if self._popen is not None:
                    self._popen.returncode = self.code
        return self.code

    def signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait until the kernel has taken it away."""
        self.signal(signal.SIGKILL)
        while self.poll() is None:
            time.sleep(_TICK / 4)

    def wait(self, seconds: float) -> int:
        """The exit code; after ``seconds`` it is killed, and -9 the answer."""
        until = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                self.kill()
                return -signal.SIGKILL
            time.sleep(_TICK)
        return code


@dataclass(frozen=True, slots=True)
class Launch:
    """How a command is started: where, with which environment, where its output goes, and by which way."""

    folder: Path
    environment: Mapping[str, str]
    log: Path
    fresh: bool = False
    wrapper: tuple[str, ...] = ()

    def start(self, *arguments: str) -> Command:
        """Start ``mmsflow`` with these arguments."""
        if self.fresh or self.wrapper:
            return self._exec(arguments)
        return Command(fork(lambda: become(arguments, self.folder, self.environment, self.log)))

    def _exec(self, arguments: Sequence[str]) -> Command:
        program = [*self.wrapper, sys.executable, "-c", _PROGRAM, *arguments]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                program, cwd=self.folder, env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return Command(process.pid, process)


def become(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path) -> int:
    """Be ``mmsflow`` with these arguments, in a forked process; the exit code."""
    from mmsflow.cli.main import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(source, descriptor)
    sys.argv = ["mmsflow", *arguments]
    try:
        main()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 0


def fork(body: Callable[[], int]) -> int:
    """Run ``body`` in a process of its own; its answer is the exit code. Returns the pid."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        for leash in _LEASHES:
            os.close(leash)
        code = body()
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


@dataclass(frozen=True, slots=True)
class Server:
    """A simulator that listens at ``port`` and keeps its record at ``record``: the judge of what was received."""

    port: int
    record: Path
    process: Command

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def received(self) -> int:
        """How many messages it has accepted so far."""
        with closing(self._open()) as record:
            return int(record.execute("SELECT coalesce(max(seq), 0) FROM messages").fetchone()[0])

    def by_number(self) -> dict[str, int]:
        """How many messages each number got."""
        with closing(self._open()) as record:
            return dict(record.execute("SELECT number, count(*) FROM messages GROUP BY number"))

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self.record.as_uri()}?mode=ro", uri=True, timeout=10)


@contextmanager
def simulator(config: SimulatorConfig, *, port: int = 0) -> Iterator[Server]:
    """Run the simulator in a process of its own until the block ends, or this process does, however it does."""
    reading, writing = os.pipe()
    leash, held = os.pipe()
    _LEASHES.append(held)

    def play() -> int:
        from mmsflow.simulator.serve import serve

        # asyncio complains about every client that hangs up in the middle of a reply, as killed ones do.
        log = os.open(f"{config.state}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 2)
        threading.Thread(target=lambda: (os.read(leash, 1), os._exit(0)), daemon=True).start()
        serve(config, port=port, ready=lambda bound: _told(writing, bound))
        return 0

    process = Command(fork(play))
    os.close(leash)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            yield Server(int(told.readline()), Path(config.state), process)
    finally:
        _LEASHES.remove(held)
        os.close(held)
        process.signal(signal.SIGTERM)
        process.wait(10)


def _told(descriptor: int, port: int) -> None:
    os.write(descriptor, f"{port}\n".encode())
    os.close(descriptor)


def environment(server: Server, *, in_flight: int, **more: str) -> dict[str, str]:
    """This process's environment, with nothing of mmsflow's but what leads to the simulator."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MMSFLOW_")}
    return kept | {
        "MMSFLOW_GATEWAY_URL": server.url,
        "MMSFLOW_CLIENT_ID": "simulator",
        "MMSFLOW_CLIENT_SECRET": "simulator",
        "MMSFLOW_IN_FLIGHT": str(in_flight),
        "MMSFLOW_WITNESS": f"{tempfile.gettempdir()}/mmsflow-torture-{os.getuid()}",
        **{f"MMSFLOW_{name.upper()}": value for name, value in more.items()},
    }


def audit(launch: Launch) -> list[str]:
    """What the program's own audit, in a process of its own, finds wrong with the runs that left a report."""
    codes = {
        report.name: replace(launch, fresh=False).start("verify", report.name).wait(_AUDIT_SECONDS)
        for report in sorted(launch.folder.glob("reports/*"))
    }
    return [f"`verify {run}` ended with exit code {code}" for run, code in codes.items() if code]


def until(condition: Callable[[], bool], process: Command, seconds: float) -> bool:
    """Look until the condition holds; False when the process ended or the time passed before."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        if condition():
            return True
        time.sleep(_TICK)
    return False
