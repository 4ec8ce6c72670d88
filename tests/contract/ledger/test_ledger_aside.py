"""Rows that got no message, as they are listed: complete, in order, a few at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest
from ledger_factory import START, Ledgers, aside, freeze

from mmsflow.ledger import aside as aside_rows
from mmsflow.ledger.aside import ASIDE_BUCKETS, AsideRow
from mmsflow.ledger.model import Refusal, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import Bucket

INVALID, DUPLICATE, EXCLUDED = ASIDE_BUCKETS


@pytest.fixture
def ledger(ledgers: Ledgers) -> Iterator[Ledger]:
    with ledgers.write() as opened:
        yield opened


@pytest.fixture
def run(ledger: Ledger) -> RunInfo:
    """Nine rows: four messages, of which the second and the fourth are suppressed, and five rows set aside."""
    left_out = [
        aside(5, INVALID),
        aside(6, DUPLICATE, "+48501102001", "duplicate"),
        aside(7, EXCLUDED, "+48501102999", "opt_out"),
        aside(8, INVALID),
        aside(9, EXCLUDED, "+48501102998", "no_consent"),
    ]
    other = freeze(ledger, 4, set_aside=[aside(5, INVALID)], run="another")
    ledger.suppress(other.key, [Refusal(1, "cap", "two messages in seven days")])
    run = ledger.take_run(freeze(ledger, 4, set_aside=left_out).key)
    ids = [message.id for message in ledger.ready(run.key, now=START, after=0, limit=9)]
    ledger.suppress(run.key, [Refusal(ids[place], "opt_out", "opted out later") for place in (1, 3)])
    return run


def everything(ledger: Ledger, run: RunInfo, buckets: Collection[Bucket], limit: int) -> list[AsideRow]:
    """All rows, page by page."""
    found, after = list[AsideRow](), 0
    while True:
        page = ledger.aside_page(run.key, buckets, after, limit)
        assert len(page.rows) <= limit
        found += page.rows
        if not page.next_after:
            return found
        assert page.next_after > after
        after = page.next_after


@pytest.mark.parametrize("looked_at", [1, 2, 3, 1_000_000])
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_every_row_without_a_message_is_listed_once_whatever_the_pages_length(
    ledger: Ledger, run: RunInfo, monkeypatch: pytest.MonkeyPatch, looked_at: int, limit: int
) -> None:
    monkeypatch.setattr(aside_rows, "LOOKED_AT", looked_at)
    for buckets, ordinals in (
        (ASIDE_BUCKETS, [2, 4, 5, 6, 7, 8, 9]),
        ((INVALID,), [5, 8]),
        ((DUPLICATE,), [6]),
        ((EXCLUDED,), [2, 4, 7, 9]),
        ((Bucket.DELIVERED,), []),
    ):
        assert [row.ordinal for row in everything(ledger, run, buckets, limit)] == ordinals


def test_each_bucket_has_as_many_rows_as_are_counted(ledger: Ledger, run: RunInfo) -> None:
    counts = ledger.bucket_counts(run.key)
    for bucket in ASIDE_BUCKETS:
        rows = everything(ledger, run, (bucket,), 2)
        assert len(rows) == counts[bucket] > 0
        assert {row.bucket for row in rows} == {bucket}


def test_a_row_says_where_it_stood_and_why_it_got_no_message(ledger: Ledger, run: RunInfo) -> None:
    suppressed, _, invalid, *_ = ledger.aside_page(run.key, ASIDE_BUCKETS, 0, 50).rows
    assert invalid == AsideRow(5, 6, "lists/loyalty.csv", "12 345 67 89", INVALID, "reason of row 5", "landline", None)
    assert (suppressed.row, suppressed.number, suppressed.bucket) == (3, "+48501102002", EXCLUDED)
    assert (suppressed.code, suppressed.reason, suppressed.suppressed_at) == ("opt_out", "opted out later", START)


def test_no_look_is_longer_than_it_may_be(ledger: Ledger, run: RunInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside_rows, "LOOKED_AT", 5)
    page = ledger.aside_page(run.key, (DUPLICATE,), 0, 50)
    assert (page.rows, page.next_after) == ([], 5)
    page = ledger.aside_page(run.key, (DUPLICATE,), 5, 50)
    assert ([row.ordinal for row in page.rows], page.next_after) == ([6], 0)
