"""The operations page says of the daemon what the code says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from pages import blocks, text_of

from mmsflow.cli.app import app
from mmsflow.cli.main import main
from mmsflow.cli.session import Session
from mmsflow.daemon.events import EVENTS
from mmsflow.daemon.health import REASONS
from mmsflow.daemon.metrics import METRICS
from mmsflow.ledger.requests import DAEMON
from mmsflow.wiring import reading_ledger, writing_ledger

PAGE = text_of("docs/operations.md")


def test_every_event_of_the_log_is_in_the_table_with_its_level_and_meaning() -> None:
    assert [name for name, (level, said) in EVENTS.items() if f"| `{name}` | {level} | {said} |" not in PAGE] == []


def test_every_metric_is_in_the_table_with_its_labels_and_meaning() -> None:
    rows = {
        name: f"| `{name}` | {', '.join(f'`{label}`' for label in labels)} | {said} |"
        for name, (said, labels) in METRICS.items()
    }

    assert [name for name, row in rows.items() if row not in PAGE] == []


def test_every_reason_of_the_health_is_in_the_table() -> None:
    assert [code for code, said in REASONS.items() if f"| `{code}` | {said} |" not in PAGE] == []


def beside_the_daemon() -> dict[str, str]:
    """Command → what the page's table says that it does beside the daemon."""
    section = PAGE.partition("\n## What works beside the daemon\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {name: said for commands, said, *_ in rows for name in re.findall(r"`([a-z-]+)`", commands)}


def test_of_every_command_the_page_says_once_what_it_does_beside_the_daemon() -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group, by its declaration
    section = PAGE.partition("\n## What works beside the daemon\n")[2].partition("\n## ")[0]
    first_cells = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]

    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(first_cells))) == sorted(known)


@pytest.fixture
def mmsflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Commands in a new workspace, in this process; gives the exit code."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("MMSFLOW_")]:
        del os.environ[name]
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mmsflow", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    assert command("init", ".") == 0
    yield command
    os.environ.clear()
    os.environ.update(before)


def test_commands_do_beside_the_daemon_what_the_page_says(mmsflow: Callable[..., int], tmp_path: Path) -> None:
    for more in ((), ("--again",)):
        assert mmsflow("run", "campaigns/hello.yaml", "--yes", "--no-wait", *more) == 0
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        run, other = (each.run for each in ledger.runs())
    rest: dict[str, tuple[str, ...]] = dict.fromkeys(("why", "verify", "report", "poll", "status"), (run,))
    rest |= dict.fromkeys(("check", "preview", "plan", "run"), ("campaigns/hello.yaml",))
    copy = str(tmp_path.parent / f"{tmp_path.name}.db")
    rest |= {"backup": (copy,), "restore": (copy,)}
    rest |= {"why": ("501000101",), "compare": (run, other), "purge": ("--older-than", "1d", "--yes")}
    rest["optout"] = ("add", "501000101")
    own_ways = {"pause", "resume", "cancel", "resolve", "approve", "send-test", "init", "demo", "simulator"}
    own_ways |= {"stop", "start"}

    with writing_ledger(session.settings, session.clock, DAEMON):
        codes = {name: mmsflow(name, *rest.get(name, ())) for name in beside_the_daemon().keys() - own_ways}

    refused = {name for name, said in beside_the_daemon().items() if said.startswith("exit 8")}
    assert {name for name, code in codes.items() if code == 8} == refused
    assert {code for name, code in codes.items() if name not in refused} == {0}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed here")
def test_the_line_that_pushes_markers_works_before_the_first_one_with_new_ones_and_without(tmp_path: Path) -> None:
    (line,) = [
        block.text for block in blocks("docs/operations.md") if block.note == "title=/etc/cron.d/mmsflow-markers"
    ]
    command = line.split(maxsplit=6)[6]
    server, other = tmp_path / "server", tmp_path / "other"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    def shell(text: str) -> str:
        return subprocess.run(
            ["sh", "-ec", text], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        ).stdout

    def at_ten_minutes() -> None:
        shell(command.replace("/var/lib/mmsflow", str(server)))

    shell("git config --global user.name somebody; git config --global user.email somebody@example.com")
    shell(
        "git init -q --bare repository; git clone -q repository other; cd other; git commit -q --allow-empty -m first"
    )
    shell("cd other; git push -q; cd ..; git clone -q repository server")
    at_ten_minutes()
    (server / "campaigns" / ".runs" / "hello.json").write_text("{}")
    (other / "new").write_text("a campaign")
    shell("cd other; git add new; git commit -q -m new; git push -q")
    at_ten_minutes()
    at_ten_minutes()

    shell("cd other; git pull -q")
    assert (other / "campaigns" / ".runs" / "hello.json").exists()
    assert (server / "new").exists()
    assert shell("cd other; git log --format=%s").split("\n")[:-1] == ["Run markers", "new", "first"]
