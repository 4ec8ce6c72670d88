"""The client secret, its Basic form and the tokens are in the requests they belong to, and nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mmsflow.secret import Secret, blotted
from mmsflow.settings import load_settings

from .hostile_gateway import BASIC, CANARIES, SECRET, TOKEN, HostileGateway
from .story import Story


def test_the_gateway_saw_the_secret_the_token_and_every_fault(story: Story, hostile: HostileGateway) -> None:
    assert {f"Basic {BASIC}", f"Bearer {TOKEN}"} == set(hostile.credentials)
    assert story.outputs["run"].code == 7
    assert {done.code for done in story.outputs.values()} <= {0, 1, 2, 3, 7}


@pytest.mark.parametrize("canary", CANARIES)
def test_no_secret_is_in_anything_that_was_printed_written_or_logged(story: Story, canary: str) -> None:
    printed = [name for name, done in story.outputs.items() if canary in done.out + done.err]
    written = [name for name, content in story.files().items() if canary.encode() in content]
    live = [name for name, content in story.live.items() if canary.encode() in content]
    assert (printed, written, live) == ([], [], [])


def test_the_looking_would_have_found_something(story: Story) -> None:
    assert {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"} <= story.live.keys()
    assert b"hostile" in story.live["ledger.db-wal"]
    assert b"DEBUG" in story.log.read_bytes()
    names = {Path(name).name for name in story.files()}
    assert {"ledger.db", "report.csv", "report.html", "report.json", "plan.json"} <= names


def test_no_secret_is_an_argument_of_a_process(story: Story) -> None:
    assert any(b"watched.py" in line for line in story.arguments)
    assert not [line for line in story.arguments if any(canary.encode() in line for canary in CANARIES)]


def test_a_crash_log_tells_what_happened_without_secrets_for_its_owner_only(story: Story) -> None:
    (log,) = story.temporary.glob("mmsflow-crash-*.log")
    text = log.read_text("utf-8")
    assert story.outputs["a crash"].code == 1
    assert str(log) in story.outputs["a crash"].err
    assert "RuntimeError" in text
    assert "read_limit" in text
    assert "Bearer ••••" in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_secret_shows_itself_only_by_name() -> None:
    secret = Secret("hush-hush-1")
    shown = f"{secret} {secret!r} {[secret]} {secret!s:>20}"
    assert "hush" not in shown
    assert secret.reveal() == "hush-hush-1"
    assert blotted("a hush-hush-1 b, Authorization: basic QUJDRA==") == "a •••• b, Authorization: basic ••••"


@pytest.mark.parametrize("toml", [f'client_secret = ["{SECRET}"]', f'client_secret = "{SECRET}', f'"{SECRET}" = 1\nx'])
def test_settings_that_cannot_be_read_do_not_repeat_a_secret(tmp_path: Path, toml: str) -> None:
    (tmp_path / "mmsflow.toml").write_text(toml)
    with pytest.raises(Exception, match="error") as caught:
        load_settings(tmp_path, {})
    assert SECRET not in repr(getattr(caught.value, "findings", ())) + str(caught.value)


def test_settings_do_not_show_their_secret(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"MMSFLOW_CLIENT_SECRET": SECRET})
    assert SECRET not in repr(settings)
    assert settings.client_secret.reveal() == SECRET


def test_a_secret_file_may_be_a_pipe_and_never_fills_the_memory(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    settings = load_settings(tmp_path, {"MMSFLOW_CLIENT_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.client_secret.reveal() == SECRET
    with pytest.raises(Exception, match="cannot be read from /dev/zero"):
        load_settings(tmp_path, {"MMSFLOW_CLIENT_SECRET_FILE": "/dev/zero"})
