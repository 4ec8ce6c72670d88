"""A client secret that is rotated while a run or the daemon lives: nobody restarts anything, nobody is lost or told twice."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from .console import Console, ended
from .daemons import DAEMON, let_it_be_due, running
from .independent_gateway import CLIENT_SECRET, IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, write_list

PEOPLE = numbers(30)


@pytest.fixture
def secret(workspace: Path, tmp_path: Path) -> Path:
    """The file of the secret; the campaign is slow enough for a rotation."""
    path = tmp_path / "client-secret"
    path.write_text(CLIENT_SECRET)
    write_list(workspace, PEOPLE)
    change_campaign(workspace, {"poll:": "rate: 10/s\npoll:"})
    return path


@pytest.fixture
def by_file(console: Console, secret: Path) -> Console:
    variables = {**console.variables, "MMSFLOW_CLIENT_SECRET": "", "MMSFLOW_CLIENT_SECRET_FILE": str(secret)}
    return Console(console.folder, {name: value for name, value in variables.items() if value})


def test_a_run_goes_on_with_the_secret_that_its_file_holds_now(
    by_file: Console, gateway: IndependentGateway, secret: Path
) -> None:
    process = by_file.start("run", CAMPAIGN, "--yes", "--json")
    gateway.wait_for(3)
    secret.write_text("")  # half-written: the token in use stays
    gateway.wait_for(6)
    secret.write_text("rotated\n")
    gateway.rotate("rotated")
    ended(process).ended_with(0)
    assert Counter(gateway.numbers) == Counter(PEOPLE)


def test_a_daemon_goes_on_by_itself_once_the_file_has_what_the_gateway_takes(
    by_file: Console, gateway: IndependentGateway, workspace: Path, secret: Path
) -> None:
    let_it_be_due(workspace)
    with running(by_file, *DAEMON) as (process, said):
        gateway.wait_for(3)
        gateway.rotate("rotated")
        said.until("run_paused")
        secret.write_text("rotated")
        said.until("secret_read_anew")
        said.until("run_finished")
        process.send_signal(signal.SIGTERM)
        said.until("daemon_stopped")
        assert process.wait(30) == 0
    assert Counter(gateway.numbers) == Counter(PEOPLE)
