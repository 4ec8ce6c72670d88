"""Who gets in, and what a reply may tell: hosts, origins, sessions, headers, errors."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from mmsflow.ledger.requests import Action

from . import scene
from .client import Client
from .desk import Served

SEEN_ONLY_INSIDE = f"/runs/{scene.DOUBTFUL}"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "127.0.0.1.evil:{port}"]
)
def test_a_name_that_is_not_ours_is_refused_even_with_a_session(owner: Client, host: str) -> None:
    port = owner.host.rpartition(":")[2]
    reply = owner.get("/", Host=host.format(port=port))
    assert reply.status == 403
    assert scene.DOUBTFUL not in reply.text


def test_this_machines_own_names_are_served(owner: Client) -> None:
    port = owner.host.rpartition(":")[2]
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        assert owner.get("/", Host=f"{name}:{port}").status == 200, name


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": ""},
        {"Origin": "", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "", "Sec_Fetch_Site": "same-site"},
        {"Origin": "", "Sec_Fetch_Site": "none"},
        {"Origin": "http://{host}.evil.example"},
        {"Origin": "ftp://{host}"},
    ],
)
def test_a_change_that_another_site_asks_for_is_refused(
    owner: Client, served_page: Served, headers: dict[str, str]
) -> None:
    before = len(served_page.desk.asked)
    said = {name: value.format(host=owner.host) for name, value in headers.items()}
    for path in (
        f"{SEEN_ONLY_INSIDE}/pause",
        "/approve",
        "/begin",
        "/test",
        f"{SEEN_ONLY_INSIDE}/maybe-sent",
        "/sign-out",
    ):
        assert owner.post(path, {}, **said).status == 403, path
    assert len(served_page.desk.asked) == before
    assert owner.get("/").status == 200


def test_a_change_without_an_origin_passes_where_the_browser_vouches_for_it(owner: Client, served_page: Served) -> None:
    reply = owner.post(f"{SEEN_ONLY_INSIDE}/pause", {}, Origin="", Sec_Fetch_Site="same-origin")
    assert (reply.status, reply.headers["location"]) == (303, SEEN_ONLY_INSIDE)
    assert (served_page.desk.asked[-1].run, served_page.desk.asked[-1].action) == (scene.DOUBTFUL, Action.PAUSE)


def test_nothing_is_shown_or_done_without_a_session(stranger: Client, served_page: Served) -> None:
    before = len(served_page.desk.asked)
    for path in (
        SEEN_ONLY_INSIDE,
        f"{SEEN_ONLY_INSIDE}/maybe-sent",
        f"{SEEN_ONLY_INSIDE}/set-aside",
        "/plan?file=campaigns/offer.yaml",
        "/preview",
        "/",
    ):
        reply = stranger.get(path)
        assert reply.status == 303, path
        assert reply.headers["location"].startswith("/sign-in"), path
    assert stranger.get("/events?page=overview").status == 403
    for path in (f"{SEEN_ONLY_INSIDE}/pause", "/approve", "/begin", "/seen"):
        assert stranger.post(path).status == 403, path
    name = f"mmsflow_{stranger.host.rpartition(':')[2]}"
    for cookie in ("mmsflow_1=x", f"{name}=guessed", f"{name}={'a' * 43}", f"{name}={scene.TOKEN}"):
        assert Client(stranger.url, cookie).get(SEEN_ONLY_INSIDE).status == 303
    assert len(served_page.desk.asked) == before


def test_a_link_with_the_token_signs_in_and_leaves_the_address_bar(stranger: Client) -> None:
    reply = stranger.get(f"/?token={scene.TOKEN}")
    assert (reply.status, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie
    assert len(cookie.partition(";")[0].partition("=")[2]) == 43
    assert Client(stranger.url, cookie.partition(";")[0]).get("/").status == 200


def test_the_cookie_is_for_https_alone_where_the_proxy_on_this_machine_says_so(stranger: Client) -> None:
    reply = stranger.post(
        "/sign-in", {"token": scene.TOKEN}, Origin=f"https://{stranger.host}", X_Forwarded_Proto="https"
    )
    assert "Secure" in reply.headers["set-cookie"]
    plain = stranger.post("/sign-in", {"token": scene.TOKEN}, X_Forwarded_Proto="https")
    assert plain.status == 403, "a page that came by http is another origin"


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(owner: Client) -> None:
    assert owner.post("/sign-out").status == 303
    assert owner.get(SEEN_ONLY_INSIDE).status == 303


def test_a_session_is_over_when_its_time_is_up(owner: Client, served_page: Served) -> None:
    lasts = served_page.desk.settings.web_session
    served_page.clock.ahead = lasts - timedelta(seconds=30)
    try:
        assert owner.get(SEEN_ONLY_INSIDE).status == 200
        served_page.clock.ahead = lasts + timedelta(seconds=1)
        assert owner.get(SEEN_ONLY_INSIDE).status == 303
    finally:
        served_page.clock.ahead = timedelta()
    assert owner.get(SEEN_ONLY_INSIDE).status == 303, "it does not come back"


def test_guessing_is_slowed_down_and_the_owner_is_never_out_for_more_than_half_a_minute(
    stranger: Client, owner: Client, served_page: Served
) -> None:
    with served_page.clock.standing():
        replies = [stranger.post("/sign-in", {"token": f"guess number {n} of many"}) for n in range(8)]
        assert [reply.status for reply in replies] == [403] * 5 + [429] * 3
        assert replies[-1].headers["retry-after"] == "1"
        assert stranger.post("/sign-in", {"token": scene.TOKEN}).status == 429
        assert owner.get("/").status == 200, "whoever is signed in does not notice"
        try:
            for _ in range(20):
                served_page.clock.ahead += timedelta(seconds=31)
                assert stranger.get("/?token=another+guess+of+many").status == 403
                assert stranger.get("/?token=another+guess+of+many").status == 429
            served_page.clock.ahead += timedelta(seconds=31)
            assert stranger.post("/sign-in", {"token": scene.TOKEN}).status == 303
        finally:
            served_page.clock.ahead = timedelta()


def test_every_reply_carries_a_strict_policy_and_is_kept_by_nobody(owner: Client, stranger: Client) -> None:
    paths = ("/", "/sign-in", SEEN_ONLY_INSIDE, "/assets/page.js", "/nowhere", "/plan?file=nowhere.yaml")
    for reply in (*map(owner.get, paths), stranger.get("/"), stranger.get("/", Host="evil.example")):
        policy = dict(rule.strip().partition(" ")[::2] for rule in reply.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["base-uri"] == "'none'"
        assert "unsafe" not in reply.headers["content-security-policy"]
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "same-origin"
        assert reply.headers["cross-origin-opener-policy"] == "same-origin"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in reply.headers
        assert "server" not in reply.headers


def test_pages_have_no_script_style_or_address_but_our_own(owner: Client) -> None:
    hostile = f"/runs/{scene.HOSTILE}"
    for path in ("/", SEEN_ONLY_INSIDE, hostile, f"{hostile}/maybe-sent", f"{hostile}/set-aside", "/sign-in"):
        found = Tags()
        found.feed(owner.get(path).text)
        assert [tag for tag, _ in found.tags if tag in {"style", "object", "embed", "base", "img"}] == [], path
        assert sum(tag == "script" for tag, _ in found.tags) == 1, path
        names = {name for _, attributes in found.tags for name in attributes}
        assert [name for name in names if name == "style" or name.startswith("on")] == [], path
        addresses = [each[name] or "" for _, each in found.tags for name in ("src", "href", "action") if name in each]
        assert len(addresses) > 3
        assert [each for each in addresses if each[:1] not in "/#" and each != "data:,"] == [], path


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_other_methods_and_large_bodies_are_refused(owner: Client) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT"):
        assert owner.ask(method, "/sign-in", {}).status in (400, 405), method
    assert owner.post("/approve", {"file": "x" * 70_000}).status == 413
    long = "".join(f"{1000:x}\r\n{'x' * 1000}\r\n" for _ in range(100)) + "0\r\n\r\n"
    in_pieces = {"Origin": f"http://{owner.host}", "Transfer-Encoding": "chunked", "Content-Length": ""}
    assert owner.ask("POST", "/approve", in_pieces, long).status == 413
    chunked = {"Origin": f"http://{owner.host}", "Content-Length": "x"}
    assert owner.ask("POST", "/approve", chunked, "").status in (400, 413)
    assert owner.ask("HEAD", "/sign-in", {}).text == ""


def test_what_leads_to_another_site_leads_to_the_overview_instead(stranger: Client) -> None:
    for wanted in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/\r\nX: y"):
        reply = stranger.post("/sign-in", {"token": scene.TOKEN, "next": wanted})
        assert reply.headers["location"] == "/", wanted
        assert stranger.post("/language", {"language": "pl", "next": wanted}).headers["location"] == "/", wanted
    bounced = stranger.get("//evil.example/", Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="document")
    assert "url=//" not in bounced.text


def test_a_link_in_a_mail_reaches_its_page_although_the_strict_cookie_stays_behind_at_first(stranger: Client) -> None:
    reply = stranger.get(SEEN_ONLY_INSIDE, Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="document")
    assert reply.status == 200
    assert f'content="0; url={SEEN_ONLY_INSIDE}"' in reply.text
    assert stranger.get(SEEN_ONLY_INSIDE, Sec_Fetch_Site="same-origin", Sec_Fetch_Dest="document").status == 303


def test_another_sites_page_cannot_use_up_the_guesses(stranger: Client) -> None:
    for _ in range(10):
        picture = stranger.get("/?token=guess", Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="image")
        assert (picture.status, "set-cookie" in picture.headers) == (403, False)
    link = f"/?token={scene.TOKEN}"
    assert "set-cookie" not in stranger.get(link, Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="document").headers
    assert stranger.get(link, Sec_Fetch_Site="same-origin", Sec_Fetch_Dest="document").status == 303


def test_an_error_page_tells_nothing_of_the_machine(owner: Client, served_page: Served) -> None:
    workspace = str(served_page.desk.settings.workspace)
    for path, status in (
        ("/plan?file=../../etc/passwd", 404),
        ("/plan?file=campaigns/broken.yaml", 422),
        ("/preview/page?file=nowhere", 404),
        ("/runs/nobody-1", 404),
        (f"/runs/{scene.DOUBTFUL}/reports/..%2f..%2fmmsflow.toml", 404),
        (f"/runs/{scene.DOUBTFUL}/reports/report.csv", 404),
        ("/events?page=nothing", 404),
        ("/assets/..%2fpages.py", 404),
    ):
        reply = owner.get(path)
        assert reply.status == status, path
        assert workspace not in reply.text
        assert "Traceback" not in reply.text


def test_an_unforeseen_error_is_one_sentence_with_all_headers(
    owner: Client, served_page: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("/home/ola/secret")

    monkeypatch.setattr(served_page.desk, "cards", broken)
    reply = owner.get("/")
    assert reply.status == 500
    assert "/home/ola" not in reply.text
    assert "Its log says what happened" in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "the web page failed at /" in caplog.text


def test_numbers_are_masked_wherever_they_stand(owner: Client) -> None:
    run = SEEN_ONLY_INSIDE
    for path in ("/", run, f"{run}/maybe-sent", f"{run}/set-aside", "/plan?file=campaigns/offer.yaml"):
        assert re.search(r"501 ?10[12]|501 ?999|\+48\d", owner.get(path).text) is None, path
