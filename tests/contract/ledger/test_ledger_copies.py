"""What a ledger with a witness lets through, and what a copy of it does not."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledger_factory import Ledgers, after, begin, freeze

from mmsflow.errors import LedgerError, LedgerUnavailable, PlanRefused
from mmsflow.ledger.audit import Figures
from mmsflow.ledger.copies import ALL, Extent, Kind
from mmsflow.ledger.model import Outcome
from mmsflow.ledger.presence import LedgerVanished
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.ledger.witness import read_witness, witness_path
from mmsflow.mms.status import MessageState


def opened(ledgers: Ledgers, folder: Path) -> Ledger:
    ledger = Ledger.open(ledgers.url, clock=ledgers.clock, witnesses=folder)
    ledgers._opened.append(ledger)
    return ledger


def copy_of(ledger: LedgerReader, folder: Path) -> Path:
    copy = folder / "copy.db"
    with closing(sqlite3.connect(ledger.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def put_back(copy: Path, ledger: Path) -> None:
    for suffix in ("-wal", "-shm"):
        ledger.with_name(ledger.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(copy, ledger)


def test_the_witness_is_told_after_the_intents_are_durable_and_before_anybody_may_send(
    ledgers: Ledgers, tmp_path: Path
) -> None:
    ledger = opened(ledgers, tmp_path / "w")
    run = ledger.take_run(freeze(ledger, 4).key)
    ids = begin(ledger, run, 2)
    said = read_witness(witness_path(tmp_path / "w", ledger.identity()))
    assert said is not None
    assert (said.event, said.runs[run.run].upto, said.runs[run.run].begun) == (ledger.newest_step(), max(ids), 2)
    begin(ledger, run, 1)
    said = read_witness(witness_path(tmp_path / "w", ledger.identity()))
    assert said is not None
    assert said.runs[run.run].begun == 3


def test_a_copy_begins_nothing_whoever_asks_it(ledgers: Ledgers, tmp_path: Path) -> None:
    ledger = opened(ledgers, tmp_path / "w")
    run = ledger.take_run(freeze(ledger, 6).key)
    begin(ledger, run, 1)
    copy = copy_of(ledger, tmp_path)
    begin(ledger, run, 2)
    ledger.close()
    put_back(copy, ledger.path)
    again = opened(ledgers, tmp_path / "w")
    judgement = again.judged()
    assert judgement is not None
    assert (judgement.kind, judgement.missing) == (Kind.RESTORED, {run.run: 2})
    for claim in (lambda: again.take_run(run.key), lambda: begin(again, run, 1), lambda: freeze(again, run="more")):
        with pytest.raises(PlanRefused) as caught:
            claim()
        assert caught.value.cause == "ledger_restored"


def test_adopting_holds_what_may_have_gone_out_and_leaves_the_rest_ready(ledgers: Ledgers, tmp_path: Path) -> None:
    ledger = opened(ledgers, tmp_path / "w")
    run = ledger.take_run(freeze(ledger, 6).key)
    copy = copy_of(ledger, tmp_path)
    last = max(begin(ledger, run, 3))
    ledger.close()
    put_back(copy, ledger.path)
    again = opened(ledgers, tmp_path / "w")
    assert again.guard.adopt({run.key: Extent(upto=last)}, after(60)) == {run.key: 3}
    assert again.judged() is None
    counts = again.state_counts(run.key)
    assert (counts[MessageState.UNKNOWN], counts[MessageState.READY]) == (3, 3)
    assert again.resends(run.key) == 0  # no campaign's rule sends them once more
    assert begin(again, again.take_run(run.key)) == [last + 1, last + 2, last + 3]
    assert {found.rule for found in again.audit(run.key, Figures())} <= {
        "waves",
        "blobs",
    }  # which the factory leaves out


def test_everything_is_held_where_nothing_bounds_it(ledgers: Ledgers, tmp_path: Path) -> None:
    ledger = opened(ledgers, tmp_path / "w")
    run = ledger.take_run(freeze(ledger, 6).key)
    begin(ledger, run, 2)
    assert ledger.guard.adopt({run.key: Extent(upto=ALL)}, after(60)) == {run.key: 4}
    assert ledger.state_counts(run.key)[MessageState.UNKNOWN] == 6


def test_pages_of_two_states_in_one_file_are_found(ledgers: Ledgers, tmp_path: Path) -> None:
    ledger = opened(ledgers, tmp_path / "w")
    run = ledger.take_run(freeze(ledger, 6).key)
    begin(ledger, run, 2)
    ledger.close()
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        connection.execute("UPDATE messages SET state = 'ready' WHERE state = 'sending'")  # as an old page would say
    again = opened(ledgers, tmp_path / "w")
    with pytest.raises(PlanRefused) as caught:
        again.take_run(run.key)
    assert caught.value.cause == "ledger_mixed"


def test_a_witness_that_cannot_be_written_keeps_the_requests_from_beginning(
    ledgers: Ledgers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = opened(ledgers, tmp_path / "w")
    run = ledger.take_run(freeze(ledger, 4).key)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("mmsflow.ledger.witness.os.pwrite", full)
        with pytest.raises(LedgerUnavailable, match="witness") as caught:
            begin(ledger, run, 1)
    assert caught.value.cause == "witness_unwritable"
    (tmp_path / "file").write_text("")
    elsewhere = Ledger.open(f"sqlite:///{tmp_path / 'other.db'}", clock=ledgers.clock, witnesses=tmp_path / "file")
    with elsewhere, pytest.raises(LedgerUnavailable, match="witness"):
        freeze(elsewhere)


def test_no_intent_is_taken_once_the_file_is_not_there_any_more(ledgers: Ledgers, tmp_path: Path) -> None:
    ledger = opened(ledgers, tmp_path / "w")
    run = ledger.take_run(freeze(ledger, 4).key)
    (first,) = begin(ledger, run, 1)
    for path in ledger.path.parent.glob("ledger.db*"):
        path.unlink()
    with pytest.raises(LedgerVanished):
        begin(ledger, run, 1)
    accepted = Outcome(first, 1, MessageState.ACCEPTED, after(1), gateway_id="id-1")
    ledger.commit(run.key, run.fence, outcomes=[accepted], intents=[], now=after(1), period="p")
    saved = ledger.rescue(tmp_path)
    with LedgerReader.open(f"sqlite:///{saved}") as reader:
        assert reader.state_counts(run.key)[MessageState.ACCEPTED] == 1
    assert ledger.rescue(tmp_path) == saved


def test_two_copies_do_not_send_at_the_same_time(ledgers: Ledgers, tmp_path: Path) -> None:
    ledger = opened(ledgers, tmp_path / "w")
    run = ledger.take_run(freeze(ledger, 4).key)
    copy = copy_of(ledger, tmp_path)
    with (
        Ledger.open(f"sqlite:///{copy}", clock=ledgers.clock, witnesses=tmp_path / "w") as other,
        pytest.raises(PlanRefused) as caught,
    ):
        other.take_run(run.key)
    assert caught.value.cause == "ledger_in_use_elsewhere"
    assert begin(ledger, run, 1)


def test_a_file_that_is_no_ledger_is_not_put_back(ledgers: Ledgers, tmp_path: Path) -> None:
    from mmsflow.ledger.backup import put_back as restore

    ledger = opened(ledgers, tmp_path / "w")
    run = freeze(ledger, 4)
    ledger.close()
    (tmp_path / "letter.txt").write_text("Dear Sir")
    for wrong in (tmp_path / "letter.txt", tmp_path / "missing.db"):
        with pytest.raises(LedgerError):
            restore(wrong, ledger.path, after(1), lambda _done, _all: None)
    with LedgerReader.open(ledgers.url) as reader:
        assert reader.find_run(run.run) is not None
