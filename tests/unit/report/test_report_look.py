"""The workspace's own look of the report: what it may change, and that it can never stand in the report's way."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import RUN, START, LedgerOfRows, a_row

from mmsflow.errors import Finding, InvalidInput
from mmsflow.mms.status import Bucket
from mmsflow.report.html import render_page
from mmsflow.report.look import check_look, own_look
from mmsflow.report.model import ReportPaths
from mmsflow.report.sample import SAMPLE_EXHIBITS, SAMPLE_RUN, ZONE, sample_summary
from mmsflow.report.write import write_report

EXTENDS = '{% extends "mmsflow/report.html.j2" %}\n'
ROWS = [a_row(1), a_row(2, Bucket.FAILED, reason="refused")]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    return tmp_path


def give(workspace: Path, page: str | None = None, style: str | None = None) -> None:
    for name, text in (("report.html.j2", page), ("report.css", style)):
        if text is not None:
            (workspace / "templates" / name).write_text(text, "utf-8", newline="")


def report(workspace: Path) -> tuple[ReportPaths, str]:
    paths = write_report(
        LedgerOfRows(ROWS).as_reader(), replace(RUN, rows=2), workspace / "out", now=START, workspace=workspace
    )
    assert paths.html
    return paths, paths.html.read_text("utf-8")


def test_a_workspace_without_an_own_look_has_the_built_in_one(workspace: Path) -> None:
    assert own_look(workspace) is None
    assert check_look(workspace) == ()
    assert "MMS campaign report" in report(workspace)[1]


@pytest.mark.parametrize(
    "block",
    ["title", "head_extra", "header", "brand", "notices", "figures", "buckets", "curve", "variants", "latency",
     "message", "failures", "prefixes", "problems", "set_aside", "segments", "hours", "lists", "waves", "run",
     "inputs", "glossary", "footer"],
)  # fmt: skip
def test_each_section_is_a_block_that_an_own_template_can_replace(workspace: Path, block: str) -> None:
    give(workspace, EXTENDS + f"{{% block {block} %}}Sklep Zimowy: {{{{ run.campaign }}}}{{% endblock %}}")
    assert check_look(workspace) == ()
    paths, page = report(workspace)
    assert paths.look_problems == ()
    assert page.count("Sklep Zimowy: winter-sale") == 1


def test_an_own_template_that_changes_nothing_gives_the_built_in_page(workspace: Path) -> None:
    give(workspace, EXTENDS)
    given = {"now": START, "zone": ZONE, "show_numbers": False}
    built_in = render_page(SAMPLE_RUN, sample_summary(), SAMPLE_EXHIBITS, **given)  # type: ignore[arg-type]
    own = render_page(SAMPLE_RUN, sample_summary(), SAMPLE_EXHIBITS, look=own_look(workspace), **given)  # type: ignore[arg-type]
    assert own == built_in


def test_an_own_style_sheet_comes_after_the_built_in_one_and_the_policy_names_both(workspace: Path) -> None:
    give(workspace, style="\ufeffh1 { color: red }\r\n.top { color: blue }\r")
    page = report(workspace)[1]
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert style.endswith("\nh1 { color: red }\n.top { color: blue }\n")
    assert f"style-src 'sha256-{digest}'" in page


@pytest.mark.parametrize(
    "own",
    [
        "<!doctype html><html><head><script>x</script><title>own</title></head><body>own</body></html>",
        "own text alone",
        EXTENDS + "{% block head_extra %}<meta http-equiv=Content-Security-Policy content=\"default-src *\">{% endblock %}",
        EXTENDS + "<p>before everything</p>",
    ],
    ids=["a page of its own", "no page at all", "a policy of its own", "text outside the blocks"],
)  # fmt: skip
def test_the_policy_stands_before_anything_that_a_template_writes(workspace: Path, own: str) -> None:
    give(workspace, own)
    page = report(workspace)[1]
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy"'
    )
    assert page.startswith(head)
    assert "default-src 'none'" in page.partition(">\n<meta http-equiv=")[2].partition("\n")[0]


def test_what_a_template_puts_in_is_escaped_and_numbers_reach_it_masked(workspace: Path) -> None:
    give(workspace, "{% for item in summary.problems %}[{{ item.number }}|{{ item.reason }}]{% endfor %}")
    rows = [a_row(1, Bucket.FAILED, number="+48501102030", reason="<script>")]
    reader = LedgerOfRows(rows).as_reader()
    paths = write_report(reader, RUN, workspace / "out", now=START, workspace=workspace)
    assert paths.html
    assert "[…030|&lt;script&gt;]" in paths.html.read_text("utf-8")


def test_a_template_may_include_others_of_its_folder(workspace: Path) -> None:
    give(workspace, EXTENDS + '{% block footer %}{% include "parts/address.j2" %}{% endblock %}')
    (workspace / "templates" / "parts").mkdir()
    (workspace / "templates" / "parts" / "address.j2").write_text("ul. Długa {{ summary.sent|count }}", "utf-8")
    assert check_look(workspace) == ()
    assert "ul. Długa 2" in report(workspace)[1]


@pytest.mark.parametrize("name", ["../lists/people.csv", "/etc/passwd", "link.j2", "..\\x", "templates/../../x"])
def test_nothing_outside_that_folder_can_be_included(workspace: Path, name: str) -> None:
    (workspace / "lists").mkdir()
    (workspace / "lists" / "people.csv").write_text("number\n+48501102030\n", "utf-8")
    (workspace / "templates" / "link.j2").symlink_to("../lists/people.csv")
    give(workspace, EXTENDS + f"{{% block footer %}}{{% include {name!r} %}}{{% endblock %}}")
    (finding,) = check_look(workspace)
    assert (finding.file, finding.line) == ("templates/report.html.j2", 2)


@pytest.mark.parametrize(
    ("page", "line", "says"),
    [
        (EXTENDS + "\n{% block footer %}{{ titel }}{% endblock %}", 3, "'titel' is undefined"),
        (EXTENDS + "{% block footer %}\n{% if %}{% endblock %}", 3, "expected an expression"),
        (EXTENDS + "{% block footer %}{{ summary.nonsense }}{% endblock %}", 2, "no attribute 'nonsense'"),
        (EXTENDS + "{% block waves %}{% for w in summary.waves %}{{ w.nope }}{% endfor %}{% endblock %}", 2, "'nope'"),
        ("{{ run.run|nosuch }}", 1, "no filter named 'nosuch'"),
        ('{% extends "mmsflow/reprot.html.j2" %}', 1, "there is no built-in template"),
        ('\n{% include "gone.j2" %}', 2, "templates/gone.j2: no such file"),
        ("{{ run.__class__.__mro__ }}", 1, "unsafe"),
        ("{{ ''.format }}{{ '%9999999999d' % 1 }}", 1, "format"),
        ("{{ 1 / 0 }}", 1, "divides by zero"),
        ("{{ 'a' * 999999999 }}", 1, "more than 100000 characters"),
        ("{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(9) %}{% endfor %}{% endfor %}{% endfor %}",
         1, "steps of work"),
    ],
)  # fmt: skip
def test_a_broken_template_is_a_finding_at_its_line(workspace: Path, page: str, line: int, says: str) -> None:
    give(workspace, page)
    (finding,) = check_look(workspace)
    assert (finding.file, finding.line) == ("templates/report.html.j2", line)
    assert says in finding.message
    assert finding.fix


def test_a_mistake_in_an_included_file_is_found_there(workspace: Path) -> None:
    give(workspace, EXTENDS + '{% block footer %}{% include "foot.j2" %}{% endblock %}')
    (workspace / "templates" / "foot.j2").write_text("\n\n{{ nothing }}", "utf-8")
    (finding,) = check_look(workspace)
    assert finding.place == "templates/foot.j2:3"


def test_a_page_of_endless_size_is_refused(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmsflow.report.look._PAGE_LIMIT_CHARACTERS", 1_000)
    give(workspace, "{% for n in range(1000) %}{{ n }} and so on{% endfor %}")
    (finding,) = check_look(workspace)
    assert "characters" in finding.message


@pytest.mark.parametrize("style", ["a{}\n</style><script>x</script>", "a{}\n<!-- -->", "a{}\n\0"])
def test_a_style_sheet_cannot_end_its_own_element(workspace: Path, style: str) -> None:
    give(workspace, style=style)
    (finding,) = check_look(workspace)
    assert finding.place == "templates/report.css:2"


@pytest.mark.parametrize("name", ["report.html.j2", "report.css"])
def test_a_file_that_cannot_be_read_as_text_is_a_finding(workspace: Path, name: str) -> None:
    (workspace / "templates" / name).write_bytes(b"first\nsecond \xff\xfe")
    (finding,) = check_look(workspace)
    assert finding.place == f"templates/{name}:2"


def test_a_file_of_the_look_that_is_a_link_out_of_the_folder_is_refused(workspace: Path) -> None:
    (workspace / "secret.txt").write_text("secret", "utf-8")
    (workspace / "templates" / "report.css").symlink_to("../secret.txt")
    with pytest.raises(InvalidInput):
        own_look(workspace)


@pytest.mark.parametrize("page", [EXTENDS + "{% block footer %}{{ titel }}{% endblock %}", "{% if %}"])
def test_a_broken_look_never_loses_the_report(workspace: Path, page: str) -> None:
    give(workspace, page, style="h1{color:red}")
    paths, text = report(workspace)
    assert [type(problem) for problem in paths.look_problems] == [Finding]
    assert "MMS campaign report" in text
    assert "h1{color:red}" not in text
    assert paths.csv
    assert re.search("1 \\+ 1 = 2", text)
