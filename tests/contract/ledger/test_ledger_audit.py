"""The audit: an honest history passes, and each kind of damage is found by the rule that names it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from ledger_factory import (
    NEW_RUN,
    START,
    URLS,
    Ledgers,
    accepted,
    after,
    answered,
    aside,
    begin,
    ended,
    planned,
    settle,
)
from sqlalchemy import Engine, create_engine, text

from mmsflow.ledger.audit import Figures, Violation
from mmsflow.ledger.audit import audit as books_audit
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import Blob, FrozenInput, Outcome, PausedBy, RunInfo, RunState, WaveRecord
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import DrawnPart, StaticPart, TextPart
from mmsflow.mms.status import Bucket, MessageState

PICTURE = b"\xff\xd8 a picture"
CAMPAIGN = b"version: 1\n"
LAYOUT = (StaticPart("image/jpeg", "winter.jpg", hashlib.sha256(PICTURE).hexdigest(), len(PICTURE)), TextPart("w.txt"))
SET_ASIDE = [aside(7, Bucket.EXCLUDED), aside(8, Bucket.DUPLICATE), aside(9, Bucket.INVALID)]


def frozen(ledger: Ledger, run: str = "") -> RunInfo:
    """Six messages in two waves, three rows set aside."""
    contents = (("image/jpeg", PICTURE), ("application/yaml", CAMPAIGN))
    new = replace(
        NEW_RUN,
        rows=9,
        blobs=[Blob(hashlib.sha256(data).hexdigest(), kind, data) for kind, data in contents],
        inputs=[FrozenInput("campaign", "campaigns/x.yaml", hashlib.sha256(CAMPAIGN).hexdigest(), len(CAMPAIGN))],
        waves=(WaveRecord(1, START, 4), WaveRecord(2, None, 2)),
    )
    if run:
        new = replace(new, run=run, occurrence=run)
    messages = ((replace(planned(n), layout=LAYOUT), 1 if n <= 4 else 2) for n in range(1, 7))
    return ledger.freeze_run(new, messages, SET_ASIDE)


def eventful(ledger: Ledger) -> RunInfo:
    """A run in which everything happens that can: every way out of ``sending``, a crash, a person's decisions."""
    run = ledger.take_run(frozen(ledger).key)
    first = begin(ledger, run, 4)
    never_left = Outcome(
        first[3], 1, MessageState.READY, after(1), spends_attempt=False, posted=False, detail={"wire": "not_begun"}
    )
    settle(
        ledger,
        run,
        accepted(first[0]),
        ended(first[1], MessageState.REJECTED),
        ended(first[2], MessageState.UNKNOWN),
        never_left,
    )
    settle(ledger, run, accepted(first[2]))
    ledger.record_polls(run.key, [answered(first[0], None, "Success"), answered(first[2], None, "Success", at=21)])
    ledger.record_polls(run.key, [answered(first[0], MessageState.DELIVERED, "Retrieved", at=60)])
    begin(ledger, run, 3)
    run = ledger.take_run(run.key)  # the process was killed with three messages on the wire
    doubts = list(ledger.maybe_sent(run.key))
    said = (MessageState.UNDETERMINED, MessageState.NOT_SENT, MessageState.READY)
    ledger.decide(
        run.key, [Decision(doubt.id, doubt.attempt, state) for doubt, state in zip(doubts, said, strict=True)]
    )
    again = begin(ledger, run)
    settle(ledger, run, ended(again[0], MessageState.ACCEPTED_NOID, attempt=2))
    ledger.set_state(run.key, RunState.DONE_WITH_UNKNOWN)
    return run


def audit(ledgers: Ledgers, run: RunInfo) -> tuple[list[Violation], Figures]:
    figures = Figures()
    with ledgers.read() as ledger:
        return list(ledger.audit(run.key, figures)), figures


@pytest.fixture(scope="module", params=URLS)
def books(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, int]]:
    """A ledger with an eventful run and one more, and the key of the first; what a test changes it takes back."""
    ledgers = Ledgers(URLS[request.param](tmp_path_factory.mktemp("books")))
    with ledgers.write() as ledger:
        run = eventful(ledger)
        frozen(ledger, "another-run-1")
    engine = create_engine(ledgers.url)
    yield engine, run.key
    engine.dispose()
    ledgers.close()


def audited_with(books: tuple[Engine, int], *statements: str) -> list[Violation]:
    """What the audit finds after something was changed behind the ledger's back."""
    engine, key = books
    with engine.connect() as connection, connection.begin() as transaction:
        for statement in statements:
            connection.execute(text(statement))
        found = list(books_audit(connection, key, Figures()))
        transaction.rollback()
    return found


