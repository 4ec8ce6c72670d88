"""The evidence journal: what is kept in it, what is passed over, and what a start makes of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmsflow.clock import ManualClock
from mmsflow.errors import LedgerUnavailable
from mmsflow.ledger.audit import Figures
from mmsflow.ledger.evidence import EvidenceJournal
from mmsflow.ledger.model import NewRun, Outcome, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage
from mmsflow.mms.status import MessageState

START = datetime(2026, 12, 1, 8, tzinfo=UTC)
LEDGER = "0123456789abcdef" * 2
OUTCOME = Outcome(
    7,
    1,
    MessageState.ACCEPTED,
    START,
    gateway_id="gw-7",
    next_poll_at=START + timedelta(seconds=10),
    detail={"wire": "answered", "http": 200, "body": "left out: it may be long"},
)
PERIOD = "2026-12-22"


@pytest.fixture(autouse=True)
def _real_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation makes the journal small for its whole process, which may be this one."""
    monkeypatch.setattr("mmsflow.ledger.evidence._ALLOCATED_BYTES", 512 * 1024)


@pytest.fixture
def journal(tmp_path: Path) -> EvidenceJournal:
    made = EvidenceJournal(tmp_path / "ledger.db")
    made.prepare(LEDGER)
    return made


def outcomes(journal: EvidenceJournal, ledger: str = LEDGER) -> list[Outcome]:
    """What the next process finds."""
    return [entry.outcome for entry in EvidenceJournal(journal.path.with_suffix("")).prepare(ledger)]


def test_what_was_kept_is_found_by_the_next_process(journal: EvidenceJournal) -> None:
    back = Outcome(
        8,
        2,
        MessageState.READY,
        START,
        reason="refused",
        not_before=START,
        spends_attempt=False,
        code="c",
        posted=False,
    )
    journal.append(1, 3, PERIOD, [OUTCOME, back])
    first, second = EvidenceJournal(journal.path.with_suffix("")).prepare(LEDGER)
    assert (first.run_key, first.fence, first.period) == (1, 3, PERIOD)
    assert first.outcome == replace(OUTCOME, detail={"wire": "answered", "http": 200})
    assert second.outcome == back


def test_the_file_is_private_and_has_its_room_before_it_is_needed(journal: EvidenceJournal) -> None:
    found = journal.path.stat()
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_size == found.st_blocks * 512 == 512 * 1024
    journal.append(1, 1, PERIOD, [OUTCOME])
    assert journal.path.stat().st_size == found.st_size


def test_what_was_cleared_is_gone_and_the_room_stays(journal: EvidenceJournal) -> None:
    journal.append(1, 1, PERIOD, [OUTCOME])
    journal.clear()
    assert outcomes(journal) == []
    journal.append(1, 1, PERIOD, [OUTCOME])
    assert len(outcomes(journal)) == 1
    assert journal.path.stat().st_size == 512 * 1024


def test_what_one_run_has_settled_stays_as_long_as_another_run_needs_the_file(journal: EvidenceJournal) -> None:
    other = replace(OUTCOME, id=8)
    journal.append(1, 3, PERIOD, [OUTCOME])
    journal.append(2, 1, PERIOD, [other])
    journal.settled(1)
    assert other.id in {each.id for each in outcomes(journal)}
    journal.settled(2)
    assert outcomes(journal) == []


def test_a_torn_last_line_is_passed_over_and_does_not_spoil_the_next(journal: EvidenceJournal) -> None:
    journal.append(1, 1, PERIOD, [OUTCOME, replace(OUTCOME, id=8)])
    content = journal.path.read_bytes()
    end = len(content.rstrip(b"\0"))
    for lost in (1, 2, 40, 200):
        journal.path.write_bytes(content[: end - lost].ljust(len(content), b"\0"))
        again = EvidenceJournal(journal.path.with_suffix(""))
        assert [entry.outcome.id for entry in again.prepare(LEDGER)][:1] == [7]
        again.append(1, 1, PERIOD, [replace(OUTCOME, id=9)])
        assert [outcome.id for outcome in outcomes(journal)] == ([7, 8, 9] if lost == 1 else [7, 9])


def test_entries_of_another_ledger_are_passed_over(journal: EvidenceJournal) -> None:
    journal.append(1, 1, PERIOD, [OUTCOME])
    assert outcomes(journal, "f" * 32) == []


def test_a_state_that_no_attempt_can_end_in_is_passed_over(journal: EvidenceJournal) -> None:
    journal.append(1, 1, PERIOD, [replace(OUTCOME, state=MessageState.DELIVERED), OUTCOME])
    assert len(outcomes(journal)) == 1


@given(place=st.integers(0, 700), byte=st.integers(0, 255))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_byte_costs_its_line_and_never_changes_one(journal: EvidenceJournal, place: int, byte: int) -> None:
    journal.clear()
    journal.append(1, 1, PERIOD, [OUTCOME, replace(OUTCOME, id=8)])
    content = bytearray(journal.path.read_bytes())
    content[place] = byte
    journal.path.write_bytes(content)
    kept = replace(OUTCOME, detail={"wire": "answered", "http": 200})
    assert all(each in (kept, replace(kept, id=8)) for each in outcomes(journal))


