"""The cache: a second time costs nothing, and nothing that is broken in it is believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.pictures import photo, saved
from mmsflow.errors import InvalidInput
from mmsflow.media import fitting
from mmsflow.media.cache import FOLDER, MediaCache, cache_key
from mmsflow.media.fitting import Wish
from mmsflow.media.library import MediaLibrary
from mmsflow.media.model import SentPart

ROOM = 20_000


def fit(workspace: Path) -> tuple[list[SentPart], list[int]]:
    """The parts of one photo, and the worker processes that were needed."""
    with MediaLibrary(workspace) as media:
        picture = media.picture("a.jpg")
        assert picture
        wish = Wish((picture,), ROOM)
        parts = media.fit([wish])[wish]
        assert not isinstance(parts, InvalidInput)
        return parts, media.processes


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "a.jpg").write_bytes(saved(photo(400, 300), "JPEG"))
    return tmp_path


def entries(workspace: Path) -> list[Path]:
    return sorted((workspace / FOLDER).iterdir())


def test_a_second_time_needs_no_worker_and_gives_the_same_bytes(workspace: Path) -> None:
    first, started = fit(workspace)
    again, none = fit(workspace)
    assert started
    assert not none
    assert again == first


def test_entries_are_for_their_owner_only(workspace: Path) -> None:
    os.umask(0o000)
    try:
        fit(workspace)
    finally:
        os.umask(0o022)
    assert {path.stat().st_mode & 0o777 for path in entries(workspace)} == {0o600}
    assert (workspace / FOLDER).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", [b"", b"torn", b"\0" * 32 + b"forged", None])
def test_a_damaged_entry_is_made_anew(workspace: Path, damage: bytes | None) -> None:
    first, _ = fit(workspace)
    for path in entries(workspace):
        path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    again, started = fit(workspace)
    assert started
    assert again == first
    assert fit(workspace) == (first, [])


def test_another_content_or_another_version_is_another_entry(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(workspace)
    monkeypatch.setattr(fitting, "VERSION", fitting.VERSION + 1)
    assert fit(workspace)[1]
    (workspace / "a.jpg").write_bytes(saved(photo(400, 300, 2), "JPEG"))
    assert fit(workspace)[1]


def test_a_folder_that_cannot_be_used_means_no_cache_and_nothing_worse(workspace: Path) -> None:
    (workspace / ".mmsflow").write_text("a file in its place")
    first, _ = fit(workspace)
    assert fit(workspace)[0] == first


def test_what_was_used_lately_stays_when_it_grows_too_large(tmp_path: Path) -> None:
    cache = MediaCache(tmp_path, most_bytes=2_500)
    keys = [cache_key(name) for name in ("old", "used", "new")]
    for age, key in enumerate(keys):
        cache.put(key, bytes(1_000))
        os.utime(tmp_path / FOLDER / key, (age, age))
    assert cache.get(keys[0]) is not None  # used: younger than the others now
    cache.trim()
    assert [cache.get(key) is not None for key in keys] == [True, False, True]
