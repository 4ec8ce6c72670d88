"""Comparing two runs, choosing the report's formats, and an own look that is broken: as a person meets them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from openpyxl import load_workbook

from .console import Console
from .workspace import CAMPAIGN, numbers, write_list


@pytest.fixture
def two_runs(quick: Console, workspace: Path) -> tuple[str, str]:
    """The ids of two finished runs, to numbers 0-4 and then to 3-7."""
    first = quick("run", CAMPAIGN, "--yes", "--json").document["run"]
    write_list(workspace, numbers(8)[3:])
    return first, quick("run", CAMPAIGN, "--yes", "--again", "--json").document["run"]


def test_two_runs_are_compared_by_share_and_by_what_became_of_the_same_numbers(
    quick: Console, two_runs: tuple[str, str]
) -> None:
    document = quick("compare", *two_runs, "--json").ended_with(0).document
    assert (document["first"]["run"], document["second"]["run"]) == two_runs
    found = document["numbers"]
    assert (found["in_both"], found["only_first"], found["only_second"]) == (2, 3, 3)
    assert sum(each["numbers"] for each in found["became"]) == 8
    delivered = document["delivered"]
    assert (
        delivered["first"]["final"]
        == document["first"]["buckets"]["delivered"] + document["first"]["buckets"]["failed"]
    )
    assert not delivered["beyond_chance"]


def test_the_terminal_shows_no_number_and_the_files_are_for_their_owner(
    quick: Console, workspace: Path, two_runs: tuple[str, str]
) -> None:
    done = quick("compare", *two_runs, "--html", "comparison.html", "--csv", "numbers.csv").ended_with(0)
    assert "Delivered of final" in done.out
    assert "not in it" in done.out
    assert "50100" not in done.out + done.err + (workspace / "comparison.html").read_text("utf-8")
    with (workspace / "numbers.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [line["number"] for line in table] == numbers(8)
    assert [bool(line["bucket_in_first"]) for line in table] == [True] * 5 + [False] * 3
    assert [bool(line["bucket_in_second"]) for line in table] == [False] * 3 + [True] * 5
    assert {(workspace / name).stat().st_mode & 0o777 for name in ("comparison.html", "numbers.csv")} == {0o600}


def test_a_run_that_does_not_exist_or_is_the_same_one_is_refused_with_a_way_out(
    quick: Console, two_runs: tuple[str, str]
) -> None:
    first, second = two_runs
    unknown = quick("compare", first, second[:-1]).ended_with(2)
    assert "did you mean" in unknown.err
    assert "cannot be compared with itself" in quick("compare", first, first).ended_with(2).err
    nowhere = quick("compare", first, second, "--csv", "nowhere/numbers.csv").ended_with(2)
    assert "a folder of your own" in nowhere.err
    assert "the same file" in quick("compare", first, second, "--csv", "a", "--html", "./a").ended_with(2).err


def test_a_report_is_written_in_the_formats_that_are_named(quick: Console, workspace: Path) -> None:
    run = quick("run", CAMPAIGN, "--yes", "--json").document
    assert run["report"]["xlsx"] is None
    done = quick("report", run["run"], "--format", "xlsx", "--format", "json", "--out", "out").ended_with(0)
    assert [Path(line).name for line in done.out.split()] == ["report.xlsx", "report.json"]
    assert sorted(path.name for path in (workspace / "out").iterdir()) == ["report.json", "report.xlsx"]
    sheet = load_workbook(workspace / "out" / "report.xlsx")["recipients"]
    assert [row[4] for row in sheet.iter_rows(min_row=2, values_only=True)] == numbers(5)
    assert "pdf" in quick("report", run["run"], "--format", "pdf").ended_with(2).err


def test_a_campaign_may_ask_for_a_workbook(quick: Console, workspace: Path) -> None:
    file = workspace / CAMPAIGN
    file.write_text(file.read_text("utf-8") + "report: {formats: [csv, xlsx]}\n", "utf-8")
    paths = quick("run", CAMPAIGN, "--yes", "--json").document["report"]
    assert (paths["html"], paths["json"]) == (None, None)
    assert Path(paths["xlsx"]).name == "report.xlsx"
    assert Path(paths["xlsx"]).is_file()


BROKEN = '{% extends "mmsflow/report.html.j2" %}\n{% block footer %}{{ titel }}{% endblock %}\n'


def test_check_finds_a_broken_look_at_its_line_whatever_campaign_is_checked(quick: Console, workspace: Path) -> None:
    (workspace / "templates" / "report.html.j2").write_text(BROKEN, "utf-8")
    for files in ((), (CAMPAIGN,)):
        (error,) = quick("check", *files, "--json").ended_with(3).document["errors"]
        assert (error["file"], error["line"]) == ("templates/report.html.j2", 2)
        assert "'titel' is undefined" in error["message"]


def test_a_run_whose_look_is_broken_has_its_report_and_says_why_it_looks_as_always(
    quick: Console, workspace: Path
) -> None:
    usual = quick("run", CAMPAIGN, "--yes")
    (workspace / "templates" / "report.html.j2").write_text(BROKEN, "utf-8")
    again = quick("run", CAMPAIGN, "--yes", "--again")
    assert again.code == usual.code
    assert "templates/report.html.j2:2: 'titel' is undefined; the report has the built-in look" in again.err
    run = quick("runs", "--json").document["runs"][0]["run"]
    assert "MMS campaign report" in (workspace / "reports" / run / "report.html").read_text("utf-8")
    anew = quick("report", run).ended_with(3)
    assert "templates/report.html.j2:2" in anew.err
    assert len(anew.out.split()) == 3
    assert json.loads(quick("report", run, "--json").ended_with(3).out)["errors"][0]["line"] == 2
