"""What became of the same numbers in two runs, read from a ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmsflow.audience.model import SetAside
from mmsflow.clock import ManualClock
from mmsflow.ledger.model import NewRun, Outcome
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage
from mmsflow.mms.status import Bucket, MessageState

START = datetime(2026, 12, 1, 8, tzinfo=UTC)
NEW = NewRun(
    run="a-1",
    campaign="a",
    account="x",
    occurrence="a-1",
    test=False,
    campaign_file="campaigns/a.yaml",
    campaign_sha256="0" * 64,
    plan_sha256="0" * 64,
    git_commit="",
    git_clean=False,
    sender="ACME",
    priority="Normal",
    delivery_report=True,
    config={},
    created_at=START,
    rows=0,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", command="test", clock=ManualClock(START)) as ledger:
        yield ledger


def a_run(ledger: Ledger, name: str, sent: Sequence[int], aside: Sequence[SetAside] = (), rejected: int = 0) -> int:
    messages = [
        (PlannedMessage(at, "a.csv", at + 1, number(n), "", layout=()), 1) for at, n in enumerate(sent, start=1)
    ]
    others = [replace(row, ordinal=len(sent) + at) for at, row in enumerate(aside, start=1)]
    new = replace(NEW, run=name, occurrence=name, rows=len(messages) + len(others))
    run = ledger.take_run(ledger.freeze_run(new, messages, others).key)
    first = [message.id for message in ledger.ready(run.key, now=START, after=0, limit=10_000)][:rejected]
    ledger.commit(run.key, run.fence, outcomes=[], intents=first, now=START, period="")
    outcomes = [Outcome(each, 1, MessageState.REJECTED, START) for each in first]
    ledger.commit(run.key, run.fence, outcomes=outcomes, intents=[], now=START, period="")
    return run.key


def number(n: int) -> str:
    return f"+48501{n:06}"


def aside(n: int, bucket: Bucket) -> SetAside:
    return SetAside(0, "a.csv", 1, number(n), bucket, "why", "why")


def test_each_number_comes_once_with_its_bucket_in_both_runs_in_the_order_of_the_numbers(ledger: Ledger) -> None:
    first = a_run(ledger, "a-1", [3, 1, 2], rejected=1)
    second = a_run(ledger, "a-2", [4, 2, 3])
    assert list(ledger.fates(first, second)) == [
        (number(1), Bucket.PENDING, None),
        (number(2), Bucket.PENDING, Bucket.PENDING),
        (number(3), Bucket.FAILED, Bucket.PENDING),
        (number(4), None, Bucket.PENDING),
    ]


def test_a_number_stands_for_the_row_that_counts(ledger: Ledger) -> None:
    rows = [
        aside(1, Bucket.DUPLICATE),
        aside(1, Bucket.EXCLUDED),
        aside(2, Bucket.EXCLUDED),
        aside(2, Bucket.EXCLUDED),
        aside(3, Bucket.INVALID),
    ]
    first, second = a_run(ledger, "a-1", [1], rows), a_run(ledger, "a-2", [2])
    assert list(ledger.fates(first, second)) == [
        (number(1), Bucket.PENDING, None),
        (number(2), Bucket.EXCLUDED, Bucket.PENDING),
    ]


@pytest.mark.parametrize(("mine", "theirs"), [([], []), ([1], []), ([], [1])])
def test_an_empty_run_has_no_numbers(ledger: Ledger, mine: list[int], theirs: list[int]) -> None:
    found = list(ledger.fates(a_run(ledger, "a-1", mine), a_run(ledger, "a-2", theirs)))
    assert [one is None for _, one, _ in found] == [not mine] * len(found)
    assert len(found) == len(mine) + len(theirs)


def test_runs_longer_than_a_block_of_reading_lose_nobody(ledger: Ledger) -> None:
    first = a_run(ledger, "a-1", range(0, 9_000, 2))
    second = a_run(ledger, "a-2", range(0, 9_000, 3))
    found = {each: (one, other) for each, one, other in ledger.fates(first, second)}
    assert len(found) == len({*range(0, 9_000, 2), *range(0, 9_000, 3)})
    assert sum(1 for one, other in found.values() if one and other) == len(range(0, 9_000, 6))
    assert list(found) == sorted(found)
