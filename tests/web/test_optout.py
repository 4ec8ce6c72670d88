"""A number is put into the suppression list from the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from .client import Client
from .desk import Served

LIST = "lists/never.csv"


@pytest.fixture(autouse=True)
def with_a_list(served_page: Served) -> Iterator[Path]:
    before, path = served_page.desk.settings, served_page.desk.settings.workspace / LIST
    path.parent.mkdir(exist_ok=True)
    path.write_text("number,added_by,reason\n", "utf-8")
    served_page.desk.settings = replace(before, suppression=LIST)
    yield path
    served_page.desk.settings = before
    path.unlink(missing_ok=True)


def test_numbers_go_into_the_list_with_who_and_why(owner: Client, with_a_list: Path) -> None:
    assert 'action="/optout"' in owner.get("/").text
    reply = owner.post("/optout", {"number": "501 000 101, 48601000102", "why": "by phone"})
    assert (reply.status, reply.headers["location"]) == (303, "/")
    assert with_a_list.read_text().splitlines()[1:] == ["+48501000101,Ola,by phone", "+48601000102,Ola,by phone"]
    assert "2 numbers added to lists/never.csv" in owner.get("/").text
    owner.post("/optout", {"number": "501000101"})
    assert (
        "0 numbers added to lists/never.csv: nothing goes out to them any more; 1 in it already" in owner.get("/").text
    )


def test_one_wrong_number_and_nothing_is_added(owner: Client, with_a_list: Path) -> None:
    before = with_a_list.read_bytes()
    owner.post("/optout", {"number": "501000101; 12"})
    assert "Not done" in owner.get("/").text
    assert with_a_list.read_bytes() == before


def test_without_the_setting_the_page_says_what_to_write(owner: Client, served_page: Served) -> None:
    served_page.desk.settings = replace(served_page.desk.settings, suppression="")
    owner.post("/optout", {"number": "501000101"})
    assert "has no suppression list" in owner.get("/").text


def test_polish_readers_have_the_field_in_polish(owner: Client) -> None:
    owner.extra["Accept-Language"] = "pl"
    assert "Nie wysyłaj więcej na numer" in owner.get("/").text


def test_strangers_add_nothing(stranger: Client, owner: Client, with_a_list: Path) -> None:
    before = with_a_list.read_bytes()
    stranger.post("/optout", {"number": "501000101"})
    assert owner.post("/optout", {"number": "501000101"}, Origin="https://evil.example").status == 403
    assert with_a_list.read_bytes() == before
