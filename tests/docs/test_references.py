"""The references say what the code says, and leave nothing out."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer
from pages import ROOT, reference, text_of
from pydantic import BaseModel

from mmsflow import errors
from mmsflow.campaign import model, sources
from mmsflow.cli.app import app
from mmsflow.errors import MmsflowError
from mmsflow.mms.status import TRANSITIONS, Bucket, MessageState
from mmsflow.report.tables import COLUMNS
from mmsflow.settings import READERS
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.faults import FaultKind


def test_the_generated_parts_of_all_pages_are_what_the_code_gives_now() -> None:
    stale = [str(page.relative_to(ROOT)) for page in reference().stale(write=False)]

    assert not stale, f"run `sh scripts/docs`: {', '.join(stale)}"


def test_a_changed_part_is_noticed_and_made_anew() -> None:
    page = "# Title\n<!-- generated: buckets -->\n\nold words\n\n<!-- end -->\nafter\n"

    anew = reference().filled(page)

    assert "old words" not in anew
    assert "| `delivered` |" in anew
    assert anew.startswith("# Title\n")
    assert anew.endswith("after\n")
    assert reference().filled(anew) == anew


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_in_the_command_line_reference(name: str) -> None:
    section = text_of("docs/cli.md").partition(f"## mmsflow {name}\n")[2].partition("\n## ")[0]

    assert section, f"no section for {name}"
    for option in (each for each in commands()[name].params if each.param_type_name == "option"):
        flags = [*option.opts, *option.secondary_opts]
        assert all(f"`{flag}" in section for flag in flags), flags


def test_every_command_is_in_the_readme() -> None:
    readme = text_of("README.md")

    assert [name for name in commands() if f"[`{name}`]" not in readme] == []


def test_options_of_the_program_itself_are_documented() -> None:
    text = text_of("docs/cli.md")

    assert all(f"`{option}`" in text for option in ("--install-completion", "--show-completion"))
    assert "mmsflow --version" in text


@pytest.mark.parametrize("name", [*READERS, "workspace"])
def test_every_setting_is_documented_with_its_variable(name: str) -> None:
    text = text_of("docs/settings.md")

    assert f"`MMSFLOW_{name.upper()}`" in text
    assert name == "workspace" or f"| `{name}` |" in text


def blocks_of_the_campaign_file() -> list[type[BaseModel]]:
    known = [*vars(model).values(), *vars(sources).values()]
    found = {each: None for each in known if inspect.isclass(each) and issubclass(each, sources.Model)}
    return [each for each in found if each is not sources.Model]


@pytest.mark.parametrize("block", blocks_of_the_campaign_file(), ids=lambda block: block.__name__)
def test_every_key_of_the_campaign_file_is_documented(block: type[BaseModel]) -> None:
    page = reference()
    title = page._BLOCKS[block.__name__]
    section = text_of("docs/campaign.md").partition(f"### {title}\n")[2].partition("\n### ")[0]

    assert [key for key in block.model_fields if f"| `{key}` |" not in section] == []


def test_every_exit_code_has_its_line_in_the_readme_and_its_section_in_troubleshooting() -> None:
    raised = {
        each.exit_code for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, MmsflowError)
    }
    sections = text_of("docs/troubleshooting.md")
    readme = text_of("README.md")

    for code in raised | {0, 130}:
        assert f"## Exit {code}\n" in sections
        assert f"[{code}](docs/troubleshooting.md#exit-{code})" in readme


def test_every_column_of_the_report_is_documented_in_order() -> None:
    text = text_of("docs/report.md")
    places = [text.find(f"| `{column}` |") for column in COLUMNS]

    assert -1 not in places
    assert places == sorted(places)


def test_every_state_and_every_legal_move_is_in_the_architecture_page() -> None:
    text = text_of("docs/architecture.md")
    for state in MessageState:
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{state}` | `")]
        nexts = line.split("|")[3]
        assert {each for each in MessageState if f"`{each}`" in nexts} == TRANSITIONS[state]


def test_every_bucket_is_in_the_glossary() -> None:
    glossary = text_of("docs/glossary.md")

    assert [bucket for bucket in Bucket if f"| `{bucket}` |" not in glossary] == []


def test_every_fault_and_every_field_of_the_simulator_is_documented() -> None:
    text = text_of("docs/simulator.md")

    assert [kind for kind in FaultKind if f"| `{kind}` |" not in text] == []
    assert [name for name in SimulatorConfig.__dataclass_fields__ if f"| `{name}` |" not in text] == []
