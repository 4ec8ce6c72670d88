"""What was purged is in no byte of the ledger's files: not in free pages, not in the log, not in the journal."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mmsflow.audience.model import SetAside
from mmsflow.clock import ManualClock
from mmsflow.ledger.model import Blob, FrozenInput, NewRun, Outcome, RunInfo, RunState, WaveRecord
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import DrawnPart, PlannedMessage, TextPart
from mmsflow.mms.status import Bucket, MessageState
from mmsflow.workflow.purge import Purged, due_runs, purge_runs

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
LATER = NOW + timedelta(days=100)
RUN = NewRun(
    run="offer-1",
    campaign="offer",
    account="acme@gateway",
    occurrence="offer-1",
    test=False,
    campaign_file="campaigns/offer.yaml",
    campaign_sha256="f" * 64,
    plan_sha256="e" * 64,
    git_commit="",
    git_clean=False,
    sender="ACME",
    priority="Normal",
    delivery_report=True,
    config={"segments": ["city"], "consent": ["consent"]},
    created_at=NOW,
    rows=0,
)
# One spelling of each thing that says who: the number in full and as people group it, and words of a canary.
CANARIES = (b"+4850110", b"501 10", b"50110", b"Kanarek", b"kanarek@", b"gw-canary", b"Canaria", b"zgoda-canary")
PEOPLE = 2_500


def purge_old(ledger: Ledger, workspace: Path, *, older_than: timedelta) -> tuple[Purged, ...]:
    due = due_runs(ledger, older_than=older_than, now=LATER)
    purged = purge_runs(ledger, workspace, due.runs, now=LATER)
    ledger.scrub()
    return purged


def message(row: int, digest: str) -> PlannedMessage:
    return PlannedMessage(
        ordinal=row,
        source="lists/people.csv",
        row=row + 1,
        msisdn=f"+4850110{row:04d}",
        subject=f"Kanarek {row}",
        layout=(DrawnPart("image/png", "code.png"), TextPart("text.txt")),
        texts=(digest, f"Cześć Kanarek {row}, kanarek@example.com"),
        variant="a",
        segments=("Canaria",),
        consent=("zgoda-canary",),
    )


def frozen(ledger: Ledger, run: str, people: int) -> RunInfo:
    aside = SetAside(
        people + 1, "lists/people.csv", 1, "501 10 Kanarek", Bucket.INVALID, "letters", "Kanarek is no number"
    )
    drawn = [Blob(f"{row:064x}", "image/png", f"PNG Kanarek {row}".encode()) for row in range(1, people + 1)]
    file = Blob("f" * 64, "application/yaml", b"recipients: [{number: 501 100 001, vars: {name: Kanarek}}]")
    new = replace(
        RUN,
        run=run,
        occurrence=run,
        rows=people + 1,
        inputs=[FrozenInput("campaign", "campaigns/offer.yaml", file.sha256, len(file.data))],
        blobs=[file],
        parts=drawn,
        waves=[WaveRecord(1, NOW, people)],
    )
    planned = ((message(row, drawn[row - 1].sha256), 1) for row in range(1, people + 1))
    return ledger.freeze_run(new, planned, [aside])


def carried_out(ledger: Ledger, run: str = "offer-1", people: int = PEOPLE) -> RunInfo:
    """A run that was sent and answered, with names and numbers in everything that was said about it."""
    info = ledger.take_run(frozen(ledger, run, people).key)
    ids = [each.id for each in ledger.ready(info.key, now=NOW, after=0, limit=people)]
    ledger.commit(info.key, info.fence, outcomes=[], intents=ids, now=NOW, period="2026-12")
    outcomes = [
        Outcome(
            number,
            1,
            MessageState.REJECTED,
            NOW,
            gateway_id=f"gw-canary-{number}",
            reason=f"Kanarek at 501 10 {number}",
            code=f"50110{number:04d}",
            detail={"body": f'{{"to": "+4850110{number:04d}", "name": "Kanarek"}}', "posted": True},
        )
        for number in ids
    ]
    ledger.evidence.append(info.key, info.fence, "2026-12", outcomes[:3])
    ledger.commit(info.key, info.fence, outcomes=outcomes, intents=[], now=NOW, period="2026-12")
    reason = "the gateway said 501 100 001"
    ledger.set_state(info.key, RunState.DONE, reason=reason)
    return ledger.runs()[0]


def found(folder: Path) -> dict[str, list[bytes]]:
    """Canaries in the ledger's files, by the file's name."""
    contents = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    hits = {name: [canary for canary in CANARIES if canary in content] for name, content in contents.items()}
    return {name: canaries for name, canaries in hits.items() if canaries}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".mmsflow"


@pytest.fixture
def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


def test_no_byte_of_a_purged_run_is_left_in_database_log_index_or_journal(
    url: str, folder: Path, tmp_path: Path
) -> None:
    with Ledger.open(url, clock=ManualClock(NOW)) as ledger:
        carried_out(ledger)
        carried_out(ledger, "offer-2", 50)
        # Free pages with canaries in them: what somebody deleted by hand before there was a purge.
        with ledger._database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE scratch AS SELECT msisdn, subject, texts FROM messages")
        with ledger._database.write() as connection:
            connection.exec_driver_sql("DROP TABLE scratch")
        before = found(folder)
        assert set(before["ledger.db-wal"]) == set(CANARIES)
        assert before["ledger.db.evidence"]

        purged = purge_old(ledger, tmp_path, older_than=timedelta(days=90))

        assert [each.run for each in purged] == ["offer-1", "offer-2"]
        assert found(folder) == {}
        assert (folder / "ledger.db-wal").stat().st_size == 0
        assert sum(ledger.bucket_counts(ledger.runs()[0].key).values()) == 51
    assert found(folder) == {}


def test_bytes_that_a_reader_holds_back_go_with_the_next_purge(url: str, folder: Path, tmp_path: Path) -> None:
    with Ledger.open(url, clock=ManualClock(NOW)) as ledger:
        run = carried_out(ledger, people=20)
        ledger._database._connection.exec_driver_sql("PRAGMA busy_timeout = 1")
        ledger._database._connection.rollback()
        with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM messages").fetchone()  # from now on it sees the ledger as it is here
            ledger.purge(run.key, LATER)
            assert not ledger.scrub()
            assert found(folder)
    with Ledger.open(url, clock=ManualClock(NOW)) as ledger:
        assert purge_old(ledger, tmp_path, older_than=timedelta(days=90)) == ()
        assert found(folder) == {}


def test_a_process_that_dies_between_purge_and_scrub_leaves_the_scrub_owed(
    url: str, folder: Path, tmp_path: Path
) -> None:
    with Ledger.open(url, clock=ManualClock(NOW)) as ledger:
        ledger.purge(carried_out(ledger, people=20).key, LATER)
        assert found(folder)
    with Ledger.open(url, clock=ManualClock(NOW)) as ledger:
        purge_old(ledger, tmp_path, older_than=timedelta(days=90))
    assert found(folder) == {}


def test_evidence_that_an_unfinished_run_still_needs_is_not_forgotten(url: str, folder: Path) -> None:
    with Ledger.open(url, clock=ManualClock(NOW)) as ledger:
        old = carried_out(ledger, people=5)
        going = ledger.take_run(frozen(ledger, "offer-2", 5).key)
        ready = ledger.ready(going.key, now=NOW, after=0, limit=1)
        ledger.commit(going.key, going.fence, outcomes=[], intents=[ready[0].id], now=NOW, period="2026-12")
        seen = Outcome(ready[0].id, 1, MessageState.ACCEPTED, NOW, gateway_id="gw-1")
        ledger.evidence.append(going.key, going.fence, "2026-12", [seen])

        ledger.purge(old.key, LATER)

        assert not ledger.scrub()
        ledger.take_run(going.key)
        assert ledger.state_counts(going.key)[MessageState.ACCEPTED] == 1


def test_a_report_of_a_purged_run_goes_and_what_others_put_beside_it_stays(url: str, tmp_path: Path) -> None:
    with Ledger.open(url, clock=ManualClock(NOW)) as ledger:
        run, other = carried_out(ledger, people=3), carried_out(ledger, "offer-2", 3)
        folder, alone = tmp_path / "reports" / run.run, tmp_path / "reports" / other.run
        for each in (folder, alone):
            (each / ".scratch.ab12").mkdir(parents=True)
            for name in ("report.csv", "report.html", "rejects.csv", ".report.csv.x1y2.draft", ".scratch.ab12/sheet"):
                (each / name).write_text("Kanarek")
        (folder / "notes.txt").write_text("mine")

        purged = purge_old(ledger, tmp_path, older_than=timedelta(days=90))

    assert [each.files for each in purged] == [5, 5]
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert not alone.exists()


@pytest.mark.parametrize("link", ["reports", "reports/offer-1", "reports/offer-1/report.csv"])
def test_no_link_leads_a_purge_out_of_the_reports(url: str, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside" / "offer-1"
    outside.mkdir(parents=True)
    (outside / "report.csv").write_text("precious")
    workspace = tmp_path / "workspace"
    place = workspace / link
    place.parent.mkdir(parents=True)
    target = {"reports": outside.parent, "reports/offer-1": outside}.get(link, outside / "report.csv")
    place.symlink_to(target)
    with Ledger.open(url, clock=ManualClock(NOW)) as ledger:
        carried_out(ledger, people=3)
        (purged,) = purge_old(ledger, workspace, older_than=timedelta(days=90))
    assert purged.files == 0
    assert (outside / "report.csv").read_text() == "precious"


def test_a_young_run_and_one_that_a_person_must_settle_keep_their_data(url: str, tmp_path: Path) -> None:
    with Ledger.open(url, clock=ManualClock(NOW)) as ledger:
        carried_out(ledger, people=3)
        frozen(ledger, "offer-2", 3)
        assert purge_old(ledger, tmp_path, older_than=timedelta(days=101)) == ()
        assert [each.run for each in purge_old(ledger, tmp_path, older_than=timedelta(days=99))] == ["offer-1"]
