"""Every page: links lead somewhere, commands exist, nothing is said that belongs elsewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer
from pages import ROOT, blocks, pages, prose

from mmsflow.cli.app import app
from mmsflow.settings import READERS
from mmsflow.simulator.app import ROUTES

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]

_LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_page_and_to_one_of_its_headings(page: Path) -> None:
    for path, anchor in _LINK.findall(prose(page)):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{path} is not there"
        assert not anchor or anchor in anchors(target), f"{path}#{anchor} is no heading"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group, by its declaration
    inline = re.findall(r"`mmsflow ([a-z][a-z-]+)", page.read_text("utf-8"))
    typed = [
        name for block in blocks(page) for name in re.findall(r"^mmsflow ([a-z][a-z-]+)", block.text, re.MULTILINE)
    ]

    assert {*inline, *typed} <= commands


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_that_a_page_names_is_a_setting(page: Path) -> None:
    named = set(re.findall(r"MMSFLOW_[A-Z_]+", page.read_text("utf-8")))

    assert named <= {f"MMSFLOW_{name.upper()}" for name in READERS} | {"MMSFLOW_WORKSPACE"}


@pytest.mark.parametrize("page", PAGES)
def test_no_page_holds_an_address_of_a_registry_or_a_path_of_one_machine(page: Path) -> None:
    text = page.read_text("utf-8")

    for pattern in (
        r"pypi\.org",
        r"pythonhosted",
        r"(?<![\w.])/(?:work|root|home|tmp)/",
        r"(?<![\w&(/])#\d+\b",
        r"\bTODO\b",
    ):
        assert not re.search(pattern, text), pattern


def test_every_library_that_reaches_outside_has_its_cage() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    caged = {library for each in contracts if each["type"] == "protected" for library in each["protected_modules"]}
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("| Library | Imported in |")[2].partition("<!-- end -->")[0]
    imported = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))

    # tabulate makes a text of a list, so nothing is gained by caging it.
    assert imported - caged == {"tabulate"}


def test_the_gateway_page_names_the_calls_that_the_simulator_plays() -> None:
    text = (ROOT / "docs" / "gateway.md").read_text("utf-8")

    assert [path for _, path in ROUTES.values() if path not in text] == []