def test_an_honest_history_holds_and_everything_was_gone_through(ledgers: Ledgers) -> None:
    with ledgers.write() as ledger:
        run = eventful(ledger)
        frozen(ledger, "another-run-1")
    violations, figures = audit(ledgers, run)
    assert violations == []
    assert (figures.rows, figures.messages) == (9, 6)
    assert figures.events >= 18


def test_a_run_that_has_only_been_frozen_holds(ledgers: Ledgers) -> None:
    with ledgers.write() as ledger:
        run = frozen(ledger)
    assert audit(ledgers, run)[0] == []


def test_a_cancelled_run_holds(ledgers: Ledgers) -> None:
    with ledgers.write() as ledger:
        run = frozen(ledger)
        begin(ledger, run, 2)
        run = ledger.take_run(run.key)
        ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.USER)
        ledger.end_unsent(run.key, "cancelled", "cancelled")
        ledger.set_state(run.key, RunState.CANCELLED)
    assert audit(ledgers, run)[0] == []


DELIVERED = "(SELECT id FROM messages WHERE state = 'delivered')"
REJECTED = "(SELECT id FROM messages WHERE state = 'rejected')"
OF_DELIVERED = f"message_id = {DELIVERED}"

CORRUPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "a final message that is ready again": (
        "wrong_state",
        (f"UPDATE messages SET state = 'ready', final_at = NULL WHERE id = {DELIVERED}",),
    ),
    "an illegal move": ("illegal_move", (f"UPDATE events SET new = 'delivered' WHERE message_id = {REJECTED} AND new = 'rejected'",)),
    "a state that does not exist": ("illegal_move", (f"UPDATE events SET new = 'lost' WHERE {OF_DELIVERED} AND new = 'delivered'",)),
    "a lost intent": ("no_intent", (f"DELETE FROM events WHERE {OF_DELIVERED} AND new = 'sending'",)),
    "an outcome of another attempt": (
        "no_intent",
        (f"UPDATE events SET attempt = 7 WHERE {OF_DELIVERED} AND new = 'accepted'",),
    ),
    "an outcome under another fence": (
        "no_intent",
        (f"UPDATE events SET fence = 9 WHERE {OF_DELIVERED} AND new = 'accepted'",),
    ),
    "a lost outcome": ("broken_history", (f"DELETE FROM events WHERE {OF_DELIVERED} AND new = 'accepted'",)),
    "an attempt that was skipped": (
        "attempt_order",
        (f"UPDATE events SET attempt = 2 WHERE {OF_DELIVERED} AND new = 'sending'",),
    ),
    "an attempt too many": ("wrong_attempts", (f"UPDATE messages SET attempt = 2 WHERE id = {DELIVERED}",)),
    "an attempt that does not count": ("wrong_attempts", (f"UPDATE messages SET unspent = 1 WHERE id = {DELIVERED}",)),
    "a fence that nobody had": ("wrong_fence", (f"UPDATE messages SET fence = 5 WHERE id = {DELIVERED}",)),
    "a fence that went back": (
        "fence_went_back",
        (
            "UPDATE events SET fence = 3 WHERE new = 'sending' AND id = (SELECT min(id) FROM events WHERE new = 'sending')",
            "UPDATE runs SET fence = 3 WHERE fence > 0",
        ),
    ),
    "a run whose fence is behind": ("fence_went_back", ("UPDATE runs SET fence = 1",)),
    "an id of the gateway that is gone": ("no_gateway_id", (f"UPDATE messages SET gateway_id = '' WHERE id = {DELIVERED}",)),
    "an end without an instant": ("wrong_end", (f"UPDATE messages SET final_at = NULL WHERE id = {DELIVERED}",)),
    "an end that is still asked for": ("wrong_end", (f"UPDATE messages SET next_poll_at = 1 WHERE id = {DELIVERED}",)),
    "an event of another run": (
        "foreign_event",
        (f"UPDATE events SET run_key = (SELECT max(key) FROM runs) WHERE {OF_DELIVERED} AND new = 'accepted'",),
    ),
    "an event of no message": (
        "foreign_event",
        (f"UPDATE events SET message_id = 999 WHERE {OF_DELIVERED} AND new = 'delivered'",),
    ),
    "evidence that cannot be read": ("evidence", (f"UPDATE events SET detail = '{{' WHERE {OF_DELIVERED}",)),
    "a message that is gone": (
        "rows",
        (f"DELETE FROM events WHERE {OF_DELIVERED}", f"DELETE FROM messages WHERE id = {DELIVERED}"),
    ),
    "a row set aside that is gone": ("rows", ("DELETE FROM set_aside WHERE ordinal = 8",)),
    "a row in two places": ("rows", (f"UPDATE messages SET ordinal = 8 WHERE id = {DELIVERED}",)),
    "a row beyond the lists": ("rows", (f"UPDATE messages SET ordinal = 10 WHERE id = {DELIVERED}",)),
    "two messages to one number": (
        "two_messages",
        (
            "DROP INDEX messages_one_a_number",
            f"UPDATE messages SET msisdn = (SELECT msisdn FROM messages WHERE id = {REJECTED}) WHERE id = {DELIVERED}",
        ),
    ),
    "a count that was changed": ("tallies", ("UPDATE tallies SET n = n + 1 WHERE state = 'delivered' AND wave = 1",)),
    "buckets that do not add up": ("buckets", ("UPDATE tallies SET n = n + 1 WHERE state = 'delivered' AND wave = 1",)),
    "a bucket for messages on a row set aside": ("no_bucket", ("UPDATE set_aside SET bucket = 'delivered' WHERE ordinal = 8",)),
    "a state that belongs to no bucket": ("no_bucket", (f"UPDATE messages SET state = 'lost' WHERE id = {DELIVERED}",)),
    "a wave that lost a message": ("waves", (f"UPDATE messages SET wave = 2 WHERE id = {DELIVERED}",)),
    "a run that is done with messages unsent": (
        "run_state",
        ("UPDATE messages SET state = 'ready' WHERE state = 'accepted_noid'", "UPDATE runs SET state = 'done'"),
    ),
    "a run that is done with a message maybe sent": ("run_state", ("UPDATE runs SET state = 'done'",)),
    "a run whose history ends elsewhere": ("run_history", ("UPDATE runs SET state = 'paused'",)),
    "a run whose history has a hole": (
        "run_history",
        ("DELETE FROM events WHERE message_id IS NULL AND old = 'planned'",),
    ),
    "requests that were not counted": ("quota_use", ("UPDATE quota_use SET posts = posts - 1",)),
    "a content that was changed": ("blobs", ("UPDATE blobs SET data = X'30' WHERE content_type = 'image/jpeg'",)),
    "a content that is gone": ("blobs", ("DELETE FROM blobs WHERE content_type = 'application/yaml'",)),
    "a text that is gone": ("content", (f"UPDATE messages SET texts = '[]' WHERE id = {DELIVERED}",)),
    "texts that cannot be read": ("content", (f"UPDATE messages SET texts = '{{' WHERE id = {DELIVERED}",)),
}  # fmt: skip


