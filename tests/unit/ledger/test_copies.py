"""The rule that tells a copy from the ledger that went on, and the witness that it relies on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmsflow.ledger.copies import (
    ALL,
    UNREADABLE,
    Epoch,
    Extent,
    Kind,
    LedgerFacts,
    MarkerFacts,
    OpenRun,
    Place,
    Progress,
    WitnessRecord,
    extent_of,
    judge,
)
from mmsflow.ledger.presence import LedgerVanished, Presence
from mmsflow.ledger.witness import Witness, WitnessBusy, read_witness, witness_path

HERE, ELSEWHERE, ANOTHER_MACHINE = Place("m", 1, 10), Place("m", 1, 11), Place("n", 1, 10)
OPEN = OpenRun("sale-1", 1, fence=2, unsent=40, begun=60, event=100, stirred=100)


def ledger(**changes: object) -> LedgerFacts:
    facts: dict[str, object] = {
        "epochs": [Epoch("a", 0), Epoch("b", 50)],
        "last_event": 100,
        "place": HERE,
        "open_runs": [OPEN],
        "known_runs": frozenset({"sale-1"}),
    }
    return LedgerFacts(**{**facts, **changes})  # type: ignore[arg-type]


def witness(epoch: str = "b", event: int = 100, begun: int = 60, upto: int = 60, **runs: Progress) -> WitnessRecord:
    return WitnessRecord(epoch, event, runs={"sale-1": Progress("sale", "me", upto, begun, event), **runs})


@pytest.mark.parametrize(
    ("facts", "says", "here", "expected"),
    [
        # The ledger that went on.
        (ledger(), witness(), HERE, None),
        (ledger(), witness(event=90), HERE, None),  # killed between commit and witness, or a power cut: an older one
        (ledger(), witness("a", 50), HERE, None),
        (ledger(), witness("a", 20), HERE, None),
        (ledger(epochs=[], place=Place()), None, HERE, None),  # of the version before
        (ledger(), witness(), ELSEWHERE, None),  # vouched for: nothing was begun after what it holds
        (ledger(place=Place()), None, ANOTHER_MACHINE, None),  # moved by `backup --move`
        (ledger(), witness(), Place("m", 7, 10), None),  # device numbers change with a reboot
        # Copies.
        (ledger(), witness(event=101), HERE, Kind.RESTORED),
        (ledger(), witness("c", 10), HERE, Kind.RESTORED),  # an epoch that it does not know
        (ledger(), witness("a", 51), HERE, Kind.RESTORED),  # the older epoch went on after the copy had begun its own
        (ledger(open_runs=[]), witness("c", 10), HERE, Kind.RESTORED),
        (ledger(epochs=[], place=Place()), witness(), HERE, Kind.RESTORED),
        (ledger(last_intent=95), witness(event=90), ELSEWHERE, Kind.COPY),  # the witness is older: it cannot vouch
        (ledger(), None, ELSEWHERE, Kind.COPY),
        (ledger(), None, ANOTHER_MACHINE, Kind.COPY),
        (ledger(is_backup=True), witness(), HERE, Kind.COPY),
        (ledger(), None, HERE, Kind.WITNESS_LOST),
        (ledger(), UNREADABLE, HERE, Kind.WITNESS_UNREADABLE),
        (ledger(is_closed=True), witness(), HERE, Kind.MOVED),
        (ledger(open_runs=[OpenRun("sale-1", 1, 2, 40, is_sound=False)]), witness(), HERE, Kind.MIXED),
        # Nothing unfinished, and nothing says that it lacks something.
        (ledger(open_runs=[]), None, ELSEWHERE, None),
        (ledger(open_runs=[], is_backup=True), None, ANOTHER_MACHINE, None),
        (ledger(open_runs=[]), None, HERE, None),
    ],
)
def test_a_ledger_may_send_unless_something_speaks_against_it(
    facts: LedgerFacts, says: WitnessRecord | str | None, here: Place, expected: Kind | None
) -> None:
    found = judge(facts, says, here)
    assert (found.kind if found else None) == expected


def test_what_is_missing_and_which_runs_are_lost_is_counted() -> None:
    found = judge(ledger(), witness("c", 300, begun=85, later=Progress("next", "me", 9, 9, 290)), HERE)
    assert found is not None
    assert found.missing == {"sale-1": 25}
    assert [(run.run, run.campaign, run.begun) for run in found.lost] == [("later", "next", 9)]


@pytest.mark.parametrize(
    ("says", "marker", "expected"),
    [
        (witness("c", 300, begun=85, upto=85), None, Extent(upto=85)),
        (witness("c", 300), None, Extent()),  # another run went on, this one did not
        (WitnessRecord("c", 300, complete_after=200), None, Extent(upto=ALL)),  # forgotten among many later runs
        (WitnessRecord("c", 300, complete_after=90), None, Extent()),
        (witness("c", 300, begun=85, upto=85), MarkerFacts(2, 140), Extent(upto=85, first=40)),
        (witness("c", 300), MarkerFacts(3, 120), Extent(upto=ALL)),  # the marker says more than the witness
        (None, MarkerFacts(2, 100), Extent()),  # at rest, and so is the copy
        (None, MarkerFacts(2, 130), Extent(first=30)),
        (None, MarkerFacts(2, 99), Extent(upto=ALL)),  # never seen at rest
        (None, MarkerFacts(3, 130), Extent(upto=ALL)),
        (None, None, Extent(upto=ALL)),
        (UNREADABLE, MarkerFacts(2, 100), Extent()),
    ],
)
def test_what_may_have_gone_out_since_is_bounded_by_what_survived(
    says: WitnessRecord | str | None, marker: MarkerFacts | None, expected: Extent
) -> None:
    assert extent_of(ledger(), OPEN, says, marker) == expected


def claimed(path: Path) -> Witness:
    return Witness.claim(path, WitnessRecord("a", 0, path="/there/ledger.db"))


def test_the_witness_says_what_it_was_told_last(tmp_path: Path) -> None:
    path = witness_path(tmp_path / "new" / "folder", "id")
    assert read_witness(path) is None
    it = claimed(path)
    assert path.stat().st_mode & 0o777 == 0o600
    for number in range(1, 6):
        it.moved(number * 10, 'run "ą"', Progress("sale", "me@host", number, number, number * 10))
        said = read_witness(path)
        assert said is not None
        assert (said.epoch, said.event, said.runs['run "ą"'].upto) == ("a", number * 10, number)
    it.close()
    it.close()


def test_a_write_that_is_cut_off_leaves_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "w"
    it = claimed(path)
    it.moved(10, "run", Progress("sale", "me", 1, 1, 10))
    it.moved(20, "run", Progress("sale", "me", 2, 2, 20))
    whole = path.read_bytes()
    it.moved(30, "run", Progress("sale", "me", 3, 3, 30))
    it.close()
    newest = path.read_bytes()
    first = next(at for at, (old, new) in enumerate(zip(whole, newest, strict=False)) if old != new)
    for cut in range(first, first + 60):
        path.write_bytes(newest[:cut] + whole[cut:])
        said = read_witness(path)
        assert said is not None
        assert said.event in {20, 30}
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="nothing that can be read"):
        read_witness(path)


def test_many_runs_are_forgotten_from_the_oldest_on_and_the_witness_says_so(tmp_path: Path) -> None:
    it = claimed(tmp_path / "w")
    for number in range(1, 200):
        it.moved(number, f"run-{number}" + "x" * 300, Progress("sale" * 20, "me" * 40, number, 1, number))
    it.close()
    said = read_witness(tmp_path / "w")
    assert said is not None
    assert said.complete_after > 150
    assert min(run.event for run in said.runs.values()) == said.complete_after + 1
    assert (tmp_path / "w").stat().st_size <= 32 * 1024


def test_two_processes_do_not_hold_one_witness(tmp_path: Path) -> None:
    it = claimed(tmp_path / "w")
    with pytest.raises(WitnessBusy):
        claimed(tmp_path / "w")
    it.close()
    claimed(tmp_path / "w").close()


def test_a_killed_process_leaves_what_it_has_written(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from mmsflow.ledger.copies import Progress, WitnessRecord\n"
        "from mmsflow.ledger.witness import Witness\n"
        "it = Witness.claim(Path(sys.argv[1]), WitnessRecord('a', 0))\n"
        "it.moved(7, 'run', Progress('sale', 'me', 1, 1, 7))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "w")], check=False)
    said = read_witness(tmp_path / "w")
    assert said is not None
    assert said.event == 7


def presence(tmp_path: Path) -> Presence:
    path, lock = tmp_path / "ledger.db", tmp_path / "ledger.db.lock"
    path.write_bytes(b"x" * 4096)
    lock.write_bytes(b"")
    status = lock.stat()
    it = Presence(path, lock, (status.st_dev, status.st_ino))
    it.note()
    return it


def test_a_write_of_ones_own_is_no_change(tmp_path: Path) -> None:
    it = presence(tmp_path)
    it.look()
    it.path.write_bytes(b"y" * 8192)
    it.note()
    it.look()


@pytest.mark.parametrize("harm", ["removed", "replaced", "emptied", "written", "lock removed", "lock replaced"])
def test_what_others_do_to_the_file_is_seen_and_stays_seen(tmp_path: Path, harm: str) -> None:
    it = presence(tmp_path)
    match harm:
        case "removed":
            it.path.unlink()
        case "replaced":
            shutil.copy(it.path, tmp_path / "draft")
            (tmp_path / "draft").replace(it.path)
        case "emptied":
            it.path.write_bytes(b"")
        case "written":
            os.utime(it.path, ns=(1, 1))
        case "lock removed":
            it.lock.unlink()
        case "lock replaced":
            (tmp_path / "draft").write_bytes(b"")
            (tmp_path / "draft").replace(it.lock)
    with pytest.raises(LedgerVanished, match="nothing more is sent"):
        it.look()
    it.path.write_bytes(b"x" * 4096)
    it.note()
    with pytest.raises(LedgerVanished):
        it.look()
