"""The streams of live figures: each sends what its reader has before them, and of that what has changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse

import pytest

from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.requests import Action, Request
from mmsflow.mms.status import MessageState

from . import scene
from .client import Client
from .desk import Served

RUN = f"/runs/{scene.DOUBTFUL}"


@contextmanager
def streaming(client: Client, query: str) -> Iterator[HTTPResponse]:
    """The events of a page, as long as the block goes on."""
    connection = HTTPConnection(client.host, timeout=60)
    connection.request("GET", f"/events?{query}", headers={"Cookie": client.cookie})
    reply = connection.getresponse()
    try:
        yield reply
    finally:
        reply.close()
        connection.close()


def next_parts(stream: HTTPResponse) -> dict[str, str]:
    """The next parts that come; what only says that the stream is alive is passed over."""
    for line in stream:
        if line.startswith(b"data: "):
            parts = json.loads(line.removeprefix(b"data: "))
            assert isinstance(parts, dict)
            return parts
    raise AssertionError("the stream has ended")


def numbers_in(html: str) -> list[str]:
    return re.findall(r'class="tel">([^<]*)<', html)


@pytest.mark.parametrize("query", ["", "bucket=failed", "bucket=maybe_sent&after=6", "bucket=nothing", "after=x"])
def test_a_stream_sends_the_list_that_its_reader_has_chosen(owner: Client, query: str) -> None:
    page = owner.get(f"{RUN}?{query}").text
    address = re.search(r'data-live="/events\?([^"]*)"', page)
    assert address is not None
    with streaming(owner, address[1].replace("&amp;", "&")) as stream:
        people = next_parts(stream)["people"]
    assert people.strip() in page
    assert numbers_in(people) == numbers_in(page) != []


def test_a_change_is_sent_to_whoever_has_it_before_them_and_nothing_else_is_sent_again(
    owner: Client, served_page: Served
) -> None:
    desk = served_page.desk
    with (
        streaming(owner, f"page=run&run={scene.DOUBTFUL}&bucket=maybe_sent") as all_of_them,
        streaming(owner, f"page=run&run={scene.DOUBTFUL}&bucket=maybe_sent&after=2") as the_rest,
    ):
        before, rest = next_parts(all_of_them), next_parts(the_rest)
        assert numbers_in(before["people"])[1:] == numbers_in(rest["people"]) != []
        settled = Request(
            scene.DOUBTFUL, Action.RESOLVE, desk.clock.now(), (Decision(2, 1, MessageState.UNDETERMINED),)
        )
        assert not served_page.do(desk.ask(settled)).refused
        after, rest_after = next_parts(all_of_them), next_parts(the_rest)
        assert numbers_in(after["people"]) == numbers_in(rest["people"])
        assert numbers_in(rest_after["people"]) == numbers_in(rest["people"]), "with new counts above it"
        for parts in (after, rest_after):
            assert {"people", "counts", "state"} <= parts.keys()
            assert not {"waves", "reports", "curve"} & parts.keys()
