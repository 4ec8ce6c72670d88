"""The preview's page, made by the real command and opened from disk in a real browser."""

from __future__ import annotations

import hashlib
import json
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from mmsflow.cli.commands.preview import PreviewOptions, preview
from mmsflow.message.model import DrawnPart, PlannedMessage, TextPart
from mmsflow.plan.draft import Draft
from mmsflow.showing.search import SearchIndex
from mmsflow.workflow.prepare import Prepared, prepare
from mmsflow.workflow.preview import Wish, write_page
from mmsflow.workflow.preview import preview as choose

from .console import Console
from .test_report_page import Opened, brightness, chromium_path, opened

CAMPAIGN = "campaigns/winter.yaml"
EVIL = (
    "</script></style></title><script>document.title='owned'</script><!--<script>\"><img src=x "
    "onerror=\"document.title='owned'\"> {{ 7*7 }} \u202egnp.exe"
)
LONG = "Ola, świąteczna wyprzedaż zimowa wszystkich nart i łyżew do niedzieli"
_FILE = """\
version: 1
campaign: winter
description: DESCRIPTION
purpose: marketing
sender: ACME
recipients: [{csv: LIST}]
consent: {column: consent, accept: [tak]}
message:
  subject: "{{ subject }}"
  attachments:
    - file: "media/{{ city }}.png"
    - text: templates/offer.txt.j2
"""


@dataclass(frozen=True, slots=True)
class Row:
    number: str
    name: str
    surname: str
    city: str
    consent: str
    subject: str


ROWS = (
    Row("501102030", "Ola", "Kowalska", "torun", "tak", "Kod K0"),
    Row("501102131", "Łukasz", "Żółć", "sopot", "tak", LONG),
    Row("501102232", "Jan", "Nowak", "torun", "tak", "Zadzwoń do nas: 22 621 00 00, 501 102 232"),
    Row("501102333", "Ewa", "Kowalska", "torun", "nie", "Kod K3"),
    Row("22 621 00 00", "Iza", "Lis", "torun", "tak", "Kod K4"),
)


def picture(colour: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (32, 20), colour).save(out, "PNG")
    return out.getvalue()