def test_a_disk_without_room_is_an_error_and_keeps_what_was_there(
    journal: EvidenceJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(1, 1, PERIOD, [OUTCOME])
    write = os.pwrite
    room = [50]

    def short(descriptor: int, content: bytes, offset: int) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = min(room[0], len(content))
        room[0] -= taken
        return write(descriptor, content[:taken], offset)

    monkeypatch.setattr(os, "pwrite", short)
    with pytest.raises(OSError, match="No space"):
        journal.append(1, 1, PERIOD, [replace(OUTCOME, id=8)])
    monkeypatch.undo()
    assert [outcome.id for outcome in outcomes(journal)] == [7]
    journal.append(1, 1, PERIOD, [replace(OUTCOME, id=8), replace(OUTCOME, id=9)])
    assert [outcome.id for outcome in outcomes(journal)] == [7, 8, 9]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock=ManualClock(START)) as opened:
        yield opened


def on_the_wire(ledger: Ledger, name: str = "sale-1") -> tuple[RunInfo, list[int]]:
    """A run of three messages, all of them on the wire."""
    new = NewRun(
        run=name,
        campaign="sale",
        account="simulator",
        occurrence=name,
        test=False,
        campaign_file="campaigns/sale.yaml",
        campaign_sha256="c" * 64,
        plan_sha256="d" * 64,
        git_commit="",
        git_clean=False,
        sender="ACME",
        priority="Normal",
        delivery_report=True,
        config={},
        created_at=START,
        rows=3,
    )
    planned = ((PlannedMessage(n, "lists/a.csv", n, f"+4850100000{n}", "", ()), 1) for n in (1, 2, 3))
    run = ledger.take_run(ledger.freeze_run(new, planned, []).key)
    ids = [message.id for message in ledger.ready(run.key, now=START, after=0, limit=3)]
    ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=START, period=PERIOD)
    return run, ids


def states(ledger: Ledger, run: RunInfo) -> dict[str, int]:
    return {state.value: n for state, n in ledger.state_counts(run.key).items() if n}


def violations(ledger: Ledger, run: RunInfo) -> list[str]:
    found = ledger.audit(run.key, Figures())
    return [f"{each.rule}: {each.what}" for each in found if each.rule != "waves"]


def seen(ids: list[int]) -> list[Outcome]:
    """One was accepted, one never left, nobody knows of the third."""
    back = Outcome(ids[1], 1, MessageState.READY, START, not_before=START, spends_attempt=False, posted=False)
    return [replace(OUTCOME, id=ids[0]), back]


def test_a_start_writes_the_journal_back_before_it_gives_anything_up(ledger: Ledger) -> None:
    run, ids = on_the_wire(ledger)
    ledger.evidence.append(run.key, run.fence, PERIOD, seen(ids))
    ledger.take_run(run.key)
    assert states(ledger, run) == {"accepted": 1, "ready": 1, "unknown": 1}
    assert ledger.posts_in_period("simulator", PERIOD) == 2
    assert violations(ledger, run) == []


def test_it_is_empty_after_a_start_and_writing_it_back_twice_changes_nothing(ledger: Ledger) -> None:
    run, ids = on_the_wire(ledger)
    ledger.evidence.append(run.key, run.fence, PERIOD, seen(ids))
    content = ledger.evidence.path.read_bytes()
    ledger.take_run(run.key)
    assert ledger.evidence.path.read_bytes().strip(b"\0") == b""
    ledger.evidence.path.write_bytes(content)  # killed before it was cleared
    ledger.take_run(run.key)
    assert states(ledger, run) == {"accepted": 1, "ready": 1, "unknown": 1}
    assert ledger.posts_in_period("simulator", PERIOD) == 2
    assert violations(ledger, run) == []


def test_taking_one_run_keeps_what_was_seen_of_another(ledger: Ledger) -> None:
    first, ids = on_the_wire(ledger)
    second, _ = on_the_wire(ledger, "sale-2")
    ledger.evidence.append(first.key, first.fence, PERIOD, seen(ids))
    ledger.take_run(second.key)
    ledger.take_run(first.key)
    assert states(ledger, first) == {"accepted": 1, "ready": 1, "unknown": 1}
    assert states(ledger, second) == {"unknown": 3}


def test_what_was_seen_under_another_fence_changes_nothing(ledger: Ledger) -> None:
    run, ids = on_the_wire(ledger)
    back = Outcome(ids[1], 1, MessageState.READY, START, not_before=START)
    ledger.evidence.append(run.key, run.fence + 1, PERIOD, [back])
    ledger.take_run(run.key)
    assert states(ledger, run) == {"unknown": 3}
    assert violations(ledger, run) == []


def test_entries_of_messages_that_the_ledger_does_not_have_are_passed_over(ledger: Ledger) -> None:
    run, _ = on_the_wire(ledger)
    ledger.evidence.append(run.key, run.fence, PERIOD, [replace(OUTCOME, id=999)])
    ledger.evidence.append(999, 1, PERIOD, [OUTCOME])
    ledger.take_run(run.key)
    assert states(ledger, run) == {"unknown": 3}
    assert violations(ledger, run) == []


def test_a_late_acceptance_in_the_journal_settles_what_was_given_up(ledger: Ledger) -> None:
    run, ids = on_the_wire(ledger)
    ledger.take_run(run.key)
    ledger.evidence.append(run.key, run.fence, PERIOD, seen(ids))
    ledger.take_run(run.key)
    assert states(ledger, run) == {"accepted": 1, "unknown": 2}


def test_a_journal_that_cannot_be_written_or_cleared_lets_nothing_be_sent(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ids = on_the_wire(ledger)
    ledger.evidence.append(run.key, run.fence, PERIOD, seen(ids))

    def broken(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", broken)
    with pytest.raises(LedgerUnavailable, match=r"evidence journal .* cannot be written: No space left"):
        ledger.take_run(run.key)
    monkeypatch.undo()
    ledger.evidence.path.unlink()
    ledger.evidence.path.mkdir()
    with pytest.raises(LedgerUnavailable, match="evidence journal"):
        ledger.take_run(run.key)
