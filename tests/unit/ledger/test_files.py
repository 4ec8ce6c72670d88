"""The ledger as files: who may read them, and what happens when they are not what they should be."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mmsflow.errors import LedgerError, RunHeld, UsageError
from mmsflow.ledger.database import ledger_path
from mmsflow.ledger.lock import holder_of, lock_path
from mmsflow.ledger.model import QuotaReading
from mmsflow.ledger.store import Ledger, LedgerReader

READING = QuotaReading(datetime(2026, 12, 1, tzinfo=UTC), "account", 1, 99, date(2026, 12, 22))


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("url", ["postgresql://host/db", "postgresql+psycopg://host/db", "postgres://host/db"])
@pytest.mark.parametrize("opened", [Ledger, LedgerReader])
def test_postgresql_is_refused_with_the_reason(url: str, opened: type[LedgerReader]) -> None:
    with pytest.raises(UsageError, match="only sqlite is"):
        opened.open(url)


@pytest.mark.parametrize(
    "url",
    ["", "ledger.db", "sqlite:", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://x/y", "sqlite:///a\0b"],
)
def test_an_address_that_names_no_file_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Ledger.open(url)
    assert "sqlite:///" in caught.value.advice


def test_the_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        Ledger.open("mysql://me:secret@host/db")
    assert "secret" not in caught.value.message + caught.value.advice


def test_a_path_is_relative_with_three_slashes_and_absolute_with_four(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ledger_path("sqlite:///a b/ledger.db") == tmp_path / "a b" / "ledger.db"
    assert ledger_path("sqlite:////var/ledger?.db") == Path("/var/ledger?.db")


def test_names_with_characters_that_mean_something_in_an_address_are_just_names(tmp_path: Path) -> None:
    path = tmp_path / "50% #1 ?x=żółw" / "ledger.db"
    with Ledger.open(url_of(path)) as ledger:
        ledger.record_quota(READING)
    assert path.is_file()
    with LedgerReader.open(url_of(path)) as reader:
        assert reader.quota_readings("account") == [READING]


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_what_we_create_is_for_its_owner_only(tmp_path: Path, umask: int) -> None:
    path = tmp_path / ".mmsflow" / "ledger.db"
    before = os.umask(umask)
    try:
        with Ledger.open(url_of(path)) as ledger:
            ledger.record_quota(READING)
            modes = {file.name: mode(file) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"], 0o600)
    assert mode(path.parent) == 0o700


def test_every_commit_is_durable_before_it_returns(tmp_path: Path) -> None:
    with Ledger.open(url_of(tmp_path / "ledger.db")) as ledger, ledger._database.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        timeout = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert timeout == 5000


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    url = url_of(tmp_path / "ledger.db")
    with Ledger.open(url) as ledger, LedgerReader.open(url) as reader:
        with pytest.raises(LedgerError, match="cannot be written"), reader._database.write() as connection:
            connection.exec_driver_sql("DELETE FROM runs")
        with pytest.raises(LedgerError, match="cannot be written"), ledger._database.read_beside() as connection:
            connection.exec_driver_sql("DELETE FROM runs")


@pytest.mark.parametrize("opened", [Ledger, LedgerReader])
def test_a_file_that_is_no_database_is_an_error_and_stays_as_it_is(tmp_path: Path, opened: type[LedgerReader]) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"telefon;kod\r\n501102030;A1\r\n" * 500)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="not an SQLite database") as caught:
        opened.open(url_of(path))
    assert caught.value.advice
    assert path.read_bytes() == before


@pytest.mark.parametrize("opened", [Ledger, LedgerReader])
def test_a_database_of_another_program_is_refused_and_stays_as_it_is(
    tmp_path: Path, opened: type[LedgerReader]
) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(LedgerError, match="another program"):
        opened.open(url_of(path))
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


@pytest.mark.parametrize("place", range(0, 100, 4))
def test_a_damaged_ledger_is_an_error_or_still_right_but_never_a_traceback(tmp_path: Path, place: int) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(url_of(path)) as ledger:
        ledger.record_quota(READING)
    damaged = bytearray(path.read_bytes())
    start = len(damaged) * place // 100
    damaged[start : start + 2000] = b"\xa5" * 2000
    path.write_bytes(damaged)
    for opened in (LedgerReader, Ledger):
        try:
            with opened.open(url_of(path)) as ledger:
                assert ledger.quota_readings("account") in ([READING], [])
                ledger.runs()
                ledger.stories("+48501102030")
        except LedgerError as error:
            assert error.advice  # noqa: PT017 - an error is one of two right ends


def test_a_ledger_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "ledger.db", tmp_path / "folder", Path("/proc/mmsflow/ledger.db")):
        with pytest.raises(LedgerError) as caught:
            Ledger.open(url_of(path))
        assert caught.value.advice
    with pytest.raises(LedgerError):
        LedgerReader.open(url_of(tmp_path / "folder"))


@contextmanager
def somebody_without_rights() -> Iterator[None]:
    """Run as an ordinary user where the tests run as root, whom no mode of a folder stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_written_is_an_error_for_a_writer() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        with somebody_without_rights(), pytest.raises(LedgerError, match="cannot be") as caught:
            Ledger.open(url_of(folder / "ledger.db"))
        assert "writable" in caught.value.advice
        folder.chmod(0o700)