def write_campaign(folder: Path, rows: tuple[Row, ...], *, description: str = "Winter", name: str = "people") -> Path:
    for each in ("campaigns", "lists", "media", "templates"):
        (folder / each).mkdir(parents=True)
    (folder / "mmsflow.toml").touch()
    source = f"lists/{name}.csv"
    text = _FILE.replace("DESCRIPTION", json.dumps(description)).replace("LIST", json.dumps(source))
    (folder / CAMPAIGN).write_text(text, "utf-8")
    cells = [("number", "imie", "nazwisko", "city", "consent", "subject")]
    cells += [(row.number, row.name, row.surname, row.city, row.consent, row.subject) for row in rows]
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in cells]
    (folder / source).write_text("\n".join(lines), "utf-8")
    (folder / "media" / "torun.png").write_bytes(picture("red"))
    (folder / "media" / "sopot.png").write_bytes(picture("blue"))
    (folder / "templates" / "offer.txt.j2").write_text("{{ imie }}, zadzwoń\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


def page_of(folder: Path, rows: tuple[Row, ...] = ROWS, **more: str) -> Path:
    write_campaign(folder, rows, **more)
    made = Console(folder)("preview", CAMPAIGN, "--html", "preview.html").ended_with(0)
    assert made.out.splitlines()[-1] == "preview.html"
    return folder / "preview.html"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_of(tmp_path_factory.mktemp("friendly") / "workspace")


@pytest.fixture
def friendly(browser: Browser, path: Path) -> Iterator[Opened]:
    with opened(browser, path) as found:
        yield found
        assert found.complaints == []
        assert [url for url in found.requests if not url.startswith("data:")] == [path.as_uri()]


@pytest.fixture(scope="module")
def hostile(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A payload in the subjects, a name, the description and the name of a list."""
    rows = (Row("501102030", EVIL, EVIL, "torun", "tak", EVIL), Row("501102031", "x", "y", "sopot", "tak", "z"))
    name = "<img src=x onerror=alert(1)>"
    path = page_of(tmp_path_factory.mktemp("hostile") / "workspace", rows, description=EVIL, name=name)
    with opened(browser, path) as found:
        yield found


def look_for(page: Page, text: str) -> str:
    page.fill("#query", text)
    return page.inner_text("#found")


def test_a_search_finds_by_row_by_name_without_accents_and_by_last_digits(friendly: Opened) -> None:
    page = friendly.page
    for text, row, handset in (
        ("row 2", "row 2", "Kod K0"),
        ("#3", "row 3", "świąteczna"),
        ("zolc", "row 3", "świąteczna"),
        ("Łukasz", "row 3", "świąteczna"),
        ("232", "row 4", "Jan, zadzwoń"),
        ("+48 501 102 232", "row 4", "Jan, zadzwoń"),
    ):
        assert look_for(page, text) == "1 message found.", text
        assert row in page.inner_text("#results button")
        assert handset in page.inner_text("#seen .bubble")
        assert page.locator("#seen svg.pic use").count() == 1
    assert look_for(page, "3") == "2 messages found."  # a row's number before a text that holds it
    assert ["row 3" in each for each in page.locator("#results button").all_inner_texts()] == [True, False]


def test_a_search_without_a_result_says_so_and_shows_nothing(friendly: Opened) -> None:
    assert look_for(friendly.page, "Brzęczyszczykiewicz") == "No message matches “Brzęczyszczykiewicz”."
    assert friendly.page.locator("#results button").count() == 0
    assert friendly.page.locator("#seen").is_hidden()
    assert friendly.page.locator("#found").get_attribute("aria-live") == "polite"


def test_everything_can_be_done_from_the_keyboard(friendly: Opened) -> None:
    page = friendly.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the messages"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") == 0
    page.keyboard.press("/")
    page.keyboard.type("a")
    assert page.inner_text("#found") == "3 messages found."
    for expected in ("row 2", "row 3", "row 4", "row 4"):
        page.keyboard.press("ArrowDown")
        assert expected in page.evaluate("document.activeElement.textContent")
        assert expected in page.inner_text("#seen h3")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "query"
    page.keyboard.press("Escape")
    assert page.input_value("#query") == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_its_screen_with_and_without_a_result(
    friendly: Opened, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = friendly.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(media="screen", color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    look_for(page, "3")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    colours = "(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()"
    ink, paper = map(brightness, page.evaluate(colours))
    assert (ink < paper) is (scheme == "light")


def test_the_sample_shows_first_extremes_and_each_set_of_attachments_with_its_picture(friendly: Opened) -> None:
    page = friendly.page
    cards = page.locator(".sample .card")
    reasons = page.locator(".why").all_inner_texts()
    assert {"first", "longest subject", "shortest subject", "attachments 1 of 2", "attachments 2 of 2"} <= set(reasons)
    assert cards.count() == 3
    assert page.locator("svg.store image").count() == 2
    assert page.locator(".sample svg.pic").count() == 3
    intake = page.locator(".intake tbody tr").all_inner_texts()
    assert [line.split("\t")[0::2] for line in intake] == [["Pending", "3"], ["Excluded", "1"], ["Invalid", "1"]]


def test_the_subject_is_marked_where_some_handsets_cut_it(friendly: Opened) -> None:
    subject = friendly.page.locator(".sample .subj", has_text="świąteczna")
    assert subject.locator("bdi").all_text_contents() == [LONG[:40], LONG[40:]]
    assert subject.locator(".cut").count() == 1


def test_a_picture_is_really_drawn_from_the_page_itself(friendly: Opened) -> None:
    shot = friendly.page.locator(".sample svg.pic").first.screenshot()
    with Image.open(BytesIO(shot)) as seen:
        assert seen.convert("RGB").getpixel((seen.width // 2, seen.height // 2)) == (255, 0, 0)


def test_numbers_are_masked_everywhere_and_a_shops_own_number_is_not(path: Path, friendly: Opened) -> None:
    source = path.read_text("utf-8")
    for row in ROWS[:4]:
        assert row.number not in source
    assert "501 102 232" not in source
    assert "22 621 00 00" in source
    assert "…232" in friendly.page.locator(".sample .subj", has_text="Zadzwoń").inner_text()
    assert friendly.page.locator(".sample .tel").all_inner_texts() == ["…030", "…131", "…232"]


def test_on_paper_nothing_is_cut_off_and_the_search_is_left_out(friendly: Opened) -> None:
    page = friendly.page
    look_for(page, "3")
    page.emulate_media(media="print")
    assert page.locator("#search").is_hidden()
    boxes = "[...document.querySelectorAll('main *')].filter(e => /auto|scroll/.test(getComputedStyle(e).overflowY))"
    assert page.evaluate(f"{boxes}.filter(e => e.offsetParent).length") == 0
    breaks = page.locator(".sample .card").evaluate_all("cards => cards.map(e => getComputedStyle(e).breakInside)")
    assert set(breaks) == {"avoid"}


def test_without_javascript_the_handsets_are_there_and_a_note_stands_for_the_search(
    browser: Browser, path: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("#search").is_hidden()
    assert "needs JavaScript" in page.inner_text("main")
    assert page.locator(".sample svg.pic").count() == 3
    context.close()


def test_a_payload_in_every_field_stays_text_in_samples_and_results(hostile: Opened) -> None:
    page = hostile.page
    assert look_for(page, "row 2") == "1 message found."
    assert page.title() == "winter – MMS preview"
    assert page.locator("main img, iframe, main script, main form, main a, [onerror], [onload], [style]").count() == 0
    assert page.locator("script").count() == 2
    for place in (".sample .subj bdi", "#results .more", "#seen .subj bdi", ".about"):
        assert "</script></style></title><script>" in page.locator(place).first.inner_text(), place
    assert "{{ 7*7 }}" in page.locator("#seen .bubble").inner_text()
    assert "lists/<img src=x onerror=alert(1)>.csv" in page.inner_text("#results")
    assert "RIGHT-TO-LEFT OVERRIDE" in page.locator(".sample .odd").first.inner_text()
    assert "U+202E" in page.inner_text("#seen .odd")
    assert hostile.complaints == []
    assert [url for url in hostile.requests if not url.startswith("data:")] == [hostile.path.as_uri()]


def test_the_policy_names_style_and_script_by_hash_and_stops_any_other(browser: Browser, hostile: Opened) -> None:
    with opened(browser, hostile.path) as found:
        policy = found.page.locator("meta[http-equiv='Content-Security-Policy']").get_attribute("content") or ""
        rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["img-src"] == "data:"
        assert all(rules[name].startswith("'sha256-") for name in ("style-src", "script-src"))
        assert "unsafe" not in policy
        found.page.evaluate(
            """() => {
                const script = document.createElement('script');
                script.textContent = "document.title = 'owned'";
                document.body.append(script);
            }"""
        )
        assert found.page.title() == "winter – MMS preview"


def test_the_page_is_for_its_owner_and_replaces_an_earlier_one_but_nothing_else(tmp_path: Path) -> None:
    console = Console(write_campaign(tmp_path / "workspace", ROWS))
    page = console.folder / "preview.html"
    for _ in range(2):
        console("preview", CAMPAIGN, "--html", "preview.html").ended_with(0)
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
    before = (console.folder / CAMPAIGN).read_bytes()
    (console.folder / "link.html").symlink_to(page)
    for target, what in (
        (CAMPAIGN, "no earlier preview"),
        ("media", "is a folder"),
        ("nowhere/x.html", "no such folder"),
        ("link.html", "no regular file"),
        ("/dev/null", "no regular file"),
    ):
        assert what in console("preview", CAMPAIGN, "--html", target).ended_with(2).err
    assert (console.folder / CAMPAIGN).read_bytes() == before


def test_numbers_are_in_full_where_somebody_asked_for_them(tmp_path: Path) -> None:
    console = Console(write_campaign(tmp_path / "workspace", ROWS))
    console("preview", CAMPAIGN, "--html", "preview.html", "--show-numbers").ended_with(0)
    assert "+48501102232" in (console.folder / "preview.html").read_text("utf-8")


def test_a_row_that_was_asked_for_stands_alone_in_page_and_document(tmp_path: Path) -> None:
    console = Console(write_campaign(tmp_path / "workspace", ROWS))
    done = console("preview", CAMPAIGN, "--row", "3", "--html", "preview.html", "--json").ended_with(0)
    (message,) = done.document["messages"]
    assert (message["row"], message["why"], message["cut_off"]) == (3, "asked for", LONG[40:])
    assert done.document["html"] == "preview.html"
    assert done.document["budget_bytes"] == 280 * 1024
    assert all(len(part["sha256"]) == 64 for part in message["parts"])
    assert (console.folder / "preview.html").read_text("utf-8").count('<article class="card">') == 1
    assert "is made of row 5" in console("preview", CAMPAIGN, "--row", "5").ended_with(2).err


class Drawing(Prepared):
    """A prepared campaign whose messages carry a picture of their own."""

    drawings: ClassVar[dict[str, bytes]] = {}

    def content(self, sha256: str) -> bytes:
        return self.drawings[sha256]


def drawn_page(folder: Path) -> Path:
    """Six messages of two variants, each with a picture drawn for it."""
    write_campaign(folder, ROWS)
    layout = (DrawnPart("image/png", "qr.png"), TextPart("offer.txt"))
    prepared = prepare(folder / CAMPAIGN, folder)
    prepared.draft.close()
    with Draft() as draft:
        for n in range(6):
            data = picture(f"rgb({n},0,255)")
            digest = hashlib.sha256(data).hexdigest()
            Drawing.drawings[digest] = data
            source, number = "lists/people.csv", f"+4850110203{n}"
            texts, variant = (digest, f"Kod K{n}"), "ab"[n % 2]
            draft.add_messages([PlannedMessage(n, source, n + 2, number, f"Kod K{n}", layout, texts, variant)])
        values = {each.name: getattr(prepared, each.name) for each in fields(prepared)}
        drawing = Drawing(**{**values, "draft": draft})
        index = SearchIndex({}, show_numbers=False)
        seen = choose(drawing, Wish(first=1), index)
        write_page(drawing, seen, index, folder / "drawn.html", now=datetime(2026, 12, 1, 8, tzinfo=UTC))
    return folder / "drawn.html"


def test_each_variant_and_the_samples_own_pictures_are_shown_and_others_have_a_placeholder(
    browser: Browser, tmp_path: Path
) -> None:
    with opened(browser, drawn_page(tmp_path / "workspace")) as found:
        page = found.page
        assert page.locator(".why").all_inner_texts() == ["first", "variant a", "variant b"]
        assert "a: 3, b: 3" in page.inner_text(".figures")
        assert page.locator("svg.store image").count() == page.locator(".sample svg.pic").count() == 2
        look_for(page, "row 3")
        assert page.locator("#seen svg.pic").count() == 1
        look_for(page, "row 4")
        assert page.locator("#seen svg.pic").count() == 0
        assert "QR code for this recipient" in page.inner_text("#seen .bubble")
        assert "Kod K2" in page.inner_text("#seen .words")
        assert "variant a" in page.inner_text("#seen h3")
        assert found.complaints == []


def test_neither_terminal_nor_page_ask_any_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpatched = socket.socket

    class LocalOnly(socket.socket):
        def __init__(self, family: int = -1, *arguments: int, **named: int) -> None:
            # Worker processes are talked to through sockets of this machine's own kind, which reach no network.
            assert family == socket.AF_UNIX, "a network was asked for"
            unpatched.__init__(self, family, *arguments, **named)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network was asked for")

    monkeypatch.setattr(socket, "socket", LocalOnly)
    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    folder = write_campaign(tmp_path / "workspace", ROWS)
    for html in ("", str(tmp_path / "preview.html")):
        options = PreviewOptions(limit=3, to="", row=None, html=html, show_numbers=False, as_json=False)
        assert preview(str(folder / CAMPAIGN), options) == 0
