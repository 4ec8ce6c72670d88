"""A path in a campaign or a list opens a regular file of the workspace, or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmsflow.errors import Finding, InvalidInput
from mmsflow.mms.workspace_files import open_inside


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    (root / "lists").mkdir(parents=True)
    (root / "lists" / "loyalty.csv").write_bytes(b"msisdn\n")
    (tmp_path / "secret.csv").write_bytes(b"secret")
    return root


def refusal(workspace: Path, relative: str) -> Finding:
    with pytest.raises(InvalidInput) as caught:
        open_inside(workspace, relative)
    (finding,) = caught.value.findings
    assert finding.fix
    return finding


def test_a_regular_file_is_opened(workspace: Path) -> None:
    with open_inside(workspace, "lists/loyalty.csv") as file:
        assert file.read() == b"msisdn\n"


def test_a_link_that_stays_inside_is_followed(workspace: Path) -> None:
    (workspace / "current.csv").symlink_to("lists/loyalty.csv")
    with open_inside(workspace, "current.csv") as file:
        assert file.read() == b"msisdn\n"


@pytest.mark.parametrize(
    "relative", ["../secret.csv", "lists/../../secret.csv", "/etc/passwd", "", "/proc/self/environ"]
)
def test_a_path_that_leads_out_is_refused(workspace: Path, relative: str) -> None:
    assert refusal(workspace, relative).message == "it is outside the workspace"


def test_a_link_that_leads_out_is_refused(workspace: Path) -> None:
    (workspace / "lists" / "out.csv").symlink_to(workspace.parent / "secret.csv")
    (workspace / "away").symlink_to(workspace.parent)
    assert refusal(workspace, "lists/out.csv").message == "it is outside the workspace"
    assert refusal(workspace, "away/secret.csv").message == "it is outside the workspace"


def test_a_link_swapped_in_after_the_path_was_judged_opens_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = os.open
    swapped = workspace / "lists"

    def swap_then_open(path: str | Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "lists" and not swapped.is_symlink():
            swapped.rename(workspace / "before")
            swapped.symlink_to(workspace.parent)
        return real_open(path, flags, mode, dir_fd=dir_fd)

    (workspace.parent / "loyalty.csv").write_bytes(b"secret")
    monkeypatch.setattr(os, "open", swap_then_open)
    refusal(workspace, "lists/loyalty.csv")


def test_links_in_a_circle_are_refused(workspace: Path) -> None:
    (workspace / "a").symlink_to("b")
    (workspace / "b").symlink_to("a")
    assert "link" in refusal(workspace, "a").message


def test_a_fifo_is_refused_without_waiting_for_its_writer(workspace: Path) -> None:
    os.mkfifo(workspace / "lists" / "pipe.csv")
    assert refusal(workspace, "lists/pipe.csv").message == "it is not a regular file"


def test_a_folder_is_refused(workspace: Path) -> None:
    assert refusal(workspace, "lists").message == "it is a folder"
    assert refusal(workspace, ".").message == "it is a folder"


def test_a_missing_file_is_named_with_the_one_that_may_be_meant(workspace: Path) -> None:
    finding = refusal(workspace, "lists/loyality.csv")
    assert finding.file == "lists/loyality.csv"
    assert finding.fix == "did you mean lists/loyalty.csv?"


@pytest.mark.parametrize("relative", ["nowhere/loyalty.csv", "lists/zzz", "lists/loyalty.csv/x", "../x/y"])
def test_a_missing_file_without_a_near_name_still_has_a_way_out(workspace: Path, relative: str) -> None:
    refusal(workspace, relative)


@pytest.mark.parametrize("relative", ["lists/\0.csv", "x" * 5_000, "lists/" + "y" * 300, "lists/\ud800", "a\nb"])
def test_a_path_that_no_file_can_have_is_refused(workspace: Path, relative: str) -> None:
    assert refusal(workspace, relative).file.isprintable()


def test_no_guess_looks_outside_the_workspace(workspace: Path) -> None:
    assert "secret" not in refusal(workspace, "../secre.csv").fix
