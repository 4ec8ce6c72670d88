"""The list of the rows that got no message."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from mmsflow.ledger import aside
from mmsflow.ledger.model import Refusal
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage
from mmsflow.web.words import word

from . import scene
from .client import Client
from .desk import Served

RUN = f"/runs/{scene.DOUBTFUL}"
LIST = f"{RUN}/set-aside"


def rows_of(html: str) -> list[str]:
    """The text of each row of the list."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>") if row.strip()]


def test_a_run_leads_to_its_rows_without_a_message_and_each_says_why(owner: Client) -> None:
    html = owner.get(RUN).text
    assert f'href="{LIST}"' in html
    assert f"{word('set_aside', 'en')}: 3</a>" in html
    assert rows_of(owner.get(LIST).text) == [
        "… Invalid too short lists/.csv row 14",
        "…001 Duplicate the number …001 is in row 2 lists/.csv row 15",
        "…123 Excluded opted out: lists/opt-outs.csv row 9 lists/.csv row 16",
    ]


def test_the_list_shows_one_bucket_where_its_name_is_given(owner: Client) -> None:
    for bucket, row in (("invalid", "row 14"), ("duplicate", "row 15"), ("excluded", "row 16")):
        html = owner.get(f"{LIST}?bucket={bucket}").text
        (shown,) = rows_of(html)
        assert shown.endswith(row)
        assert re.search(rf'\?bucket={bucket}" aria-current="page"', html)
    assert len(rows_of(owner.get(f"{LIST}?bucket=delivered").text)) == 3, "a name that it does not know shows all"


def test_a_page_behind_the_last_row_says_so_and_leads_back(owner: Client) -> None:
    html = owner.get(f"{LIST}?bucket=invalid&after=900").text
    assert word("no_problems", "en") in html
    assert f'<a href="{LIST}?bucket=invalid">{word("first_page", "en")}</a>' in html


def test_a_message_that_was_suppressed_before_it_was_sent_is_listed_with_its_time(
    owner: Client, served_page: Served
) -> None:
    def suppress(ledger: Ledger) -> str:
        planned = [(PlannedMessage(1, "lists/a.csv", 2, "+48501101777", "Kod", ()), 1)]
        run = ledger.take_run(ledger.freeze_run(scene.a_run("late-1", "", rows=1, messages=1), planned, []).key)
        (message,) = ledger.ready(run.key, now=scene.START, after=0, limit=1)
        ledger.suppress(run.key, [Refusal(message.id, "opt_out", "opted out: lists/opt-outs.csv row 12")])
        return run.run

    run = served_page.do(in_loop(served_page, suppress))
    (row,) = rows_of(owner.get(f"/runs/{run}/set-aside?bucket=excluded").text)
    assert row.startswith("…777 Excluded opted out: lists/opt-outs.csv row 12 suppressed before it was sent, 20")
    assert row.endswith("lists/a.csv row 2")


def test_where_a_long_list_holds_none_so_far_the_page_leads_on(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "LOOKED_AT", 14)
    html = owner.get(f"{LIST}?bucket=excluded").text
    assert word("set_aside.look_on", "en") in html
    assert f'href="{LIST}?bucket=excluded&amp;after=14">{word("next_page", "en")}' in html
    assert len(rows_of(owner.get(f"{LIST}?bucket=excluded&after=14").text)) == 1


def test_of_a_run_whose_numbers_were_removed_no_list_shows_what_stands_in_for_them(
    owner: Client, served_page: Served
) -> None:
    def forget(ledger: Ledger) -> str:
        run = scene.carry_out(ledger, "gone-20261102-1", "", 4)
        ledger.purge(run.key, served_page.clock.now(), even_maybe_sent=True)
        return run.run

    run = served_page.do(in_loop(served_page, forget))
    for path in (f"/runs/{run}", f"/runs/{run}/set-aside", f"/runs/{run}/maybe-sent"):
        numbers = re.findall(r'class="tel">([^<]*)<', owner.get(path).text)
        assert set(numbers) == {"–"}, path


async def in_loop(served_page: Served, work: Callable[[Ledger], str]) -> str:
    """For ``Served.do``: the ledger's writer belongs to the desk's thread."""
    return work(served_page.desk.ledger)
