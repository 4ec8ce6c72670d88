"""Removing personal data: what goes, what stays, and what a run without them still answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from ledger_factory import (
    ACCOUNT,
    NEW_RUN,
    START,
    Ledgers,
    accepted,
    after,
    answered,
    aside,
    begin,
    ended,
    freeze,
    planned,
    settle,
)

from mmsflow.engine.control import do_request
from mmsflow.errors import LedgerError, RunUnfinished
from mmsflow.ledger.audit import Figures
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import Blob, FrozenInput, RunInfo, RunState, WaveRecord
from mmsflow.ledger.operation import Approval
from mmsflow.ledger.requests import Action, Request
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import DrawnPart, StaticPart, TextPart
from mmsflow.mms.status import Bucket, MessageState

LATER = START + timedelta(days=100)
ASIDE = [aside(5, Bucket.INVALID), aside(6, Bucket.EXCLUDED, "+48501102777", "opt_out")]
PHOTO, CODE, SHARED = (Blob(letter * 64, "image/png", b"\x89PNG " + letter.encode()) for letter in "123")
FILE = Blob("4" * 64, "application/yaml", b"recipients: [{number: 501 102 030}]\n")
CLEAN = Blob("5" * 64, "text/plain", b"Kod {{ code }}\n")


def ended_run(ledger: Ledger, *, maybe_sent: bool = False, run: str = "", **changes: object) -> RunInfo:
    """A run of four messages and two rows set aside, with everything sent and answered."""
    info = ledger.take_run(freeze(ledger, 4, set_aside=ASIDE, run=run, **changes).key)
    first, second, third, fourth = begin(ledger, info)
    last = ended(fourth, MessageState.UNKNOWN) if maybe_sent else ended(fourth, MessageState.REJECTED)
    settle(ledger, info, *(accepted(number) for number in (first, second, third)), last)
    ledger.record_polls(info.key, [answered(first, MessageState.DELIVERED, "DeliveredToTerminal")])
    ledger.record_polls(info.key, [answered(second, MessageState.FAILED, "501102002 is no handset of ours")])
    ledger.record_polls(info.key, [answered(third, MessageState.EXPIRED, "Expired")])
    ledger.set_state(info.key, RunState.DONE_WITH_UNKNOWN if maybe_sent else RunState.DONE)
    return ledger.runs()[0]


def violations(ledger: Ledger, run: RunInfo) -> list[str]:
    return [f"{each.rule}: {each.what}" for each in ledger.audit(run.key, Figures())]


def test_counts_waves_and_the_runs_own_history_stay_when_personal_data_go(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ended_run(ledger)
    before = (ledger.bucket_counts(run.key), ledger.waves(run.key), ledger.wave_progress(run.key))
    history, posts = ledger.run_events(run.key), ledger.posts_in_period(ACCOUNT, "2026-12-22")

    ledger.purge(run.key, LATER)

    assert (ledger.bucket_counts(run.key), ledger.waves(run.key), ledger.wave_progress(run.key)) == before
    assert ledger.run_events(run.key) == history
    assert ledger.posts_in_period(ACCOUNT, "2026-12-22") == posts
    purged = ledger.find_run(run.run)
    assert purged == replace(run, purged_at=LATER)


def test_rows_keep_their_place_state_and_code_and_lose_everything_that_says_who_or_what(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ended_run(ledger)
    before = list(ledger.report_rows(run.key))

    ledger.purge(run.key, LATER)

    rows = list(ledger.report_rows(run.key))
    blank: dict[str, Any] = {
        "number": "",
        "subject": "",
        "reason": "",
        "gateway_id": "",
        "segments": (),
        "consent": (),
    }
    told = {"Expired", "DeliveredToTerminal", "rejected", "invalid", "excluded"}
    assert rows == [
        replace(row, **blank, status=row.status if row.status in told else "failed", code=kept.code)
        for row, kept in zip(before, rows, strict=True)
    ]
    assert [row.code for row in rows if row.bucket is not Bucket.FAILED] == [
        row.code for row in before if row.bucket is not Bucket.FAILED
    ]


def test_who_began_a_run_is_no_recipient_and_stays(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ended_run(ledger)
    ledger.begun_by_hand(run.key, "Ola, tel. 501 102 030")

    ledger.purge(run.key, LATER)

    assert ledger.begun_by(run.key).startswith("Ola, tel. ")
    assert "501 102 030" not in ledger.begun_by(run.key)


def test_the_audit_holds_for_a_purged_run_and_notices_a_number_that_was_left(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ended_run(ledger)
    assert [each for each in violations(ledger, run) if not each.startswith("blobs")] == []

    ledger.purge(run.key, LATER)
    assert violations(ledger, run) == []

    with ledger._database.write() as connection:
        connection.exec_driver_sql("UPDATE messages SET msisdn = '+48501102001' WHERE ordinal = 1")
    assert violations(ledger, run) == ["purged: its personal data were removed, but 1 rows still hold a number"]


def test_attempts_that_spent_nothing_are_still_told_apart_after_a_purge(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger, 1, waves=()).key)
    (number,) = begin(ledger, run)
    back = replace(
        ended(number, MessageState.READY), spends_attempt=False, posted=False, detail={"text": "x", "unspent": True}
    )
    settle(ledger, run, back)
    begin(ledger, run)
    settle(ledger, run, ended(number, MessageState.REJECTED, attempt=2))
    ledger.set_state(run.key, RunState.DONE)

    ledger.purge(run.key, LATER)

    assert [each for each in violations(ledger, run) if "wave" not in each] == []


def test_purging_again_changes_nothing(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ended_run(ledger)
    ledger.purge(run.key, LATER)

    ledger.purge(run.key, LATER + timedelta(days=1))

    assert ledger.runs()[0].purged_at == LATER
    assert ledger.scrub()


@pytest.mark.parametrize("steps", [1, 2])
def test_a_purge_that_is_cut_off_counts_from_its_first_step_and_is_finished_later(ledgers: Ledgers, steps: int) -> None:
    ledger = ledgers.write()
    run = ended_run(ledger)
    purging = ledger.purge_in_steps(run.key, LATER)
    assert ledger.runs()[0].purged_at is None
    done = [next(purging) for _ in range(steps)]
    assert done == [0, 4][:steps]

    assert {row.number for row in ledger.report_rows(run.key)} == {""}
    assert [each.run for each in ledger.purged_runs(ACCOUNT)] == [run.run]
    ledger.close()
    again = ledgers.write()
    assert [each.run for each in again.half_purged()] == [run.run]
    assert [each for each in violations(again, run) if each.startswith("purged")]
    assert again.scrub()
    assert again.half_purged() == []
    assert violations(again, run) == []
    assert again.runs()[0].purged_at == LATER


def test_others_write_between_two_steps_and_keep_what_is_theirs(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ended_run(ledger)
    purging = ledger.purge_in_steps(run.key, LATER)
    next(purging)
    other = ledger.take_run(freeze(ledger, 2, run="other-1").key)
    settle(ledger, other, *(accepted(number) for number in begin(ledger, other)))

    assert list(purging) == [4, 6]
    assert all(row.number and row.subject for row in ledger.report_rows(other.key))
    assert ledger.half_purged() == []


def test_a_run_with_messages_unsent_or_reports_outstanding_is_not_purged(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger, 2).key)
    with pytest.raises(RunUnfinished, match="2 messages are not sent yet"):
        ledger.purge(run.key, LATER)

    settle(ledger, run, *(accepted(number) for number in begin(ledger, run)))
    ledger.set_state(run.key, RunState.DONE)

    with pytest.raises(RunUnfinished, match="2 delivery reports are awaited"):
        ledger.purge(run.key, LATER)
    assert ledger.runs()[0].purged_at is None


def test_what_was_maybe_sent_needs_a_person_before_it_is_forgotten(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ended_run(ledger, maybe_sent=True)
    (doubt,) = ledger.maybe_sent(run.key)

    with pytest.raises(RunUnfinished, match="1 message was maybe sent"):
        ledger.purge(run.key, LATER)
    ledger.purge(run.key, LATER, even_maybe_sent=True)

    assert ledger.bucket_counts(run.key)[Bucket.MAYBE_SENT] == 1
    decisions = (Decision(doubt.id, doubt.attempt, MessageState.READY),)
    with pytest.raises(LedgerError, match="personal data were removed"):
        ledger.decide(run.key, decisions)
    answer = do_request(ledger, Request(run.run, Action.RESOLVE, LATER, decisions))
    assert answer.refused
    assert "personal data" in answer.text


def test_nobody_is_known_to_have_had_a_message_of_a_purged_run_and_that_can_be_seen(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ended_run(ledger)
    assert list(ledger.sent_numbers(ACCOUNT, "winter-sale"))

    ledger.purge(run.key, LATER)

    assert list(ledger.sent_numbers(ACCOUNT, "winter-sale")) == []
    assert list(ledger.capped_numbers(ACCOUNT, START - timedelta(days=1), 1)) == []
    assert ledger.stories("+48501102001") == []
    assert [(each.campaign, each.run, each.purged_at) for each in ledger.purged_runs(ACCOUNT)] == [
        ("winter-sale", run.run, LATER)
    ]


def test_numbers_are_not_matched_with_those_of_a_purged_run(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run, other = ended_run(ledger), ended_run(ledger, run="winter-sale-20261202-1")
    assert len(list(ledger.fates(run.key, other.key))) == 5

    ledger.purge(run.key, LATER)

    assert list(ledger.fates(run.key, other.key)) == []


def test_parts_and_files_go_unless_another_run_needs_them_or_nothing_is_said_of_anybody(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    layout = (
        StaticPart("image/png", "photo.png", PHOTO.sha256, 6),
        StaticPart("image/png", "shared.png", SHARED.sha256, 6),
        DrawnPart("image/png", "code.png"),
        TextPart("text.txt"),
    )
    files = [FrozenInput("campaign", "a.yaml", FILE.sha256, 9), FrozenInput("template", "t.j2", CLEAN.sha256, 9)]
    message = replace(planned(1), layout=layout, texts=(CODE.sha256, "Cześć"))
    new = replace(
        NEW_RUN, rows=1, inputs=files, blobs=[FILE, CLEAN], parts=[PHOTO, CODE, SHARED], waves=[WaveRecord(1, START, 1)]
    )
    run = ledger.freeze_run(new, [(message, 1)], [])
    other_layout = (StaticPart("image/png", "shared.png", SHARED.sha256, 6),)
    other = replace(new, run="other", occurrence="other", inputs=[], blobs=[], parts=[])
    ledger.freeze_run(other, [(replace(planned(1), layout=other_layout, texts=()), 1)], [])
    ledger.end_unsent(run.key, "cancelled by a person", "cancelled")
    ledger.set_state(run.key, RunState.CANCELLED)

    ledger.purge(run.key, LATER)

    assert ledger.blob(SHARED.sha256) == SHARED
    assert ledger.blob(CLEAN.sha256) == CLEAN
    for gone in (PHOTO, CODE, FILE):
        with pytest.raises(LedgerError):
            ledger.blob(gone.sha256)


def test_the_first_subject_that_people_saw_when_they_approved_goes_too(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    seen = {"messages": 4, "first_subject": "Anna, wyprzedaż"}
    ledger.approve(ACCOUNT, "winter-sale", Approval("d" * 64, START, "Ewa", seen))
    ledger.approve(ACCOUNT, "winter-sale", Approval("e" * 64, after(60), "Ewa", seen))
    run = ended_run(ledger)

    ledger.purge(run.key, LATER)

    newest = ledger.last_approval(ACCOUNT, "winter-sale")
    assert newest is not None
    assert newest.seen == seen  # of a plan made after this run
    with ledger._database.read() as connection:
        texts = connection.exec_driver_sql("SELECT seen FROM approvals ORDER BY id").scalars().all()
    assert "Anna" not in texts[0]
