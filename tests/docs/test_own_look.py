"""The example of an own look in the report's page works as it stands, and no block goes unmentioned."""

from __future__ import annotations

import re
from pathlib import Path

from pages import ROOT, blocks, text_of

from mmsflow.report.html import render_page
from mmsflow.report.look import check_look, own_look
from mmsflow.report.sample import SAMPLE_EXHIBITS, SAMPLE_RUN, START, ZONE, sample_summary


def test_the_example_of_an_own_look_makes_a_page(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    files = {block.note: block.text for block in blocks("docs/report.md") if block.note.startswith("report.")}
    assert set(files) == {"report.html.j2", "report.css"}
    for name, text in files.items():
        (tmp_path / "templates" / name).write_text(text, "utf-8")

    assert check_look(tmp_path) == ()
    page = render_page(
        SAMPLE_RUN,
        sample_summary(),
        SAMPLE_EXHIBITS,
        now=START,
        zone=ZONE,
        show_numbers=False,
        look=own_look(tmp_path),
    )
    assert "Sklep Zimowy, marketing" in page
    assert "480 messages, 16.7 % delivered." in page
    assert "Accepted is not delivered" not in page
    assert ".kind { color: #b3261e }" in page


def test_every_block_of_the_page_is_documented() -> None:
    template = (ROOT / "mmsflow" / "report" / "templates" / "report.html.j2").read_text("utf-8")
    names = re.findall(r"{% block (\w+) %}", template)
    section = text_of("docs/report.md").partition("## An own look\n")[2].partition("\n## ")[0]

    assert len(names) == 23
    assert [name for name in names if f"`{name}`" not in section] == []
