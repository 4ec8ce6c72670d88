"""What is deployed says only what the program understands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from mmsflow.cli.app import app
from mmsflow.daemon.health import STALLED_SECONDS
from mmsflow.settings import READERS, Settings

ROOT = Path(__file__).resolve().parents[3]
UNIT = (ROOT / "deploy" / "mmsflow.service").read_text("utf-8")
CONTAINER = (ROOT / "deploy" / "Containerfile").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
SETTINGS = {f"MMSFLOW_{name.upper()}" for name in READERS} | {"MMSFLOW_WORKSPACE"}


def options(name: str) -> list[str]:
    """The values of one option of the unit, in order."""
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def instructions(name: str) -> list[str]:
    """The arguments of one instruction of the Containerfile, in order, with lines that go on put together."""
    return re.findall(rf"^{name} (.*)$", CONTAINER.replace("\\\n", " "), re.MULTILINE)


def parsed(arguments: list[str]) -> None:
    """The command line as the program takes it; nothing is run."""
    group = typer.main.get_command(app)
    name, rest = arguments[0], arguments[1:]
    command = group.commands[name]  # type: ignore[attr-defined]  # a group, by its declaration
    command.make_context(name, list(rest))


def test_the_unit_starts_a_command_that_exists_with_settings_that_exist() -> None:
    (start,) = options("ExecStart")
    program, *arguments = shlex.split(start)

    assert Path(program).name == "mmsflow"
    parsed(arguments)
    named = {each.partition("=")[0] for each in options("Environment")}
    assert named <= SETTINGS
    assert named >= {"MMSFLOW_WORKSPACE", "MMSFLOW_CLIENT_SECRET_FILE"}


def test_every_secret_of_the_unit_is_a_credential_that_a_setting_reads() -> None:
    handed_over = {each.partition(":")[0] for each in options("LoadCredential")}
    read = {each.partition("=%d/")[2] for each in options("Environment") if "=%d/" in each}

    assert handed_over == read
    assert not re.search(r"MMSFLOW_(?:CLIENT_SECRET|WEB_TOKEN|MAIL_PASSWORD|WEBHOOK_SECRET)=", UNIT)


def test_the_service_manager_waits_longer_than_a_graceful_stop_takes_and_asks_no_more_often_than_the_loop_turns() -> (
    None
):
    settings = Settings(workspace=ROOT)

    assert timedelta(seconds=int(options("TimeoutStopSec")[0])) > settings.total_deadline + timedelta(seconds=30)
    assert int(options("WatchdogSec")[0]) >= STALLED_SECONDS
    assert options("Type") == ["notify"]
    assert set(options("RestartPreventExitStatus")[0].split()) == {"2", "3", "8"}


def test_the_unit_may_write_its_workspace_and_the_witness_and_nothing_else() -> None:
    variables = dict(each.split("=", 1) for each in options("Environment"))
    workspace, witness = variables["MMSFLOW_WORKSPACE"], variables["MMSFLOW_WITNESS"]

    assert options("ProtectSystem") == ["strict"]
    assert options("ReadWritePaths") == [f"{workspace} {witness}"]
    assert not Path(witness).is_relative_to(workspace)
    assert {f"/var/lib/{name}" for name in options("StateDirectory")[0].split()} == {workspace, witness}
    assert options("NoNewPrivileges") == ["yes"]
    assert options("User") == ["mmsflow"]


def drop_in() -> str:
    """The drop-in of the page, for the secrets of notices."""
    (found,) = re.findall(
        r"^```ini title=/etc/systemd/system/mmsflow.service.d/\S+\n(.*?)^```", OPERATIONS, re.M | re.S
    )
    return str(found)


def test_the_drop_in_hands_over_the_secrets_of_notices_that_settings_read() -> None:
    handed_over = set(re.findall(r"^LoadCredential=(.*):/etc/mmsflow/\1$", drop_in(), re.MULTILINE))
    read = dict(re.findall(r"^Environment=(\w+)=%d/(.*)$", drop_in(), re.MULTILINE))

    assert handed_over == {*read.values()} == {"webhook-secret", "mail-password"}
    assert {*read} <= SETTINGS


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
@pytest.mark.parametrize("with_drop_in", [False, True])
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, with_drop_in: bool) -> None:
    unit = tmp_path / "mmsflow.service"
    # The program is not installed where the unit will find it.
    unit.write_text(UNIT.replace("/opt/mmsflow/bin/mmsflow", sys.executable), "utf-8")
    if with_drop_in:
        unit.with_name("mmsflow.service.d").mkdir()
        (unit.with_name("mmsflow.service.d") / "override.conf").write_text(drop_in(), "utf-8")

    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_image_copies_is_there_and_the_package_needs_no_more() -> None:
    copied = [each.split()[:-1] for each in instructions("COPY") if not each.startswith("--from=")]
    sources = {source for line in copied for source in line}

    assert [source for source in sources if not (ROOT / source).exists()] == []
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    travelling = re.findall(r'^"([a-z.]+)" = "mmsflow/example/', project, re.MULTILINE)
    assert {*travelling, "mmsflow", "pyproject.toml", "README.md", "LICENSE"} <= sources
    assert {"requirements.txt", "requirements-run.txt"} <= sources


def pip_calls(python: str) -> list[str]:
    """What the pip of one environment of the image is told, in order."""
    return re.findall(rf"{python}/bin/pip ([^\n&]*?)\s*(?:&&|$)", CONTAINER.replace("\\\n", " "), re.MULTILINE)


def test_the_image_installs_what_is_locked_by_digest_and_names_no_registry() -> None:
    calls = pip_calls(r"\S*")

    assert len(calls) == len(re.findall(r"\bpip (?:install|wheel)", CONTAINER))
    assert all("--no-deps" in each for each in calls)
    assert all(
        "--require-hashes -r" in each or "--no-index" in each or "--no-build-isolation" in each for each in calls
    )
    assert not re.search(r"https?://(?!127\.0\.0\.1)|--index-url|docker\.io", CONTAINER)


def test_what_builds_the_wheel_stays_behind_and_the_image_holds_what_is_locked_for_running() -> None:
    _, build, image = re.split(r"^FROM ", CONTAINER, flags=re.MULTILINE)

    packages, wheel = pip_calls("/opt/mmsflow")
    assert packages.endswith("--require-hashes -r requirements-run.txt")
    assert wheel.endswith("--no-index /opt/wheel/*.whl")
    assert "requirements.txt" in build
    assert re.findall(r"^COPY (.*)$", image, re.MULTILINE) == ["--from=build /opt/mmsflow /opt/mmsflow"]
    assert "pip" not in image


def test_the_page_installs_what_is_locked_for_running_where_the_unit_starts_it() -> None:
    section = OPERATIONS.partition("\n## Installing\n")[2].partition("\n## ")[0]
    (start,) = options("ExecStart")
    program = Path(shlex.split(start)[0])
    pip = program.with_name("pip")
    make, packages, project, *_, shown = section.partition("```sh\n")[2].partition("```")[0].splitlines()

    assert make == f"python3 -m venv --clear {program.parents[1]}"
    assert packages == f"{pip} install --no-deps --require-hashes -r requirements-run.txt"
    assert project == f"{pip} install --no-deps ."
    assert shown == f"{program} --version"


def test_the_image_runs_a_command_that_exists_as_a_user_without_rights_and_stops_by_sigterm() -> None:
    (entry,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")
    assert json.loads(entry) == ["mmsflow"]
    parsed(json.loads(command))
    assert instructions("USER") == ["10001:10001"]
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert {name for each in instructions("ENV") for name in re.findall(r"MMSFLOW_[A-Z_]+", each)} <= SETTINGS


def test_the_health_check_of_the_image_is_a_program_that_asks_healthz_at_the_port_of_the_page() -> None:
    (check,) = instructions("HEALTHCHECK")
    program, flag, text = json.loads(check.partition(" CMD ")[2])

    assert (program, flag) == ("python", "-c")
    compile(text, "HEALTHCHECK", "exec")
    assert f"http://127.0.0.1:{Settings(workspace=ROOT).web_port}/healthz" in text
