"""The daemon's page in a real browser: a real ledger, real plans, and runs that the simulator really takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from web import scene
from web.desk import Served, a_card, served

from mmsflow.daemon.model import CardState
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.ledger.requests import Action, Request
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import Bucket, MessageState
from mmsflow.web.site import LANGUAGE_COOKIE, LANGUAGES

from .test_report_page import chromium_path

PATIENCE_MS = 30_000  # the longest wait for something that must happen; reached only by a test that fails
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DOUBTFUL, HOSTILE = f"runs/{scene.DOUBTFUL}", f"runs/{scene.HOSTILE}"
PAGES = (
    "",
    "plan?file=campaigns/winter.yaml",
    "plan?file=campaigns/offer.yaml",
    "preview?file=campaigns/offer.yaml",
    DOUBTFUL,
    f"{DOUBTFUL}/maybe-sent",
    f"{DOUBTFUL}/set-aside",
    "nowhere",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        expect.set_options(timeout=PATIENCE_MS)
        yield browser
        expect.set_options(timeout=None)
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = scene.write_workspace(tmp_path_factory.mktemp("site") / "workspace")
    with served(scene.settings_for(folder), scene.fill) as found:
        evil = {"campaign": scene.EVIL, "description": scene.EVIL, "reason": scene.EVIL}
        found.desk.cards_added += [
            a_card("campaigns/e<b>.yaml", state=CardState.FAULTY, errors=scene.faulty_findings()),
            a_card("campaigns/h&amp;.yaml", state=CardState.HINDERED, next_due=scene.START, **evil),
            a_card("campaigns/\u202e.yaml", state=CardState.BY_HAND, **evil),
        ]
        yield found


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that is signed in, with every request that it made and everything that it complained of."""

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def to(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    @property
    def elsewhere(self) -> list[str]:
        """Requests that left the page's own origin."""
        return [url for url in self.requests if not url.startswith((self.url, "data:"))]


@contextmanager
def visiting(browser: Browser, site: Served, *, signed_in: bool = True, **options: object) -> Iterator[Visit]:
    context: BrowserContext = browser.new_context(**{"locale": "en-GB", **options})  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    visit = Visit(page, site.url)
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("console", lambda said: visit.complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    if signed_in:
        visit.to(f"?token={scene.TOKEN}")
        assert page.url == site.url
    yield visit
    context.close()


@pytest.fixture
def visit(browser: Browser, site: Served) -> Iterator[Visit]:
    with visiting(browser, site) as found:
        yield found
        assert found.complaints == []
        assert found.elsewhere == []


def reading(site: Served) -> LedgerReader:
    return LedgerReader.open(site.desk.settings.ledger_url)


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def begun(page: Page) -> int:
    return int(re.sub(r"\D", "", page.inner_text("#begun").partition("of")[0]))


def answered(page: Page) -> None:
    """Return on the page that tells what became of a request: the live figures may show it before that page is there."""
    expect(page.locator("main [role=status]")).to_be_visible()


def until(page: Page, happened: Callable[[], bool]) -> None:
    """Return as soon as something has come that the browser sends us by itself."""
    for _ in range(PATIENCE_MS // 20):
        if happened():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it did not happen")


def left_us(site: Served, run: str) -> tuple[int, int]:
    """How many messages of a run have left us, and how many are on the wire right now."""
    with reading(site) as ledger:
        found = ledger.find_run(run)
        assert found is not None
        counts = ledger.state_counts(found.key)
    return sum(counts.values()) - counts["ready"] - counts["sending"], counts["sending"]  # type: ignore[index]


def begin(page: Page, campaign: str) -> str:
    """Begin a campaign by hand from its plan; the run's id."""
    page.click("#begin-ask summary")
    page.fill("#beginner", "Ola")
    press(page, "Begin now")
    expect(page.locator("main [role=status]")).to_contain_text("has begun")
    heading = page.locator("h1")
    expect(heading).to_contain_text(f"{campaign}-")  # the run's own page
    return heading.inner_text()


def test_a_run_is_begun_by_hand_followed_live_paused_resumed_and_cancelled(visit: Visit, site: Served) -> None:
    page = visit.to("plan?file=campaigns/offer.yaml")
    page.click("#begin-ask summary")
    asked = page.inner_text("#begin-ask .panel")
    for shown in ("simulator", "120", "Kod K0"):
        assert shown in asked
    page.click("#begin-ask summary")
    run = begin(page, "offer")
    page.evaluate("window.sameDocument = true")

    seen = [begun(page)]
    while len(seen) < 4:  # new figures come without loading the page again
        expect(page.locator("#begun")).not_to_have_text(page.inner_text("#begun"))
        seen.append(begun(page))
    assert seen == sorted(set(seen))
    assert page.evaluate("window.sameDocument") is True
    page.locator("svg.curve").wait_for()

    press(page, "Pause")
    answered(page)
    expect(page.locator("#state h2")).to_have_text("paused by a person")
    expect(page.locator("#said")).to_contain_text("paused by a person")
    while left_us(site, run)[1]:  # what was on the wire may still be settled
        page.wait_for_timeout(20)
    still = left_us(site, run)[0]
    page.wait_for_timeout(1_000)  # some messages at the campaign's rate
    assert left_us(site, run) == (still, 0)
    assert still < 120
    with reading(site) as ledger:
        paused = ledger.find_run(run)
    assert paused is not None
    assert (paused.state, paused.paused_by) == (RunState.PAUSED, PausedBy.USER)

    press(page, "Resume")
    answered(page)
    expect(page.locator("[data-bucket=pending]")).not_to_have_text(str(120 - still))
    assert page.locator("text=Cancel the run for good").is_hidden()
    page.click("summary:has-text('Cancel')")
    expect(page.locator("#begun")).not_to_have_text(page.inner_text("#begun"))  # and the question stays
    press(page, "Cancel the run for good")
    expect(page.locator("main [role=status]")).to_contain_text("is cancelled")
    expect(page.locator("[data-bucket=not_sent]")).not_to_have_text("0")
    expect(page.locator("#actions button")).to_have_count(0)  # once what was on the wire is settled

    page.locator("#reports a", has_text="report.csv").wait_for()  # written when the last report is in
    with page.expect_download() as downloading:
        page.click("#reports >> text=report.csv")
    assert downloading.value.suggested_filename == f"{run}-report.csv"
    assert downloading.value.path().read_text("utf-8-sig").count("\n") == 123
    reply = page.goto(f"{site.url}runs/{run}/reports/report.html?view=1")
    assert reply is not None
    assert reply.headers["content-security-policy"].endswith("frame-ancestors 'none'; sandbox")
    assert page.inner_text("h1") == "offer"


def press_until(page: Page, wanted: str) -> None:
    """Go on with Tab until the element with that text is focused; its outline is seen."""
    focused = """() => {
        const element = document.activeElement;  // what holds everything else is nothing that was looked for
        return element.matches("main, body") ? ["", ""] : [element.innerText, getComputedStyle(element).outlineStyle];
    }"""
    for _ in range(60):
        page.keyboard.press("Tab")
        text, outline = page.evaluate(focused)
        if wanted in (text or ""):
            assert outline == "solid"
            return
    raise AssertionError(f"{wanted} cannot be reached with Tab")


def test_signing_in_approving_and_pausing_need_no_mouse(browser: Browser, site: Served) -> None:
    with visiting(browser, site, signed_in=False) as visit:
        page = visit.to("plan?file=campaigns/winter.yaml")
        expect(page.locator("#who")).to_be_focused()
        page.keyboard.type("Ola Nowak")
        page.keyboard.press("Tab")
        page.keyboard.type("a wrong token of some length")
        page.keyboard.press("Enter")
        expect(page.locator("[role=alert]")).to_contain_text("not the token")
        expect(page.locator("#token")).to_be_focused()
        page.keyboard.type(scene.TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("winter")
        expect(page).to_have_url(f"{site.url}plan?file=campaigns/winter.yaml")
        expect(page.locator("main")).to_contain_text("Nothing of this plan is sent before somebody approves it")

        press_until(page, "Approve this plan")
        page.keyboard.press("Enter")
        expect(page.locator("main [role=status]")).to_contain_text("is approved")
        assert "Approved by" in page.inner_text("main")
        with reading(site) as ledger:
            approval = ledger.last_approval(scene.ACCOUNT, "winter")
        assert approval is not None
        assert approval.digest.startswith(page.locator("code").first.inner_text())

        visit.to("plan?file=campaigns/slow.yaml")
        press_until(page, "Begin a run by hand")
        page.keyboard.press("Enter")
        press_until(page, "Begin now")
        page.keyboard.press("Enter")
        expect(page.locator("main [role=status]")).to_contain_text("has begun")
        expect(page.locator("h1")).to_contain_text("slow-")
        press_until(page, "Pause")
        page.keyboard.press("Enter")
        answered(page)
        expect(page.locator("#state h2")).to_have_text("paused by a person")
        press_until(page, "Cancel")
        page.keyboard.press("Enter")
        press_until(page, "Cancel the run for good")
        page.keyboard.press("Enter")
        expect(page.locator("main [role=status]")).to_contain_text("is cancelled")
        assert visit.elsewhere == []
        assert [said for said in visit.complaints if "403" not in said] == []  # the wrong token


def test_new_figures_take_neither_the_focus_nor_a_click_that_has_begun(visit: Visit, site: Served) -> None:
    page = visit.to("")
    expect(page.locator("#said")).not_to_be_empty()
    expect(page.locator("#running .run")).to_have_count(0)  # an earlier test's; its end would move what is below it
    link = page.locator("#byhand a").first
    link.focus()
    wanted = link.get_attribute("href")
    add_card(site, "first-of-two")
    expect(page.locator("#byhand")).to_contain_text("first-of-two")
    assert page.evaluate("document.activeElement.getAttribute('href')") == wanted

    link.hover()
    page.mouse.down()
    add_card(site, "second-of-two")
    page.wait_for_timeout(600)  # longer than new figures take to come
    assert "second-of-two" not in page.inner_text("#byhand")
    page.mouse.up()
    expect(page).to_have_url(re.compile(f"{re.escape(wanted or '')}$"))


def test_the_list_of_recipients_changes_live_under_the_readers_filter_page_focus_and_marked_text(
    visit: Visit, site: Served
) -> None:
    site.do(in_loop(lambda: scene.carry_out(site.desk.ledger, scene.CROWD, "", 240)))  # sixty maybe sent
    page = visit.to(f"runs/{scene.CROWD}?bucket=maybe_sent")
    page.click("text=Next page")
    expect(page.locator("#said")).not_to_be_empty()
    rows = page.locator("#people tbody tr")
    expect(rows).to_have_count(10)
    where, first = page.url, rows.first.get_attribute("data-key") or ""
    assert "bucket=maybe_sent&after=" in where
    page.evaluate(
        """() => {
            window.sameDocument = true;
            document.querySelector("[data-key=problems-failed]").focus();
            getSelection().selectAllChildren(document.querySelector("#people tbody tr:last-child th"));
        }"""
    )
    marked = page.evaluate("getSelection().toString()")
    assert marked.startswith("…")

    sent = Decision(int(first.rpartition("-")[2]), 1, MessageState.UNDETERMINED)
    site.do(site.desk.ask(Request(scene.CROWD, Action.RESOLVE, site.clock.now(), (sent,))))
    expect(rows).to_have_count(9)
    expect(page.locator("[data-key=problems-maybe_sent]")).to_have_text("Maybe sent 59")
    assert page.locator(f"#people [data-key={first}]").count() == 0
    assert page.evaluate("window.sameDocument")
    assert page.evaluate("document.activeElement.dataset.key") == "problems-failed"
    assert page.evaluate("getSelection().toString()") == marked
    assert page.url == where
    assert page.locator("#people [aria-current]").get_attribute("data-key") == "problems-maybe_sent"
    page.keyboard.press("Enter")
    expect(rows).to_have_count(50)
    expect(page.locator("#people [aria-current]")).to_have_attribute("data-key", "problems-failed")


async def in_loop(work: Callable[[], object]) -> None:
    """For ``Served.do``: the ledger's writer belongs to the desk's thread."""
    work()


def add_card(site: Served, name: str) -> None:
    site.desk.cards_added.append(a_card(f"campaigns/{name}.yaml", campaign=name))
    site.loop.call_soon_threadsafe(site.desk.moved)


def test_an_approval_is_bound_to_the_plan_that_was_seen(visit: Visit, site: Served) -> None:
    page = visit.to("plan?file=campaigns/spring.yaml")
    page.fill("#approver", "Ola")
    page.evaluate("document.querySelector('[name=digest]').value = '0'.repeat(64)")
    press(page, "Approve this plan")
    expect(page.locator("main [role=status]")).to_contain_text("Not done")
    expect(page.locator("main")).to_contain_text("Nothing of this plan is sent before somebody approves it")
    with reading(site) as ledger:
        assert ledger.last_approval(scene.ACCOUNT, "spring") is None


def test_messages_that_were_maybe_sent_are_settled_one_by_one_or_together_after_a_second_question(
    visit: Visit, site: Served
) -> None:
    page = visit.to(DOUBTFUL)
    page.click("text=Look at the evidence and decide")
    page.locator("summary", has_text="Evidence").first.click()
    expect(page.locator("main details[open]")).to_contain_text("504")
    page.locator("fieldset").first.get_by_label("it was sent").check()
    page.select_option("#all", "not_sent")
    page.get_by_role("button", name="Go on").first.click()
    expect(page.locator("dl.facts dd")).to_have_text(["1", "2"])
    with reading(site) as ledger:
        run = ledger.find_run(scene.DOUBTFUL)
        assert run is not None
        assert ledger.bucket_counts(run.key)[Bucket.MAYBE_SENT] == 3
        press(page, "Yes, settle them so")
        expect(page.locator("main [role=status]")).to_contain_text("3 messages are settled as you said")
        counts = ledger.bucket_counts(run.key)
    assert (counts[Bucket.MAYBE_SENT], counts[Bucket.NOT_SENT], counts[Bucket.UNDETERMINED]) == (0, 2, 4)


def test_hostile_texts_in_every_field_stay_texts(visit: Visit, site: Served) -> None:
    for path in ("", HOSTILE, f"{HOSTILE}/maybe-sent", f"{HOSTILE}/set-aside"):
        page = visit.to(path)
        assert "</script></style></title></textarea><script>" in page.inner_text("main"), path
        strange = "main script, main img, main style, main iframe, [onerror], [onload], [style], a[href^=javascript]"
        assert page.locator(strange).count() == 0, path
        assert page.title() != "owned"
        assert "\u202e" not in page.title()
        assert "␀" in page.inner_text("main"), "control characters are shown as their pictures"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    site.loop.call_soon_threadsafe(site.desk.moved)
    page.wait_for_timeout(300)
    assert page.title() != "owned"


def test_a_script_that_got_in_would_not_run(visit: Visit, browser: Browser, site: Served) -> None:
    with visiting(browser, site) as other:
        page = other.to("")
        page.evaluate(
            """() => {
                const script = document.createElement('script');
                script.textContent = "document.title = 'owned'";
                document.body.append(script);
                const style = document.createElement('style');
                style.textContent = "main { display: none }";
                document.body.append(style);
            }"""
        )
        assert page.title() != "owned"
        assert page.locator("main").is_visible()
        until(page, lambda: len(other.complaints) == 2)


def test_a_session_that_is_over_is_said_on_the_open_page(browser: Browser, site: Served) -> None:
    with visiting(browser, site) as visit:
        page = visit.to("")
        expect(page.locator("#said")).not_to_be_empty()
        site.clock.ahead = site.desk.settings.web_session + timedelta(seconds=1)
        try:
            site.loop.call_soon_threadsafe(site.desk.moved)
            expect(page.locator("#link")).to_contain_text("no longer live")
            page.click("#link a")
            expect(page.locator("h1")).to_have_text("Sign in")
        finally:
            site.clock.ahead = timedelta()


def test_without_javascript_everything_is_there_and_can_be_done(browser: Browser, site: Served) -> None:
    with visiting(browser, site, java_script_enabled=False) as visit:
        page = visit.to(HOSTILE)
        assert page.locator("#counts tbody tr").count() == 11
        press(page, "Polski")
        expect(page.locator("html")).to_have_attribute("lang", "pl")
        expect(page.locator("#counts-title")).to_have_text("Gdzie jest każdy wiersz")
        expect(page).to_have_url(f"{site.url}{HOSTILE}")
        press(page, "Wyloguj się")
        expect(page.locator("h1")).to_have_text("Zaloguj się")


def test_the_preview_stands_in_a_frame_that_can_do_nothing_to_the_page(visit: Visit) -> None:
    page = visit.to("preview?file=campaigns/offer.yaml")
    assert page.locator("iframe").get_attribute("sandbox") == "allow-scripts"
    frame = page.frame_locator("iframe")
    frame.locator("#query").fill("row 2")
    expect(frame.locator("#found")).to_have_text("1 message found.")
    assert page.frames[1].evaluate("window.origin") == "null"


def test_axe_finds_nothing_wrong_in_any_language_and_colour_scheme_and_every_page_fits_phone_and_desk(
    browser: Browser, site: Served
) -> None:
    with visiting(browser, site, signed_in=False) as visit:
        in_every_look(visit, "sign-in")
        visit.to(f"?token={scene.TOKEN}")
        for path in PAGES:
            in_every_look(visit, path)
        assert visit.elsewhere == []
        assert [said for said in visit.complaints if "404" not in said] == []


def in_every_look(visit: Visit, path: str) -> None:
    for language in LANGUAGES:
        visit.page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": visit.url}])
        page = visit.to(path)
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("h1").count() == page.locator("main").count() == 1
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} at {width}"
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
            found = Axe().run(page, context={"exclude": [["iframe"]]})  # the preview's page has tests of its own
            assert found.violations_count == 0, f"{page.url}, {language}, {scheme}\n{found.generate_report()}"