@pytest.mark.parametrize("planted", CORRUPTIONS)
def test_planted_damage_is_found(books: tuple[Engine, int], planted: str) -> None:
    rule, statements = CORRUPTIONS[planted]
    violations = audited_with(books, *statements)
    assert rule in {violation.rule for violation in violations}
    assert all(violation.where and violation.what for violation in violations)


def test_nothing_was_left_of_the_damage(books: tuple[Engine, int]) -> None:
    assert audited_with(books) == []


def test_a_violation_names_the_row_and_never_the_number(books: tuple[Engine, int]) -> None:
    (violation,) = audited_with(books, f"UPDATE messages SET attempt = 2 WHERE id = {DELIVERED}")
    assert violation.where == "row 2 of lists/loyalty.csv"
    assert "501102" not in str(violation)


def test_the_audit_goes_on_while_another_process_writes(ledgers: Ledgers) -> None:
    with ledgers.write() as ledger:
        run = ledger.take_run(frozen(ledger).key)
        begin(ledger, run, 3)
        assert audit(ledgers, run)[0] == []


def test_a_part_that_was_drawn_for_one_recipient_is_audited_too(ledgers: Ledgers) -> None:
    code = b"\x89PNG a code"
    sha256 = hashlib.sha256(code).hexdigest()
    runs = []
    with ledgers.write() as ledger:
        for name, parts in (("whole-1", [Blob(sha256, "image/png", code)]), ("torn-1", [])):
            digest = sha256 if parts else "0" * 64
            new = replace(NEW_RUN, run=name, occurrence=name, rows=1, waves=(WaveRecord(1, START, 1),), inputs=())
            message = replace(planned(1), layout=(DrawnPart("image/png", "qr.png"),), texts=(digest,))
            runs.append(ledger.freeze_run(replace(new, parts=iter(parts)), [(message, 1)], []))
        assert ledger.drawn_example(runs[0].key) == sha256
        assert ledger.layouts(runs[0].key) == [(DrawnPart("image/png", "qr.png"),)]
    assert audit(ledgers, runs[0])[0] == []
    (violation,) = audit(ledgers, runs[1])[0]
    assert violation.rule == "blobs"
