"""The tutorial's commands and files, carried out in order in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pages import Block, blocks

from mmsflow.cli.main import main

PAGE = "docs/tutorial.md"


class Shell:
    """Carries the page's blocks out, line by line; mmsflow runs in this process, as its console script would."""

    def __init__(self, rehearsal: str, operator: str, folder: Path) -> None:
        # The operator's part goes to a simulator: nothing of a test may reach a real host.
        self._instead = {
            "http://127.0.0.1:8460": rehearsal,
            "MMSFLOW_GATEWAY=orange": f"MMSFLOW_GATEWAY=orange MMSFLOW_GATEWAY_URL={operator}",
            "your-client-id": "simulator",
            "$HOME": str(folder),
            "-20261201-": datetime.now(ZoneInfo("Europe/Warsaw")).strftime("-%Y%m%d-"),
        }

    def carry_out(self, block: Block) -> None:
        """Write the block's file, or run its lines."""
        if block.note.startswith("title="):
            Path(block.note.removeprefix("title=")).write_text(block.text, "utf-8")
        elif block.kind == "sh" and block.note != "second-terminal":
            for line in block.text.splitlines():
                self._run(line)

    def _run(self, line: str) -> None:
        for shown, meant in self._instead.items():
            line = line.replace(shown, meant)
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
def simulators(folder: Path) -> Iterator[tuple[str, str]]:
    """Addresses: the second terminal's simulator, at a free port, and one that stands for the operator."""
    (command,) = [block.text for block in blocks(PAGE) if block.note == "second-terminal"]
    processes = [listening(command, folder), listening("mmsflow simulator --port 1 --delay 0.2", folder)]
    yield address_of(processes[0]), address_of(processes[1])
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


def test_every_command_of_the_tutorial_does_what_the_page_says(
    folder: Path, simulators: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / ".mmsflow-secret").write_text("simulator\n", "utf-8")
    shell = Shell(*simulators, folder)

    for block in blocks(PAGE):
        shell.carry_out(block)

    told, said = capfd.readouterr()
    words = " ".join(told.split())
    assert "…101 in hello-" in words  # section 2: `why`
    assert "campaigns/spring.yaml 7 3 2 1 1" in words  # section 3: three to be sent, and a reason for each other row
    assert "spring-test-1 is done" in words  # section 6
    assert {path.name.split("-")[0] for path in Path("reports").iterdir()} == {"hello", "spring"}
    shown = [block.text for block in blocks(PAGE) if block.kind == "text"]
    assert len(shown) == 2
    assert shown[0] in told
    assert shown[1] in said
