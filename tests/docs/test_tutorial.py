"""The tutorial's commands and files, carried out in order in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pages import Block, blocks

from mmsflow.campaign.recurrence import due_times
from mmsflow.campaign.schedule import Schedule
from mmsflow.cli.main import main

PAGE = "docs/tutorial.md"


class Daemon:
    """The third terminal, and what is logged there."""

    def __init__(self, command: str) -> None:
        program, *arguments = shlex.split(command)
        path = str(Path(sys.executable).with_name(program))
        self._process = subprocess.Popen([path, *arguments, "--port", "0"], stderr=subprocess.PIPE, text=True)

    def logs(self, line: str) -> dict[str, str]:
        """Read on until what the page shows is logged: the event with these facts."""
        name, *shown = line.split()
        facts = dict(fact.split("=") for fact in shown if not fact.startswith("page="))
        assert self._process.stderr is not None
        seen = []
        for text in self._process.stderr:
            seen.append(text)
            logged = {key: str(value) for key, value in json.loads(text).items()}
            if logged["event"] == name and facts.items() <= logged.items():
                return logged
        raise AssertionError(f"it ended before it logged {line}: {seen}")

    def reread(self) -> None:
        # We write faster than a reader: perhaps before the system's watches have begun.
        self._process.send_signal(signal.SIGHUP)

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def ended(self) -> int:
        return self._process.wait(timeout=60)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


class Shell:
    """Carries the page's blocks out, line by line; mmsflow runs in this process, as its console script would."""

    def __init__(self, rehearsal: str, beside: str, operator: str, folder: Path) -> None:
        self.daemon: Daemon | None = None
        self.page = ""
        # The operator's part goes to a simulator: nothing of a test may reach a real host.
        self._instead = {
            "http://127.0.0.1:8460": rehearsal,
            "http://127.0.0.1:8461": beside,
            "MMSFLOW_GATEWAY=orange": f"MMSFLOW_GATEWAY=orange MMSFLOW_GATEWAY_URL={operator}",
            "your-client-id": "simulator",
            "$HOME": str(folder),
            "-20261201-": datetime.now(ZoneInfo("Europe/Warsaw")).strftime("-%Y%m%d-"),
        }

    def carry_out(self, block: Block) -> None:
        """Write the block's file, or run its lines."""
        if block.note.startswith("title="):
            Path(block.note.removeprefix("title=")).write_text(soon(block.text), "utf-8")
            if self.daemon is not None:
                self.daemon.reread()
        elif block.note == "third-terminal":
            self.daemon = Daemon(block.text)
        elif block.note.startswith("log"):
            self._read_log(block)
        elif block.kind == "sh" and block.note != "second-terminal":
            for line in block.text.splitlines():
                self._run(line)

    def _read_log(self, block: Block) -> None:
        assert self.daemon is not None
        if block.note == "log-after-ctrl-c":
            self.daemon.interrupt()
        for line in block.text.splitlines():
            logged = self.daemon.logs(self._meant(line))
            self.page = self.page or logged.get("page", "")

    def _meant(self, line: str) -> str:
        for shown, meant in self._instead.items():
            line = line.replace(shown, meant)
        return line

    def _run(self, line: str) -> None:
        line = self._meant(line)
        command, _, promise = line.partition("   # exits with ")
        program, *arguments = shlex.split(command)
        if program == "cd":
            os.chdir(arguments[0])
        elif program == "export":
            for name, _, value in (argument.partition("=") for argument in arguments):
                os.environ[name] = value
        elif program == "unset":
            for name in arguments:
                del os.environ[name]
        else:
            code = self._mmsflow(arguments) if program == "mmsflow" else subprocess.call([program, *arguments])
            assert code == int(promise or 0), line

    def _mmsflow(self, arguments: list[str]) -> int:
        # There is no terminal to answer the question of `run` on.
        sys.argv = ["mmsflow", *arguments, *(["--yes"] if arguments[0] == "run" and "--yes" not in arguments else [])]
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)


EVERY = re.compile(r'every: "(.*)"')


def soon(text: str) -> str:
    """The file with a start a minute ago instead of a recurrence, so that nobody waits for the next one."""
    start = datetime.now(ZoneInfo("Europe/Warsaw")) - timedelta(minutes=1)
    return EVERY.sub(f"start: {start:%Y-%m-%d %H:%M}", text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to be in; environment, arguments and place are put back afterwards."""
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mmsflow"])
    for name in [name for name in os.environ if name.startswith("MMSFLOW_")]:
        del os.environ[name]
    os.environ["MMSFLOW_SIMULATOR_DELAY"] = "200ms"
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def simulators(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Addresses: the second terminal's simulators, at free ports, and one that stands for the operator."""
    commands = [block.text for block in blocks(PAGE) if block.note == "second-terminal"]
    processes = [listening(each, folder) for each in (*commands, "mmsflow simulator --port 1 --delay 0.2")]
    rehearsal, beside, operator = map(address_of, processes)
    yield rehearsal, beside, operator
    for process in processes:
        process.terminate()
        process.communicate(timeout=10)


def listening(command: str, folder: Path) -> subprocess.Popen[str]:
    program, *arguments = shlex.split(re.sub(r"--port \d+", "--port 0", command))
    path = str(Path(sys.executable).with_name(program))
    return subprocess.Popen(
        [path, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip().partition("MMSFLOW_GATEWAY_URL=")[2]


@pytest.fixture
def shell(folder: Path, simulators: tuple[str, str, str]) -> Iterator[Shell]:
    """The reader's terminals; a daemon is gone afterwards."""
    (folder / ".mmsflow-secret").write_text("simulator\n", "utf-8")
    shell = Shell(*simulators, folder)
    yield shell
    if shell.daemon is not None:
        shell.daemon.kill()


def test_every_command_of_the_tutorial_does_what_the_page_says(shell: Shell, capfd: pytest.CaptureFixture[str]) -> None:
    for block in blocks(PAGE):
        shell.carry_out(block)

    told, said = capfd.readouterr()
    words = " ".join(told.split())
    assert "…101 in hello-" in words  # section 2: `why`
    assert "campaigns/spring.yaml 7 3 2 1 1" in words  # section 3: three to be sent, and a reason for each other row
    assert shell.daemon is not None
    assert shell.daemon.ended() == 0
    assert "approved by Ewa Nowak" in words  # section 6: `status`
    assert "systemctl stop mmsflow" in said  # `run` beside the daemon
    (report,) = Path("reports").glob("reminder-*-1/report.html")
    assert "Ewa Nowak" in report.read_text("utf-8")
    assert "spring-test-1 is done" in words  # section 7
    assert {path.name.split("-")[0] for path in Path("reports").iterdir()} == {"hello", "spring", "reminder"}
    shown = [block.text for block in blocks(PAGE) if block.kind == "text" and not block.note]
    assert len(shown) == 2
    assert shown[0] in told
    assert shown[1] in said


def test_the_recurring_campaign_of_the_tutorial_comes_due_within_two_minutes() -> None:
    (text,) = [block.text for block in blocks(PAGE) if block.note == "title=campaigns/reminder.yaml"]
    (every,) = EVERY.findall(text)
    now = datetime.now(UTC)

    assert next(due_times(Schedule(every=every), now)) - now <= timedelta(minutes=2)
