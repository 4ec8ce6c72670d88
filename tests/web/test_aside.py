"""The list of the rows that got no message."""

from __future__ import annotations

import re

from mmsflow.web.words import word

from . import scene
from .client import Client

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
