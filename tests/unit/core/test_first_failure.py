"""The first failure is the answer, whatever fails after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmsflow.errors import GatewayRefused, LedgerError, MmsflowError
from mmsflow.first_failure import FirstFailure, Unforeseen, afterwards
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.mms.private_files import open_draft, private_draft, sweep_drafts


def failing(error: Exception) -> None:
    raise error


def failed_number(error: Exception) -> int:
    raise error


def test_what_fails_later_is_kept_beside_the_first_and_never_in_its_place() -> None:
    ends = FirstFailure(GatewayRefused("no", cause="credentials"))
    assert ends.attempt(lambda: failed_number(LedgerError("full")), 7) == 7
    assert ends.attempt(lambda: failing(KeyError("x")), None) is None
    assert ends.attempt(lambda: 3, 0) == 3
    assert ends.exit_code == 4
    assert ends.error is not None
    assert [each.cause for each in ends.error.also] == ["ledger", "unforeseen"]
    document = ends.error.as_json()
    assert document["cause"] == "credentials"
    assert [each["error"] for each in document["also"]] == [  # type: ignore[attr-defined]
        "full",
        "something unforeseen happened: KeyError",
    ]


def test_where_nothing_had_failed_the_second_decides() -> None:
    ends = FirstFailure()
    assert ends.exit_code == 0
    ends.attempt(lambda: failing(OSError(28, "No space left on device", "x.csv")), None)
    assert ends.exit_code == 1
    assert ends.error is not None
    assert ends.error.message == "No space left on device: x.csv"


@pytest.mark.parametrize("second", [LedgerError("disk"), OSError(5, "I/O error"), ValueError("?")])
def test_closing_never_hides_why_a_block_has_ended(second: Exception) -> None:
    with pytest.raises(MmsflowError, match="first") as caught, afterwards(lambda: failing(second)):
        raise MmsflowError("first")
    assert len(caught.value.also) == 1
    with pytest.raises(KeyboardInterrupt) as stopped, afterwards(lambda: failing(second)):
        raise KeyboardInterrupt
    assert stopped.value.__notes__
    with pytest.raises(type(second)), afterwards(lambda: failing(second)):
        pass


def test_a_ledger_that_cannot_be_closed_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    closed = Ledger.close

    def close(self: LedgerReader) -> None:
        closed(self)  # type: ignore[arg-type]
        raise LedgerError("cannot be closed")

    monkeypatch.setattr(Ledger, "close", close)
    with pytest.raises(GatewayRefused) as caught, Ledger.open(url):
        raise GatewayRefused("why")
    assert [each.message for each in caught.value.also] == ["cannot be closed"]
    with pytest.raises(LedgerError), Ledger.open(url):
        pass


def test_unforeseen_errors_keep_their_origin() -> None:
    ends, bug = FirstFailure(), ZeroDivisionError()
    ends.attempt(lambda: failing(bug), None)
    assert isinstance(ends.error, Unforeseen)
    assert ends.error.__cause__ is bug


def test_only_dead_drafts_of_the_named_files_are_swept(tmp_path: Path) -> None:
    dead = tmp_path / ".report.csv.abcd1234.draft"
    dead.touch()
    others = [
        ".other.csv.abcd1234.draft",
        ".report.csv.ABCDEFGH.draft",
        ".report.csv.abcd1234.draft.keep",
        "report.csv",
    ]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".report.csv.aaaa1111.draft").mkdir()
    (tmp_path / ".report.csv.bbbb2222.draft").symlink_to(tmp_path / "report.csv")
    descriptor, living = open_draft(tmp_path, "report.csv")
    assert sweep_drafts(tmp_path, ["report.csv"]) == [dead]
    assert living.exists()
    os.close(descriptor)
    assert sweep_drafts(tmp_path, ["report.csv"]) == [living]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*others, ".report.csv.aaaa1111.draft", ".report.csv.bbbb2222.draft"}
    assert sweep_drafts(tmp_path / "nowhere", ["report.csv"]) == []


def test_a_process_that_is_stopped_keeps_its_draft_and_a_killed_one_does_not(tmp_path: Path) -> None:
    code = (
        "import sys,time;from pathlib import Path;from mmsflow.mms.private_files import open_draft;"
        f"d=open_draft(Path({str(tmp_path)!r}),'plan.json');print('ready',flush=True);time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    assert sweep_drafts(tmp_path, ["plan.json"]) == []
    process.kill()
    process.wait()
    process.stdout.close()
    with private_draft(tmp_path / "plan.json") as file:
        file.write("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_two_writers_of_one_file_at_once_both_end_well(tmp_path: Path) -> None:
    with private_draft(tmp_path / "a") as first:
        first.write("1")
        with private_draft(tmp_path / "a") as second:
            second.write("2")
    assert (tmp_path / "a").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
