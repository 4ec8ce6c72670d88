"""The report of a run in a real ledger, opened from disk in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mmsflow.audience.model import SetAside
from mmsflow.clock import ManualClock
from mmsflow.ledger.history import LedgerReader
from mmsflow.ledger.model import Blob, FrozenInput, NewRun, Outcome, PollResult, WaveRecord
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage, StaticPart
from mmsflow.mms.status import Bucket, MessageState
from mmsflow.report.comparison import Side, compare_sides
from mmsflow.report.comparison_page import comparison_page
from mmsflow.report.sample import SAMPLE_RUN, sample_summary
from mmsflow.report.write import write_report

START = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
EVIL = (
    "</style></title></textarea><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\"><svg onload=\"document.title='owned'\">"
    "\"' style=display:none <a href=javascript:alert(1)>x</a><link rel=stylesheet href=http://127.0.0.1:9/x>"
)
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
PICTURE, TEXT = "11" * 32, "22" * 32


def a_run_of(evil: str, messages: int, aside: int) -> NewRun:
    return NewRun(
        run="winter-sale-20261201-1",
        campaign="winter-sale",
        account="https://gateway.example client-7",
        occurrence="winter-sale-20261201-1",
        test=False,
        campaign_file=f"campaigns/{evil}.yaml",
        campaign_sha256="ab" * 32,
        plan_sha256="cd" * 32,
        git_commit="ef" * 20,
        git_clean=False,
        sender="ACME",
        priority="Normal",
        delivery_report=True,
        config={"timezone": "Europe/Warsaw", "segments": [evil], "consent": []},
        created_at=START,
        rows=messages + aside,
        inputs=(
            FrozenInput("media", f"media/{evil}.gif", PICTURE, len(GIF)),
            FrozenInput("template", f"templates/{evil}.j2", TEXT, 10),
        ),
        blobs=(Blob(PICTURE, "image/gif", GIF), Blob(TEXT, "text/plain", evil.encode())),
        waves=(WaveRecord(1, START, messages),),
    )


def carry_out(ledger: Ledger, evil: str) -> int:
    """A run of five messages: delivered, failed, maybe sent, accepted and pending; and three rows set aside."""
    source = f"lists/{evil}.csv"
    messages = [
        (
            PlannedMessage(
                n,
                source,
                n + 1,
                f"+4850110203{n}",
                f"{evil} {n}",
                (StaticPart("image/gif", "a.gif", PICTURE, len(GIF)),),
                variant=f"{evil}{n % 2}",
                segments=(f"{evil} x",),
            ),
            1,
        )
        for n in range(1, 6)
    ]
    aside = [
        SetAside(6, source, 7, evil, Bucket.INVALID, "letters", evil, segments=(evil * 5,)),
        SetAside(7, source, 8, "+48501102031", Bucket.DUPLICATE, "duplicate", evil),
        SetAside(8, source, 9, "+48600700800", Bucket.EXCLUDED, "opt_out", evil),
    ]
    run = ledger.take_run(ledger.freeze_run(a_run_of(evil, len(messages), len(aside)), messages, aside).key)
    ids = [message.id for message in ledger.ready(run.key, now=START, after=0, limit=4)]
    ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=START, period="")
    at = START + timedelta(seconds=2)
    accepted, unknown = MessageState.ACCEPTED, MessageState.UNKNOWN
    states = [(ids[0], accepted), (ids[1], MessageState.REJECTED), (ids[2], unknown), (ids[3], accepted)]
    outcomes = [Outcome(id_, 1, state, at, f"g{id_}" if state is accepted else "", evil) for id_, state in states]
    ledger.commit(run.key, run.fence, outcomes=outcomes, intents=[], now=at, period="")
    delivered = START + timedelta(minutes=5)
    ledger.record_polls(run.key, [PollResult(ids[0], delivered, MessageState.DELIVERED, "Retrieved")])
    return run.key


def report_of_a_run(folder: Path, evil: str, workspace: Path | None = None) -> Path:
    url = f"sqlite:///{folder / 'ledger.db'}"
    with Ledger.open(url, command="test", clock=ManualClock(START)) as ledger:
        carry_out(ledger, evil)
    with LedgerReader.open(url) as reader:
        run = reader.find_run("winter-sale-20261201-1")
        assert run is not None
        html = write_report(reader, run, folder / "report", now=START + timedelta(hours=1), workspace=workspace).html
        assert html is not None
        return html


def chromium_path() -> str | None:
    """The system's browser; None for the one that playwright installs."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True)
