"""A run of 100,000: each page is small, and reads a few rows through an index."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite as dialect

from mmsflow.ledger import aside, pages
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import PROBLEM_BUCKETS, Bucket
from mmsflow.report.timeline import bin_edges

from . import scene
from .client import Client
from .desk import served
from .test_live import next_parts, streaming


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = scene.write_workspace(tmp_path_factory.mktemp("big") / "workspace", people=3)
    scene.grow_big_run(folder / ".mmsflow" / "ledger.db")
    return folder


@pytest.fixture(scope="module")
def owner(big: Path) -> Iterator[Client]:
    with served(scene.settings_for(big)) as found:
        yield Client(found.url).signed_in()


@pytest.fixture(scope="module")
def ledger(big: Path) -> Iterator[LedgerReader]:
    with LedgerReader.open(f"sqlite:///{big / '.mmsflow' / 'ledger.db'}") as found:
        yield found


def test_every_page_of_a_big_run_is_small(owner: Client) -> None:
    run = f"/runs/{scene.BIG}"
    aside = f"{run}/set-aside"
    problems = [run, f"{run}?bucket=failed", f"{run}?bucket=maybe_sent", f"{run}/maybe-sent"]
    for path in ("/", *problems, aside, f"{aside}?bucket=duplicate", f"{aside}?bucket=excluded&after=110000"):
        reply = owner.get(path)
        assert reply.status == 200
        assert 3_000 < len(reply.text.encode()) < 200_000, path
    assert owner.get(run).text.count('class="tel">…') == owner.get(aside).text.count('class="tel">…') == 50


def test_following_the_pages_shows_every_problem_once(owner: Client, ledger: LedgerReader) -> None:
    path, rows, pages_seen = f"/runs/{scene.BIG}?bucket=maybe_sent", list[str](), 0
    while path:
        html = owner.get(path).text
        rows += re.findall(r"wiersz (\d+)|row (\d+)</small>", html)
        following = re.search(r'href="([^"]*after=\d+)#problems"', html)
        path = following[1].replace("&amp;", "&") if following else ""
        pages_seen += 1
    assert pages_seen == 2
    assert len(rows) == len(set(rows)) == 98


def test_all_kinds_together_come_in_sending_order(ledger: LedgerReader) -> None:
    key = _key(ledger)
    found, after = list[int](), 0
    while page := ledger.rows_page(key, PROBLEM_BUCKETS, after, 500):
        assert len(page) <= 500
        found += [row.id for row in page]
        after = found[-1]
    assert found == sorted(set(found))
    counts = ledger.bucket_counts(key)
    assert len(found) == counts[Bucket.FAILED] + counts[Bucket.MAYBE_SENT] == 2_097


def test_the_next_problems_are_found_through_their_own_index_and_nothing_is_sorted(big: Path) -> None:
    for state in ("failed", "unknown", "expired"):
        plan = _explained(big, pages.problem_query(1, state, 500, 51))
        assert plan == ["SEARCH messages USING INDEX messages_problems (run_key=? AND state=? AND id>?)"]


def test_the_stream_of_a_big_run_sends_the_page_of_problems_that_its_reader_is_on(owner: Client) -> None:
    first = owner.get(f"/runs/{scene.BIG}?bucket=failed").text
    second = re.search(r"bucket=failed&amp;(after=\d+)#problems", first)
    assert second is not None
    page = owner.get(f"/runs/{scene.BIG}?bucket=failed&{second[1]}").text
    with streaming(owner, f"page=run&run={scene.BIG}&bucket=failed&{second[1]}") as stream:
        parts = next_parts(stream)
    assert parts["people"].strip() in page
    assert parts["people"].count('class="tel">…') == 50
    assert sum(len(html.encode()) for html in parts.values()) < 100_000


def test_rows_without_a_message_are_read_by_their_place_in_the_lists_and_never_more_than_are_looked_at(
    big: Path, ledger: LedgerReader
) -> None:
    for query, index in (
        (aside.aside_query(1, ["invalid"], 7, 51), "set_aside USING PRIMARY KEY"),
        (aside.suppressed_query(1, 7, 51), "messages USING INDEX messages_by_ordinal"),
    ):
        assert _explained(big, query) == [f"SEARCH {index} (run_key=? AND ordinal>? AND ordinal<?)"]
    page = ledger.aside_page(_key(ledger), (Bucket.INVALID,), 0, 50)
    assert ([row.ordinal for row in page.rows], page.next_after) == ([scene.BIG_ROWS + 1], 0)


def test_the_curve_is_counted_by_the_database_within_the_run(big: Path, ledger: LedgerReader) -> None:
    for query in (pages.span_query(1), pages.binned_query(1, "sent_at", 0, 60_000_000)):
        first = _explained(big, query)[0]
        assert first.startswith("SEARCH messages USING INDEX")
        assert "(run_key=?" in first
    key = _key(ledger)
    span = ledger.curve_span(key)
    assert span is not None
    edges = bin_edges(int(span[0].timestamp()), int(span[1].timestamp()))
    counts = ledger.curve_counts(key, edges)
    assert len(counts.sent) == len(counts.delivered) <= 60
    assert sum(counts.sent) == scene.BIG_ROWS - 1  # the one that was frozen has never left
    assert sum(counts.delivered) == 97_902


def test_the_first_submissions_of_a_run_are_found_through_an_index_and_nothing_is_sorted(big: Path) -> None:
    plan = _explained(big, pages.submissions_query(1, 2_000))
    assert plan == ["SEARCH messages USING INDEX messages_by_ordinal (run_key=?)"]


def test_runs_are_listed_by_their_key_a_few_at_a_time(ledger: LedgerReader) -> None:
    key = _key(ledger)
    assert ledger.run_names(scene.ACCOUNT, 0, 20) == [(key, scene.BIG)]
    assert ledger.run_names(scene.ACCOUNT, key, 20) == []
    assert ledger.run_names("another", 0, 20) == []


def _key(ledger: LedgerReader) -> int:
    run = ledger.find_run(scene.BIG)
    assert run is not None
    return run.key


def _explained(folder: Path, query: Select[*tuple[object, ...]]) -> list[str]:
    text = str(query.compile(dialect=dialect.dialect(), compile_kwargs={"literal_binds": True}))
    with sqlite3.connect(folder / ".mmsflow" / "ledger.db") as database:
        rows = database.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()
    return [row[3] for row in rows]