def test_a_ledger_that_may_not_be_read_is_an_error_for_a_reader() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        Ledger.open(url_of(folder / "ledger.db")).close()
        (folder / "ledger.db").chmod(0)
        with somebody_without_rights(), pytest.raises(LedgerError, match="cannot be opened"):
            LedgerReader.open(url_of(folder / "ledger.db"))


@contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_room_nothing_is_half_written_and_the_same_ledger_goes_on_when_there_is_some(tmp_path: Path) -> None:
    with Ledger.open(url_of(tmp_path / "ledger.db")) as ledger:
        ledger.record_quota(READING)
        room = 4096  # less than one page of the log with its header
        with files_no_larger_than(room), pytest.raises(LedgerError) as caught:
            ledger.record_quota(READING)
        assert "room" in caught.value.advice
        assert ledger.quota_readings("account") == [READING]
        ledger.record_quota(READING)
        assert len(ledger.quota_readings("account")) == 2


def test_a_full_database_says_so(tmp_path: Path) -> None:
    with Ledger.open(url_of(tmp_path / "ledger.db")) as ledger:
        with ledger._database.read() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        many = QuotaReading(READING.at, "a" * 100_000, 1, 1, None)
        with pytest.raises(LedgerError, match="no room left"):
            ledger.record_quota(many)
        assert ledger.quota_readings(many.account) == []


def test_a_file_whose_making_was_interrupted_reads_as_empty_and_is_made_good(tmp_path: Path) -> None:
    for name, content in (("empty.db", b""), ("started.db", None)):
        path = tmp_path / name
        if content is None:
            with closing(sqlite3.connect(path)) as started:
                started.execute("PRAGMA journal_mode = WAL")
        else:
            path.write_bytes(content)
        with LedgerReader.open(url_of(path)) as reader:
            assert reader.runs() == []
        with Ledger.open(url_of(path)) as ledger:
            ledger.record_quota(READING)
            assert ledger.quota_readings("account") == [READING]


def test_a_note_that_cannot_be_read_still_leaves_the_process_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    code = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'w'); file.write('{half a no'); file.flush()\n"
        "fcntl.lockf(file, fcntl.LOCK_EX); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock_path(path))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "locked\n"
            holder = holder_of(path)
            assert holder is not None
            assert (holder.pid, holder.since, holder.command) == (child.pid, None, "")
            with pytest.raises(RunHeld, match=f"process {child.pid} "):
                Ledger.open(url_of(path))
        finally:
            child.kill()
            child.wait()
    assert holder_of(path) is None


def test_a_lock_file_left_by_a_dead_owner_is_in_nobody_s_way(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    lock_path(path).write_text('{"pid": 1, "host": "old", "since": "2020-01-01T00:00:00+00:00", "command": "x"}')
    assert holder_of(path) is None
    Ledger.open(url_of(path)).close()


def test_a_lock_file_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    lock_path(tmp_path / "ledger.db").mkdir()
    with pytest.raises(LedgerError, match="lock file"):
        Ledger.open(url_of(tmp_path / "ledger.db"))


def test_a_failed_opening_gives_the_right_to_write_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("not a database, but long enough to look like a file of one " * 20)
    with pytest.raises(LedgerError):
        Ledger.open(url_of(path))
    assert holder_of(path) is None
    path.unlink()
    Ledger.open(url_of(path)).close()
