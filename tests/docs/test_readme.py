"""What the README shows is what the program does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pages import ROOT, blocks, text_of

from mmsflow import __version__
from mmsflow.mms.status import Bucket
from mmsflow.workflow.example import copy_example


def run_mmsflow(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MMSFLOW_")}
    program = "from mmsflow.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment | {"MMSFLOW_GATEWAY": "simulator"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def shown(beginning: str) -> str:
    """The README's block of output that begins so."""
    (text,) = [block.text for block in blocks("README.md") if block.kind == "text" and block.text.startswith(beginning)]
    return text


def undated(text: str) -> str:
    """Without what changes from day to day: instants, the zone's name, and the width that they give a column."""
    dateless = re.sub(r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d CES?T", "DATE", text)
    return "\n".join(re.sub(r"[- ]{2,}", "  ", line).rstrip() for line in dateless.strip().splitlines())


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme") / "example"
    copy_example(folder)
    return folder


def test_the_readme_begins_with_the_two_commands() -> None:
    first, second, third, fourth = text_of("README.md").splitlines()[:4]

    assert (first, fourth) == ("```sh", "```")
    assert re.fullmatch(r"sh scripts/demo +# .+", second)
    assert re.fullmatch(r"sh scripts/test +# .+", third)
    assert (ROOT / "scripts" / "demo").is_file()
    assert (ROOT / "scripts" / "test").is_file()


def test_the_campaign_in_the_readme_is_the_example_that_the_demo_runs() -> None:
    (block,) = [block for block in blocks("README.md") if block.kind == "yaml"]
    example = (ROOT / "campaigns" / "winter-sale.yaml").read_text("utf-8").splitlines()

    assert block.text.splitlines() == [line for line in example if not line.startswith("# ") or "$schema" in line]


def test_the_plan_in_the_readme_is_the_plan_that_the_program_makes(example: Path) -> None:
    done = run_mmsflow("plan", "campaigns/winter-sale.yaml", folder=example)

    assert done.returncode == 0, done.stderr
    # The forecast of later periods rests on the day it is made on; the README leaves it out.
    assert undated(done.stdout).startswith(undated(shown("audience")))


def test_the_end_of_the_run_in_the_readme_adds_up_to_the_rows_of_its_plan() -> None:
    _, _, *counts, total, state = shown("bucket").splitlines()
    rows = {line[:18].strip(): int(line[18:]) for line in counts}

    assert set(rows) <= {bucket.replace("_", " ") for bucket in Bucket}
    assert sum(rows.values()) == int(total.removeprefix("rows of the lists")) == 300
    assert sum(rows.values()) - rows["excluded"] == 165
    assert re.fullmatch(r"winter-sale-\d{8}-1 is done", state)


def test_the_errors_in_the_readme_are_those_that_check_shows(example: Path) -> None:
    text = "version: 1\ncampaign: Spring\npurpose: transactional\nsender: ACME\n\nrecipients: [{number: '501102030'}]\n"
    (example / "campaigns" / "spring.yaml").write_text(text + "message:\n  subjct: Hello\n  subject: Hello\n", "utf-8")

    done = run_mmsflow("check", "campaigns/spring.yaml", folder=example)

    assert done.returncode == 3
    assert done.stderr.startswith(shown("campaigns/spring.yaml"))


def test_the_package_shows_this_readme_and_the_wheel_is_named_after_its_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert project["readme"] == "README.md"
    assert project["version"] == __version__
    assert f"dist/mmsflow-{__version__}-py3-none-any.whl" in text_of("README.md")
    assert f"## [{__version__}]" in text_of("CHANGELOG.md")
