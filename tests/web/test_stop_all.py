"""All sending is stopped and started from the page, in both languages, and the page says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmsflow.ledger.stop_file import StopFile
from mmsflow.wiring import ledger_file

from .client import Client
from .desk import Served

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_stopped_afterwards(served_page: Served) -> Iterator[None]:
    yield
    stop_file(served_page).lift()


def stop_file(served: Served) -> StopFile:
    return StopFile(ledger_file(served.desk.settings))


def test_the_page_stops_all_sending_with_name_and_reason_and_lets_it_go_on(owner: Client, served_page: Served) -> None:
    assert 'action="/stop"' in owner.get("/").text
    assert 'action="/start"' not in owner.get("/").text

    reply = owner.post("/stop", {"who": "Anna", "why": "wrong <price>"})

    assert (reply.status, reply.headers["location"]) == (303, "/")
    stop = stop_file(served_page).read()
    assert stop is not None
    assert (stop.who, stop.why) == ("Anna", "wrong <price>")
    page = owner.get("/").text
    for text in ("All sending is stopped", "Anna", "wrong &lt;price&gt;", 'action="/start"'):
        assert text in page
    assert "nothing is on the wire" in page

    assert owner.post("/start").status == 303
    page = owner.get("/").text
    assert "sending may go on" in page
    assert "All sending is stopped" not in page
    assert not stop_file(served_page).exists()


def test_without_a_name_the_one_of_signing_in_is_kept(owner: Client, served_page: Served) -> None:
    owner.post("/stop", {})
    stop = stop_file(served_page).read()
    assert stop is not None
    assert stop.who == "Ola"


def test_polish_readers_are_told_in_polish(owner: Client, served_page: Served) -> None:
    stop_file(served_page).set("Anna", "zła cena", NOW)
    owner.extra["Accept-Language"] = "pl"
    page = owner.get("/").text
    for text in ("Cała wysyłka jest zatrzymana", "Zatrzymał(a)", "zła cena", "Wznów całą wysyłkę", "Zatrzymaj całą"):
        assert text in page


def test_a_stop_file_that_nobody_can_read_is_shown_as_a_stop(owner: Client, served_page: Served) -> None:
    Path(stop_file(served_page).path).write_bytes(b"{")
    page = owner.get("/").text
    assert "All sending is stopped" in page
    assert "its file cannot be understood" in page


@pytest.mark.parametrize("path", ["/stop", "/start"])
def test_strangers_and_other_sites_neither_stop_nor_start(
    stranger: Client, owner: Client, served_page: Served, path: str
) -> None:
    if path == "/start":
        stop_file(served_page).set("Anna", "", NOW)
    before = stop_file(served_page).exists()
    assert stranger.post(path).status in {303, 401, 403}
    assert owner.post(path, Origin="https://evil.example").status == 403
    assert owner.get(path).status in {404, 405}
    assert stop_file(served_page).exists() is before
