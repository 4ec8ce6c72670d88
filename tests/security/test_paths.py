"""No path of a campaign, a row or a plan opens anything but a regular file of the workspace, and none can hang us."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from acceptance.console import Console, Preloaded
from acceptance.workspace import CAMPAIGN, add_attachments, change_campaign, numbers, write_workspace

_CANARY = "number\n+48501999001\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.csv").write_text(_CANARY)
    (tmp_path / "outside" / "secret.txt.j2").write_text("canary {{ code }}")
    (tmp_path / "outside" / "secret.txt").write_text("canary")
    return tmp_path / "outside"


@pytest.fixture
def console(tmp_path: Path, preloaded: Preloaded) -> Console:
    folder = write_workspace(tmp_path / "workspace", numbers(3))
    add_attachments(folder)
    os.mkfifo(folder / "lists" / "pipe.csv")
    (folder / "device.csv").symlink_to("/dev/zero")
    return Console(folder, {"MMSFLOW_GATEWAY": "simulator", "MMSFLOW_SIMULATOR_DELAY": "100ms"}, preloaded)


LEADING_OUT = [
    "../outside/secret.EXT",
    "lists/../../outside/secret.EXT",
    "/etc/hostname",
    "/proc/self/environ",
    "/dev/zero",
    "link.EXT",
    "away/secret.EXT",
    "lists/pipe.csv",
    "device.csv",
    "lists",
    "file:///etc/hostname",
    "http://127.0.0.1:9/list.EXT",
    "//127.0.0.1/share/list.EXT",
    "https://127.0.0.1/list.EXT",
]
PLACES = {
    "list": ("csv: lists/people.csv", "csv: {}", "csv"),
    "opt-outs": ("message:", "exclude: [{{csv: {}}}]\nmessage:", "csv"),
    "template": ("text: templates/offer.txt.j2", "text: {}", "txt.j2"),
    "picture": ("file: media/winter.jpg", "file: {}", "txt"),
    "path out of a row": ("file: media/winter.jpg", "file: \"{{{{ '{}' if code else code }}}}\"", "txt"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("path", LEADING_OUT)
def test_a_path_that_leads_out_is_an_error_everywhere(console: Console, outside: Path, place: str, path: str) -> None:
    old, new, ending = PLACES[place]
    name = path.replace("EXT", ending)
    (console.folder / f"link.{ending}").symlink_to(outside / f"secret.{ending}")
    (console.folder / "away").symlink_to(outside)
    change_campaign(console.folder, {old: new.format(name)})
    done = console("preview", CAMPAIGN, "--json").ended_with(3)
    assert done.document["errors"]
    assert "canary" not in done.out + done.err
    assert "999001" not in done.out + done.err


def test_an_include_of_a_template_stays_inside(console: Console, outside: Path) -> None:
    (console.folder / "templates" / "link.j2").symlink_to(outside / "secret.txt")
    for path in ("../../outside/secret.txt", "templates/../../outside/secret.txt", "link.j2", "/etc/hostname"):
        (console.folder / "templates" / "offer.txt.j2").write_text(f"{{% include '{path}' %}}")
        assert "canary" not in console("preview", CAMPAIGN, "--json").ended_with(3).out


@pytest.mark.parametrize(
    "campaign_file", ["../outside/c.yaml", "/etc/hostname", "campaigns/../../outside/c.yaml", "/dev/zero", "a\nb"]
)
def test_a_plan_names_a_campaign_of_this_workspace(console: Console, outside: Path, campaign_file: str) -> None:
    (outside / "c.yaml").write_text((console.folder / CAMPAIGN).read_text())
    console("plan", CAMPAIGN, "--out", "plan.json").ended_with(0)
    plan = json.loads((console.folder / "plan.json").read_text())
    (console.folder / "plan.json").write_text(json.dumps(plan | {"campaign_file": campaign_file}))
    (error,) = console("run", "plan.json", "--yes", "--json").ended_with(3).document["errors"]
    assert "outside the workspace" in error["message"]


@pytest.mark.parametrize("file", ["/dev/zero", "lists/pipe.csv", "lists", "/proc/self/mem", "big.json"])
def test_what_is_no_campaign_and_no_plan_is_refused_without_reading_on(console: Console, file: str) -> None:
    with (console.folder / "big.json").open("wb") as big:
        big.write(b'{"format": "')
        big.truncate(1 << 40)  # a terabyte of nothing
    console("run", file, "--yes", "--json").ended_with(3)


@pytest.mark.parametrize("out", ["lists/people.csv", "lists/pipe.csv", "/dev/null", "/proc/self", "x" * 300])
def test_a_report_goes_into_a_folder_or_nowhere(console: Console, out: str) -> None:
    run = console("run", CAMPAIGN, "--yes", "--json").document["run"]
    assert console("report", run, "--out", out).code in {1, 2}
    assert (console.folder / "lists" / "people.csv").read_text().startswith("number")


def test_a_link_in_the_place_of_a_report_is_replaced_and_not_followed(console: Console, outside: Path) -> None:
    run = console("run", CAMPAIGN, "--yes", "--json").document["run"]
    report = console.folder / "reports" / run / "report.csv"
    report.unlink()
    report.symlink_to(outside / "secret.csv")
    console("report", run).ended_with(0)
    assert not report.is_symlink()
    assert (outside / "secret.csv").read_text() == _CANARY
