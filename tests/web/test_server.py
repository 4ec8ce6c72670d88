"""The page's server: where it listens, what opens it, and how it ends."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.requests import Request

from mmsflow.clock import SystemClock
from mmsflow.errors import UsageError
from mmsflow.secret import Secret
from mmsflow.secret_file import SecretFile
from mmsflow.web.access import Guesses, Sessions, long_enough, token_of
from mmsflow.web.server import serving, sign_in_link
from mmsflow.web.site import Site, hosts_of, language_of

from . import scene
from .desk import Desk, a_desk

PATIENCE = 60  # seconds; reached only by a test that fails


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    folder = scene.write_workspace(tmp_path / "workspace", people=3)
    async with a_desk(scene.settings_for(folder), SystemClock(), scene.fill) as found:
        yield found


async def test_a_port_that_is_taken_is_named_with_a_way_out(desk: Desk) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen at 127.0.0.1:{port}") as refused:
            async with serving(desk, port=port):
                pass
    assert "web_port" in refused.value.advice


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
async def test_it_listens_where_others_can_reach_it_only_with_a_token_and_names_of_its_own(
    tmp_path: Path, host: str
) -> None:
    folder = scene.write_workspace(tmp_path / "workspace", people=3)
    without = scene.settings_for(folder, web_token=Secret(""), web_names=("mms.example.pl",))
    nameless = scene.settings_for(folder)
    for settings, what in ((without, "without a token"), (nameless, "without a name")):
        async with a_desk(settings, SystemClock(), lambda _: None) as desk:
            with pytest.raises(UsageError, match=what):
                async with serving(desk, host=host, port=0):
                    pass


def test_a_configured_token_has_at_least_20_characters(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fewer than 20"):
        token_of(scene.settings_for(tmp_path, web_token=Secret("x" * 19)))
    assert token_of(scene.settings_for(tmp_path, web_token=Secret("x" * 20))).reveal() == "x" * 20
    assert not (tmp_path / ".mmsflow").exists()


def test_a_token_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    settings = scene.settings_for(tmp_path, web_token=Secret(""))
    first = token_of(settings)
    kept = tmp_path / ".mmsflow" / "web-token"
    assert len(first.reveal()) == 43
    assert token_of(settings) == first
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert sign_in_link("http://127.0.0.1:8474/", settings) == f"http://127.0.0.1:8474/?token={first.reveal()}"
    kept.chmod(0o640)
    assert token_of(settings) != first, "others may have read it"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_token_file_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".mmsflow").mkdir()
    (tmp_path / "other").write_text("a token of somebody else's choice")
    (tmp_path / ".mmsflow" / "web-token").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="cannot be kept"):
        token_of(scene.settings_for(tmp_path, web_token=Secret("")))


async def test_open_streams_send_parts_and_end_with_the_server(desk: Desk) -> None:
    async with serving(desk, port=0) as url:
        host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
        cookie = await _sign_in(host, int(port))
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(_request("GET", f"/events?page=run&run={scene.DOUBTFUL}", f"{host}:{port}", cookie))
        head = await asyncio.wait_for(reader.readuntil(b"event: parts"), PATIENCE)
        assert b"200 OK" in head
        assert b"text/event-stream" in head
        first = await asyncio.wait_for(reader.readuntil(b"\n\n"), PATIENCE)
        assert b'"counts"' in first
        desk.moved()
        assert b"event: beat" in await asyncio.wait_for(reader.readuntil(b"\n\n"), PATIENCE), "nothing is sent twice"
    # The block has ended, and with it every stream.
    assert b"event:" not in await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()


async def _sign_in(host: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(_request("GET", f"/?token={scene.TOKEN}", f"{host}:{port}", ""))
    reply = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    line = next(line for line in reply.splitlines() if line.lower().startswith("set-cookie:"))
    return line.partition(":")[2].partition(";")[0].strip()


def _request(method: str, path: str, host: str, cookie: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode()


def test_programs_may_read_figures_with_the_token_and_do_not_hold_up_people(desk_less: Site) -> None:
    site = desk_less
    assert site.allowed(_asked(site, authorization=f"Bearer {scene.TOKEN}"))
    for wrong in ("", "Bearer", "Bearer x", f"Basic {scene.TOKEN}", *["Bearer wrong"] * 10):
        assert not site.allowed(_asked(site, authorization=wrong)), wrong
    assert site.guesses.check(scene.TOKEN)


def test_a_rotated_token_opens_the_page_and_ends_what_the_old_one_opened(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a" * 30)
    token = long_enough(SecretFile("web_token", tmp_path / "token"))
    sessions, guesses = Sessions(SystemClock(), timedelta(hours=1), token), Guesses(SystemClock(), token)
    cookie = sessions.open("anna")
    (tmp_path / "token").write_text("b" * 7)
    assert guesses.check("a" * 30), "a half-written token opens nothing"
    assert sessions.find(cookie)
    (tmp_path / "token").write_text("b" * 30)
    assert not guesses.check("a" * 30)
    assert guesses.check("b" * 30)
    assert sessions.find(cookie) is None


@pytest.fixture
def desk_less() -> Site:
    clock, token = SystemClock(), Secret(scene.TOKEN)
    sessions = Sessions(clock, timedelta(hours=1), token)
    board: Desk = object.__new__(Desk)
    guesses = Guesses(clock, token)
    return Site(board, sessions, guesses, Guesses(clock, token), hosts_of("127.0.0.1", 1, ()), "mmsflow_1")


def _asked(site: Site, **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items() if value]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": raw})


@pytest.mark.parametrize(
    ("header", "language"),
    [("pl-PL,pl;q=0.9", "pl"), ("de,pl;q=0.5", "pl"), ("en-GB", "en"), ("de", "en"), ("", "en"), ("*" * 500, "en")],
)
def test_the_language_is_the_browsers_until_somebody_chooses(desk_less: Site, header: str, language: str) -> None:
    assert language_of(_asked(desk_less, accept_language=header)) == language
    chosen = {"pl": "en", "en": "pl"}[language]
    assert language_of(_asked(desk_less, accept_language=header, cookie=f"mmsflow_language={chosen}")) == chosen


def test_names_of_the_settings_are_served_with_and_without_the_port() -> None:
    hosts = hosts_of("0.0.0.0", 8474, ("MMS.example.pl",))
    assert {"mms.example.pl", "mms.example.pl:8474", "127.0.0.1:8474", "localhost:8474"} <= hosts
    assert "localhost" not in hosts
