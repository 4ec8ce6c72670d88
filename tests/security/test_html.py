"""A payload in every field of a real run stays text on the report's page, in a real browser."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from .hostile_gateway import EVIL
from .story import Story


def chromium_path() -> str | None:
    """The system's browser; None for the one that playwright installs."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def page(story: Story) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((story.reports / "report.html").as_uri(), wait_until="load")
        assert [url for url in asked if not url.startswith("data:")] == [(story.reports / "report.html").as_uri()]
        yield page
        browser.close()


def test_payloads_from_lists_campaign_file_names_and_gateway_stay_text(page: Page) -> None:
    strange = page.locator("script, iframe, a, form, link[rel=stylesheet], [onerror], [onload], img[src=x]")
    assert page.title() == "hostile – MMS campaign report"
    assert strange.count() == 0
    assert page.locator("b, i", has_text=re.compile("people|ACME|png")).count() == 0
    shown = page.locator("body").inner_text()
    assert EVIL in shown
    assert "lists/<b>people.csv" in shown
    assert "i.png" in shown  # as it is named on the wire


def test_the_pages_policy_allows_no_script_and_no_address(page: Page) -> None:
    policy = page.locator("meta[http-equiv='Content-Security-Policy']").get_attribute("content") or ""
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules
    assert "unsafe" not in policy
    assert "http" not in policy.replace("http-equiv", "")
