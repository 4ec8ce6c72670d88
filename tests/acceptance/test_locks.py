"""What runs on a server is what was tested, and no more of it than running needs."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import files, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mmsflow.workflow.example import copy_example

from .console import Done, environment_with
from .locks import ROOT, locked, pins

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DEPENDENCIES = [Requirement(each) for each in PROJECT["project"]["dependencies"]]


def with_what_they_need(asked: Iterable[Requirement]) -> set[str]:
    """Names of these and of all that they need here, by what the installed packages say of themselves."""
    seen: set[tuple[str, str]] = set()
    waiting = list(asked)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {known for owner, known in seen if owner == name}:
            seen.add((name, extra))
            further = [Requirement(each) for each in requires(name) or ()]
            waiting += [each for each in further if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_each_package_that_is_run_is_the_one_that_was_tested_by_version_and_digest(python: str) -> None:
    running, tested = pins("requirements-run.txt", python), pins("requirements.txt", python)

    assert running
    assert {name: pin for name, pin in running.items() if tested.get(name) != pin} == {}


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-run.txt"])
def test_every_package_of_a_lock_has_one_version_and_digests(lock: str) -> None:
    for each in locked(lock):
        assert [specifier.operator for specifier in each.requirement.specifier] == ["=="], each
        assert each.digests, each
        assert all(digest.startswith("sha256:") for digest in each.digests), each


def test_every_dependency_of_the_project_is_locked_for_running_in_a_version_that_suits() -> None:
    versions = {name: version for name, (version, _) in pins("requirements-run.txt").items()}

    for dependency in DEPENDENCIES:
        assert dependency.specifier.contains(versions[canonicalize_name(dependency.name)]), dependency


def test_locked_for_running_is_what_the_project_needs_here_and_nothing_else() -> None:
    assert set(pins("requirements-run.txt")) == with_what_they_need(DEPENDENCIES)


def test_nothing_that_only_tests_checks_measures_or_builds_is_locked_for_running() -> None:
    groups = PROJECT["dependency-groups"].values()
    asked = {canonicalize_name(Requirement(each).name) for group in groups for each in group if isinstance(each, str)}
    for_developers = asked - with_what_they_need(DEPENDENCIES)

    assert {"pytest", "ruff", "mypy", "playwright", "hatchling"} <= for_developers
    assert {each.name for each in locked("requirements-run.txt")} & for_developers == set()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import from that holds what is locked for running, in links to this environment's files."""
    folder = tmp_path_factory.mktemp("packages")
    for name in pins("requirements-run.txt"):
        for file in files(name) or ():
            # Programs beside python are no part of what can be imported.
            if ".." not in file.parts:
                link = folder / file
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file.locate())
    return folder


def python(program: str, *arguments: str, packages: Path, folder: Path) -> Done:
    """Runs a program that can import those packages, mmsflow, and nothing of this environment (``-S``)."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, *arguments],
        cwd=folder,
        env=environment_with({"PYTHONPATH": f"{packages}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
        encoding="utf-8",
    )
    return Done(done.returncode, done.stdout, done.stderr)


EVERY_MODULE = """
import importlib, importlib.util, pkgutil, mmsflow
print(importlib.util.find_spec("pytest"))
for each in pkgutil.walk_packages(mmsflow.__path__, "mmsflow."):
    # Migrations are run by Alembic, which gives them what they import.
    if ".migrations" not in each.name:
        importlib.import_module(each.name)
        print(each.name)
"""


def test_every_module_is_imported_with_nothing_but_what_is_locked_for_running(packages: Path, tmp_path: Path) -> None:
    none, *imported = python(EVERY_MODULE, packages=packages, folder=tmp_path).ended_with(0).out.splitlines()

    assert none == "None", "the tests' packages are hidden from it"
    assert {"mmsflow.cli.main", "mmsflow.daemon.service", "mmsflow.web.server", "mmsflow.report.write"} <= {*imported}


def test_a_campaign_is_carried_out_with_nothing_but_what_is_locked_for_running(packages: Path, tmp_path: Path) -> None:
    folder = tmp_path / "example"
    copy_example(folder)
    program = "from mmsflow.cli.main import main; main()"
    # This one reads a workbook, draws codes, fits pictures and writes a workbook.
    arguments = ("run", "campaigns/spring-club.yaml", "--yes", "--no-wait")

    out = python(program, *arguments, packages=packages, folder=folder).ended_with(0).out

    assert "is sent" in out
    assert {path.name for path in folder.glob("reports/*/report.*")} >= {"report.html", "report.xlsx"}
