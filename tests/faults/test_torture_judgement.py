"""The judge of the torture campaigns sees what must not be; otherwise a thousand kills would show nothing."""

from __future__ import annotations

import argparse
import csv
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from torture.kills_workspace import Workspace, judge, make_workspace
from torture.results import append, read, seeds, summary


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, Random(1), 10)


def report(workspace: Workspace, buckets: dict[str, str]) -> None:
    folder = workspace.folder / "reports" / "torture-20261201-1"
    folder.mkdir(parents=True)
    with (folder / "report.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["number", "bucket"])
        writer.writeheader()
        writer.writerows({"number": number, "bucket": bucket} for number, bucket in buckets.items())


def test_all_is_well_when_every_number_got_one_message_and_the_report_says_so(workspace: Workspace) -> None:
    report(workspace, dict.fromkeys(workspace.valid, "delivered"))
    assert judge(workspace, dict.fromkeys(workspace.valid, 1), bound=4).violations == []


def test_a_second_message_to_a_number_is_a_duplicate(workspace: Workspace) -> None:
    report(workspace, dict.fromkeys(workspace.valid, "delivered"))
    verdict = judge(workspace, dict.fromkeys(workspace.valid, 2), bound=4)
    assert verdict.duplicates == 10
    assert "more than one message" in verdict.violations[0]


def test_a_number_that_got_nothing_is_lost_unless_the_report_calls_it_maybe_sent(workspace: Workspace) -> None:
    lost, maybe, *others = sorted(workspace.valid)
    report(workspace, {**dict.fromkeys(others, "delivered"), lost: "delivered", maybe: "maybe_sent"})
    verdict = judge(workspace, dict.fromkeys(others, 1), bound=4)
    assert (verdict.lost, verdict.unknown) == (1, 1)
    assert [text for text in verdict.violations if "got nothing but are called sent" in text]


def test_a_message_that_the_report_calls_unsent_is_a_violation(workspace: Workspace) -> None:
    report(workspace, dict.fromkeys(workspace.valid, "pending"))
    verdict = judge(workspace, dict.fromkeys(workspace.valid, 1), bound=4)
    assert verdict.violations == ["10 numbers got a message but are called unsent"]


def test_an_opted_out_number_that_got_a_message_is_a_violation(workspace: Workspace) -> None:
    report(workspace, dict.fromkeys(workspace.valid, "delivered"))
    stranger = sorted(workspace.optout)[0]
    verdict = judge(workspace, {**dict.fromkeys(workspace.valid, 1), stranger: 1}, bound=4)
    assert verdict.violations == ["1 numbers got a message that must not"]


def test_more_unknown_messages_than_the_bound_in_one_restart_are_a_violation(workspace: Workspace) -> None:
    report(workspace, dict.fromkeys(workspace.valid, "maybe_sent"))
    workspace.ledger.parent.mkdir()
    with closing(sqlite3.connect(workspace.ledger)) as ledger, ledger:
        ledger.execute("CREATE TABLE events (at, old, new)")
        ledger.executemany("INSERT INTO events VALUES (?, 'sending', 'unknown')", [(1,)] * 5 + [(2,)] * 3)
    verdict = judge(workspace, {}, bound=4)
    assert verdict.violations == ["one kill left 5 unknown, 4 are allowed"]


def test_the_list_holds_duplicates_opt_outs_and_nonsense_beside_the_valid_rows(workspace: Workspace) -> None:
    with (workspace.folder / "lists" / "people.csv").open(encoding="utf-8") as file:
        numbers = [row["msisdn"] for row in csv.DictReader(file)]
    assert workspace.valid < set(numbers)
    assert workspace.optout < set(numbers)
    assert len(numbers) > len(set(numbers)) > len(workspace.valid)


def test_results_add_up_over_files_and_invocations(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "deep" / "b.jsonl"
    append(first, {"kind": "kills", "seed": 1, "kills": 8, "worst_unknown": 4, "violations": []})
    append(first, {"kind": "kills", "seed": 2, "kills": 9, "worst_unknown": 16, "violations": ["x"]})
    append(second, {"kind": "power", "seed": 1, "images": 500, "violations": []})
    second.write_text(second.read_text() + '{"kind": "power", "ima')  # cut off by a kill
    assert summary(read([first, second])) == {
        "kills": {"results": 2, "kills": 17, "worst_unknown": 16, "violations": ["x"]},
        "power": {"results": 1, "images": 500, "violations": []},
    }


def test_seeds_are_a_range_without_its_end_or_one_number() -> None:
    assert (seeds("3:6"), seeds("7")) == (range(3, 6), range(7, 8))
    with pytest.raises(argparse.ArgumentTypeError):
        seeds("a:b")
