"""What runs leave beside the campaigns is no change of the campaigns."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mmsflow.workflow.revision import revision_of


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A workspace that is a folder of a committed repository."""
    workspace = tmp_path / "workspace"
    (workspace / "campaigns").mkdir(parents=True)
    (workspace / "campaigns" / "a.yaml").write_text("version: 1\n")
    person = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "-A"), (*person, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True)
    return workspace


def test_a_marker_leaves_the_tree_clean(repository: Path) -> None:
    (repository / "campaigns" / ".runs").mkdir()
    (repository / "campaigns" / ".runs" / "a.json").write_text("{}")
    assert revision_of(repository).clean


def test_anything_else_does_not_also_outside_the_workspace(repository: Path) -> None:
    (repository.parent / "notes.txt").write_text("new")
    assert not revision_of(repository).clean
