"""``optout add`` beside whoever sends: nobody who is in the list by then is sent to."""

from __future__ import annotations

from pathlib import Path

from .console import Console, ended
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, report_rows, write_list

PEOPLE = numbers(120)
LIST = "lists/suppression.csv"


def with_list(workspace: Path) -> None:
    (workspace / "mmsflow.toml").write_text(f'suppression = "{LIST}"\n')


def test_numbers_added_while_a_run_sends_are_not_sent_to(
    console: Console, quick: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    write_list(workspace, PEOPLE)
    with_list(workspace)
    (workspace / LIST).write_text("number,reason\n")
    change_campaign(workspace, {"poll:": "rate: 20/s\npoll:"})
    process = console.start("run", CAMPAIGN, "--yes", "--json")
    gateway.wait_for(5)
    last = PEOPLE[-10:]
    file = workspace / "stop.txt"
    file.write_text("\n".join(number.removeprefix("+48") for number in last))
    said = quick("optout", "add", "--from", str(file), "--why", "by phone", "--json").ended_with(0).document
    assert (said["list"], said["added"], said["known"]) == (LIST, 10, 0)
    done = ended(process).ended_with(0)
    assert gateway.numbers == PEOPLE[:-10]
    rows = {row["number"]: row for row in report_rows(done.document["report"]["csv"])}
    masked = [row for row in rows.values() if row["bucket"] == "excluded"]
    assert len(masked) >= 1


def test_a_list_is_made_where_the_setting_names_one_and_the_way_out_is_said_where_none_is_named(
    quick: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    refused = quick("optout", "add", "501000000", "--json").ended_with(2).document
    assert refused["cause"] == "no_suppression_list"
    assert "suppression = " in refused["advice"]
    with_list(workspace)
    assert quick("optout", "add", "501 000 000", "--json").ended_with(0).document["made"]
    assert (workspace / LIST).read_text().startswith("number,added_at,added_by,reason\n+48501000000,")
    checked = quick("optout", "check", "501000000", "501000001", "--json").ended_with(0).document["numbers"]
    assert [bool(each["listed"]) for each in checked] == [True, False]
    quick("run", CAMPAIGN, "--yes").ended_with(0)
    assert gateway.numbers == numbers(5)[1:]


def test_one_bad_entry_and_nothing_is_added_and_its_line_is_named(quick: Console, workspace: Path) -> None:
    with_list(workspace)
    (workspace / LIST).write_text("number\n")
    (workspace / "stop.txt").write_text("501000000\n5010\n")
    refused = quick("optout", "add", "--from", "stop.txt", "--json").ended_with(3).document
    assert refused["cause"] == "bad_number"
    assert [(each["file"], each["line"]) for each in refused["errors"]] == [("stop.txt", 2)]
    assert (workspace / LIST).read_text() == "number\n"
    quick("optout", "remove", "501000000").ended_with(2)
