"""The stop file: that it exists is what stops, and only a file that is known to be absent lets anything go."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmsflow.errors import LedgerError
from mmsflow.ledger import stop_file
from mmsflow.ledger.stop_file import Stop, StopFile

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_a_stop_keeps_who_why_and_since_for_its_owner_alone_and_is_lifted(tmp_path: Path) -> None:
    file = StopFile(tmp_path / "new" / "ledger.db")
    assert (file.exists(), file.read(), file.lift()) == (False, None, False)

    assert file.set("Anna", "wrong price", NOW) == Stop("Anna", "wrong price", NOW)

    assert file.read() == Stop("Anna", "wrong price", NOW)
    assert file.path == tmp_path / "new" / "ledger.db.stopped"
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.lift()
    assert (file.exists(), file.read()) == (False, None)


def test_a_second_stop_leaves_the_first_ones_name_and_date(tmp_path: Path) -> None:
    file = StopFile(tmp_path / "ledger.db")
    file.set("Anna", "wrong price", NOW)
    assert file.set("Ola", "me too", NOW.replace(hour=9)) == Stop("Anna", "wrong price", NOW)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"since": "soon"}', b"[" * 9000, b"x" * 99_999])
def test_whatever_stands_in_it_everything_is_stopped(tmp_path: Path, content: bytes) -> None:
    file = StopFile(tmp_path / "ledger.db")
    file.path.write_bytes(content)
    stop = file.read()
    assert stop is not None
    assert stop.trouble
    assert "all sending is stopped" in stop.reason
    assert file.set("Anna", "now I know", NOW).who == "Anna", "a torn one is replaced by one that says who"
    assert file.read() == Stop("Anna", "now I know", NOW)


def test_a_folder_a_pipe_and_a_link_that_leads_nowhere_stop_as_well(tmp_path: Path) -> None:
    for kind, make in (
        ("folder", lambda path: path.mkdir()),
        ("pipe", lambda path: os.mkfifo(path)),
        ("link", lambda path: path.symlink_to(tmp_path / "nowhere")),
    ):
        file = StopFile(tmp_path / f"{kind}.db")
        make(file.path)
        stop = file.read()
        assert file.exists(), kind
        assert stop is not None, kind
        assert stop.trouble, kind


def test_what_cannot_be_looked_at_counts_as_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = StopFile(tmp_path / "ledger.db")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "lstat", refused)
    monkeypatch.setattr(os, "open", refused)
    assert file.exists()
    assert file.read() == Stop(trouble="its file cannot be read, Permission denied")


def test_on_a_full_disk_everything_is_stopped_although_nobodys_name_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stop_file, "write_private", full)
    file = StopFile(tmp_path / "ledger.db")
    stop = file.set("Anna", "", NOW)
    assert "No space left" in stop.trouble
    assert file.exists()


@pytest.mark.parametrize("look", [None, errno.EACCES])
def test_where_the_file_cannot_be_made_nothing_is_said_to_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: int | None
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(look or errno.EROFS, "refused")

    monkeypatch.setattr(os, "open", refused)
    if look is not None:  # another user's folder: its owner may find no file there
        monkeypatch.setattr(os, "lstat", refused)
    with pytest.raises(LedgerError, match="cannot be made") as raised:
        StopFile(tmp_path / "ledger.db").set("Anna", "", NOW)
    assert raised.value.cause == "stop_file"
    assert "end the processes" in raised.value.advice


def test_where_the_file_cannot_be_removed_nothing_is_said_to_go_on(tmp_path: Path) -> None:
    file = StopFile(tmp_path / "ledger.db")
    file.path.mkdir()
    with pytest.raises(LedgerError, match="cannot be removed"):
        file.lift()
    assert file.exists()


def test_a_reason_of_many_lines_with_colours_is_one_harmless_line(tmp_path: Path) -> None:
    file = StopFile(tmp_path / "ledger.db")
    stop = file.set("An\nna", "a\x1b[31m\nb" + "c" * 2000, NOW)
    assert stop.who == "An na"
    assert "\x1b" not in stop.why
    assert len(stop.why) == 500
    assert json.loads(file.path.read_bytes())["who"] == "An na"
    assert file.read() == stop