class Opened:
    """A page with every request that it made and everything that the browser complained of."""

    path: Path
    page: Page
    requests: list[str]
    complaints: list[str]


@contextmanager
def opened(browser: Browser, path: Path) -> Iterator[Opened]:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    found = Opened(path, page, [], [])
    page.on("request", lambda request: found.requests.append(request.url))
    page.on("console", lambda message: found.complaints.append(message.text))
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.goto(path.as_uri(), wait_until="load")
    yield found
    page.close()


@pytest.fixture(scope="module")
def hostile(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The report of a run that has a payload in every field that comes from outside."""
    with opened(browser, report_of_a_run(tmp_path_factory.mktemp("hostile"), EVIL)) as found:
        yield found


@pytest.fixture(scope="module")
def friendly(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The report of the same run with nothing strange in it."""
    with opened(browser, report_of_a_run(tmp_path_factory.mktemp("friendly"), "winter")) as found:
        yield found


def test_the_page_opens_from_disk_and_asks_for_nothing_else(hostile: Opened) -> None:
    assert [url for url in hostile.requests if not url.startswith("data:")] == [hostile.path.as_uri()]
    assert hostile.complaints == []


def test_a_payload_in_every_field_stays_text(hostile: Opened) -> None:
    strange = hostile.page.locator("script, iframe, a, form, link[rel=stylesheet], [onerror], [onload], [style]")
    shown = hostile.page.locator("body").inner_text()
    assert hostile.page.title() == "winter-sale – MMS campaign report"
    assert strange.count() == 0
    assert shown.count("<script>document.title='owned'</script>") >= 8


def test_the_policy_lets_the_pages_own_style_and_picture_through(hostile: Opened) -> None:
    heading = hostile.page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize")
    width = hostile.page.evaluate("document.querySelector('img').naturalWidth")
    assert (heading, width) == ("38px", 1)


def test_the_policy_stops_what_would_get_in_all_the_same(browser: Browser, hostile: Opened) -> None:
    with opened(browser, hostile.path) as found:
        stopped = found.page.evaluate(
            """() => new Promise(resolve => {
                const stopped = [];
                document.addEventListener('securitypolicyviolation', event => {
                    stopped.push(event.effectiveDirective);
                    if (stopped.length === 3) resolve(stopped.sort());
                });
                const script = document.createElement('script');
                script.textContent = "document.title = 'owned'";
                const style = document.createElement('style');
                style.textContent = 'body { display: none }';
                const picture = document.createElement('img');
                picture.src = 'http://127.0.0.1:9/x.png';
                document.body.append(script, style, picture);
            })"""
        )
        assert found.page.title() == "winter-sale – MMS campaign report"
    assert stopped == ["img-src", "script-src-elem", "style-src-elem"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_fits_its_screen_and_can_be_read(
    friendly: Opened, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = friendly.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(media="screen", color_scheme=scheme)
    page.screenshot(path=tmp_path / f"{width}-{scheme}.png", full_page=True)
    colours = "(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()"
    ink, paper = map(brightness, page.evaluate(colours))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert (ink < paper) is (scheme == "light")
    assert abs(ink - paper) > 150


def brightness(colour: str) -> float:
    """The mean of a computed ``rgb(r, g, b)``."""
    parts = [float(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    return sum(parts) / len(parts)


def test_on_paper_no_table_is_cut_off(friendly: Opened) -> None:
    friendly.page.emulate_media(media="print")
    heights = friendly.page.evaluate("[...document.querySelectorAll('.tall')].map(e => getComputedStyle(e).maxHeight)")
    assert heights
    assert set(heights) == {"none"}


def test_the_page_tells_the_runs_buckets_and_what_is_unfinished(friendly: Opened) -> None:
    friendly.page.emulate_media(media="screen")
    head = friendly.page.locator("section.notices").inner_text()
    rows = friendly.page.locator("table.buckets tbody tr").all()
    counts = {row.locator("th").inner_text().strip(): row.locator("td").first.inner_text() for row in rows}
    proof = friendly.page.locator(".proof").inner_text()
    for sentence in (
        "1 message may have been sent",
        "1 message not sent yet",
        "1 message waiting for a delivery report",
    ):
        assert sentence in head
    assert [counts[name] for name in ("Delivered", "Accepted", "Maybe sent", "Expired")] == ["1", "1", "1", "0"]
    assert "1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 = 8" in proof
    assert friendly.page.locator("th.tel").all_inner_texts() == ["…033", "…032"]


@pytest.mark.parametrize("section", ["variants", "latency", "segment", "hours"])
@pytest.mark.parametrize("width", [360, 1200])
def test_each_breakdown_is_shown_and_none_is_wider_than_its_screen(
    friendly: Opened, hostile: Opened, section: str, width: int
) -> None:
    for page in (friendly.page, hostile.page):
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator(f"section.{section}").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_breakdowns_tell_of_the_runs_messages(friendly: Opened) -> None:
    friendly.page.emulate_media(media="screen")
    friendly.page.set_viewport_size({"width": 1200, "height": 900})
    text = {name: friendly.page.locator(f"section.{name}").inner_text() for name in ("variants", "segment", "hours")}
    assert "too little data" in text["variants"]
    assert "winter1" in text["variants"]
    assert "By winter" in text["segment"]
    assert "winter x" in text["segment"]
    assert "empty" in text["segment"]
    assert "09:00" in text["hours"]


def test_on_a_phone_the_share_of_each_part_is_seen_without_scrolling(friendly: Opened) -> None:
    friendly.page.emulate_media(media="screen")
    friendly.page.set_viewport_size({"width": 360, "height": 900})
    for section in ("variants", "segment", "hours"):
        cells = friendly.page.locator(f"section.{section} tbody tr:first-child td:visible")
        box = cells.last.bounding_box()
        assert box
        assert box["x"] + box["width"] <= 360


def test_a_script_in_an_own_look_is_not_run_and_its_style_is(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    own = "<!doctype html><html><head><title>own</title><style>{{ style }}</style></head><body><script>document.title='owned'</script><h1>own</h1>"
    (tmp_path / "templates" / "report.html.j2").write_text(own, "utf-8")
    (tmp_path / "templates" / "report.css").write_text("h1 { font-size: 77px }\r\n", "utf-8", newline="")
    with opened(browser, report_of_a_run(tmp_path, "winter", workspace=tmp_path)) as found:
        assert found.page.title() == "own"
        assert found.page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") == "77px"
        assert any("script" in complaint for complaint in found.complaints)


@pytest.mark.parametrize("width", [360, 1200])
def test_a_comparison_opens_from_disk_asks_for_nothing_and_fits_its_screen(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    runs = (SAMPLE_RUN, replace(SAMPLE_RUN, run=f"sample-{EVIL}", campaign=EVIL))
    sides = [Side(run, sample_summary()) for run in runs]
    numbers: dict[tuple[Bucket | None, Bucket | None], int] = {
        (one, other): 1_000 for one in Bucket for other in Bucket
    }
    page = tmp_path / "comparison.html"
    page.write_text(comparison_page(compare_sides(sides[0], sides[1], numbers), now=START), "utf-8")
    with opened(browser, page) as found:
        found.page.set_viewport_size({"width": width, "height": 900})
        assert [url for url in found.requests if not url.startswith("data:")] == [page.as_uri()]
        assert found.complaints == []
        assert found.page.locator("script, iframe, a, [onerror], [onload], [style]").count() == 0
        assert found.page.evaluate("document.documentElement.scrollWidth") == width
        assert "121,000 numbers are in both runs" in found.page.locator("main").inner_text()
