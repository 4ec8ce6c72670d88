"""Who gets a message: earlier campaigns, the suppression list, caps over campaigns, proofs of consent, rejects."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from .console import Console, Done, ended
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, report_rows, write_list

PEOPLE = numbers(5)
SECOND = "campaigns/second.yaml"


def write_second(folder: Path, recipients: str, more: str = "") -> None:
    """Another campaign of the same workspace."""
    (folder / SECOND).write_text(
        f"version: 1\ncampaign: second\npurpose: transactional\nsender: ACME\nrecipients:\n{recipients}"
        f'message:\n  subject: "Znowu"\npoll: {{until: 3s}}\n{more}',
        "utf-8",
    )


def sent(console: Console, file: str = CAMPAIGN, *options: str) -> Done:
    done = console("run", file, "--yes", "--json", *options)
    assert done.code in (0, 7), done.err
    return done


def reasons(done: Done) -> dict[str, str]:
    """Number → code of every row of a run's rejects.csv."""
    folder = Path(done.document["report"]["csv"]).parent
    with (folder / "rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["number"]: row["code"] for row in csv.DictReader(file)}


def test_who_had_a_message_of_another_campaign_is_left_out_or_is_all_there_is(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    write_list(workspace, PEOPLE[:3])
    sent(quick)
    write_list(workspace, PEOPLE)
    write_second(workspace, "  - csv: lists/people.csv\n    not_received: offer\n")
    done = sent(quick, SECOND)
    assert gateway.numbers == sorted(PEOPLE)
    assert reasons(done) == dict.fromkeys(PEOPLE[:3], "already_received")

    write_second(workspace, "  - received: [offer, second]\n", f"exclude:\n  - received: {done.document['run']}\n")
    third = sent(quick, SECOND, "--again")
    assert sorted(gateway.numbers)[:6] == sorted([*PEOPLE[:3], *PEOPLE[:3]])
    assert {row["source"] for row in report_rows(third.document["report"]["csv"])} == {"received: offer, second"}
    assert reasons(third) == dict.fromkeys(PEOPLE[3:], "already_received")


def test_the_fate_of_an_earlier_message_chooses_who_gets_the_next_one(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    write_list(workspace, numbers(10))
    first = sent(quick)
    fates = {row["number"]: row["bucket"] for row in report_rows(first.document["report"]["csv"])}
    delivered = sorted(number for number, bucket in fates.items() if bucket == "delivered")
    assert 0 < len(delivered) < 10
    write_second(workspace, "  - csv: lists/people.csv\n    received: offer\n    status: delivered\n")
    done = sent(quick, SECOND)
    second = {row["number"] for row in report_rows(done.document["report"]["csv"]) if row["bucket"] != "excluded"}
    assert sorted(second) == delivered
    assert set(reasons(done).values()) == {"not_received"}


def test_a_campaign_that_nobody_knows_is_an_error_with_a_near_name_and_only_a_warning_for_check(
    quick: Console, workspace: Path
) -> None:
    sent(quick)
    write_second(workspace, "  - csv: lists/people.csv\n    not_received: ofer\n")
    for command in ("plan", "preview", "run", "send-test"):
        more = ["--to", "+48 790 000 001"] if command == "send-test" else []
        done = quick(command, SECOND, *more).ended_with(3)
        assert (
            f"{SECOND}:7:19  error  no run on this account and no campaign of this workspace is named `ofer`"
            in done.err
        )
        assert "did you mean `offer`?" in done.err
    checked = quick("check", SECOND).ended_with(0)
    assert "did you mean `offer`?" in checked.err
    write_second(workspace, "  - csv: lists/people.csv\n    not_received: second\n")
    assert "that campaign has not run yet" in quick("plan", SECOND).ended_with(0).err + quick("plan", SECOND).out


def test_check_and_preview_go_on_without_a_gateway_and_say_that_history_is_not_known(
    quick: Console, workspace: Path
) -> None:
    write_second(workspace, "  - received: offer\n", "at_most: 1 in 7 days\n")
    for command in ("check", "preview"):
        done = quick(command, SECOND, MMSFLOW_GATEWAY="", MMSFLOW_GATEWAY_URL="").ended_with(0)
        assert "are not judged here: no gateway is named" in done.err
    assert not (workspace / ".mmsflow").exists()


def test_numbers_of_an_earlier_campaign_bring_no_consent(quick: Console, workspace: Path) -> None:
    write_second(workspace, "  - received: offer\n", 'consent: {column: consent, accept: ["tak"]}\n')
    done = quick("check", SECOND).ended_with(3)
    assert f"{SECOND}:6:15  error  numbers of an earlier campaign bring no consent" in done.err
    assert "write `received:` beside its `csv:`" in done.err


@pytest.fixture
def suppressing(workspace: Path) -> Path:
    """A workspace whose suppression list holds the second person."""
    (workspace / "mmsflow.toml").write_text('suppression = "lists/suppression.csv"\n')
    (workspace / "lists" / "suppression.csv").write_text(f"number,reason\n{PEOPLE[1]},by letter\n")
    return workspace


def test_the_suppression_list_beats_everything(quick: Console, suppressing: Path, gateway: IndependentGateway) -> None:
    change_campaign(
        suppressing,
        {
            "  - csv: lists/people.csv\n": f'  - csv: lists/people.csv\n    where: code != "K1"\n  - number: "{PEOPLE[1]}"\n    vars: {{code: x}}\n'
        },
    )
    rows = report_rows(sent(quick).document["report"]["csv"])
    assert [row["source"] for row in rows if row["reason"].startswith("suppressed for good")] == [
        "lists/people.csv",
        "inline",
    ]
    write_second(suppressing, f'  - received: offer\n  - number: "{PEOPLE[1]}"\n')
    assert reasons(sent(quick, SECOND)) == {PEOPLE[1]: "suppressed"}
    assert PEOPLE[1] not in gateway.numbers
    refused = quick("send-test", CAMPAIGN, "--to", PEOPLE[1], "--yes").ended_with(2)
    assert "suppressed for good: lists/suppression.csv row 2" in refused.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "number,reason\n501 102,typo\n",
            "lists/suppression.csv:2  error  the suppressed number in row 2 cannot be read",
        ),
        (None, "lists/suppression.csv  error  no such file (the suppression list)"),
        ("", "lists/suppression.csv  error  the list is empty (the suppression list)"),
    ],
)
def test_a_suppression_list_that_cannot_be_read_stops_everything(
    quick: Console, suppressing: Path, gateway: IndependentGateway, content: str | None, said: str
) -> None:
    path = suppressing / "lists" / "suppression.csv"
    path.unlink() if content is None else path.write_text(content)
    for command in (
        ("check",),
        ("plan", CAMPAIGN),
        ("run", CAMPAIGN, "--yes"),
        ("send-test", CAMPAIGN, "--to", PEOPLE[0]),
    ):
        assert said in quick(*command).ended_with(3).err
    assert gateway.numbers == []


def test_who_is_suppressed_while_a_run_goes_on_gets_nothing_more(
    console: Console, suppressing: Path, gateway: IndependentGateway
) -> None:
    write_list(suppressing, numbers(8))
    change_campaign(suppressing, {"poll:": "rate: 1/s\npoll:"})
    process = console.start("run", CAMPAIGN, "--yes", "--json")
    gateway.wait_for(2)
    late = numbers(8)[6:]
    with (suppressing / "lists" / "suppression.csv").open("a") as file:
        file.write("\n".join(late) + "\n")
    done = ended(process)
    assert reasons(done) == dict.fromkeys((PEOPLE[1], *late), "suppressed")
    assert sorted(gateway.numbers) == sorted(set(numbers(8)) - {PEOPLE[1], *late})


def test_a_cap_counts_messages_of_all_campaigns_at_the_plan(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    write_list(workspace, PEOPLE[:2])
    sent(quick)
    write_list(workspace, PEOPLE)
    write_second(workspace, "  - csv: lists/people.csv\n", "at_most: 1 in 7 days\n")
    plan = quick("plan", SECOND, "--json").ended_with(0).document
    (reason,) = plan["intake"][0]["reasons"]
    assert (reason["code"], reason["rows"]) == ("at_most", 2)
    assert reason["example"] == "had 1 message in the last 7 days, the cap is 1 in 7 days"
    assert reasons(sent(quick, SECOND)) == dict.fromkeys(PEOPLE[:2], "at_most")
    assert sorted(gateway.numbers) == PEOPLE


def test_a_cap_holds_when_another_campaign_has_sent_since_the_plan(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    # The quota ends the first campaign's run early; the second one sends meanwhile.
    change_campaign(workspace, {"poll:": "at_most: 1 in 7 days\npoll:"})
    gateway.quota = 2
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(7)
    assert len(gateway.numbers) == 2
    waiting = [number for number in PEOPLE if number not in gateway.numbers]
    gateway.quota = 1000
    gateway.reset_quota()
    write_second(workspace, f'  - number: "{waiting[0]}"\n')
    sent(quick, SECOND)
    done = sent(quick)
    assert reasons(done) == {waiting[0]: "at_most"}
    assert sorted(gateway.numbers) == PEOPLE


def test_the_workspace_caps_marketing_campaigns_that_name_no_cap(quick: Console, workspace: Path) -> None:
    sent(quick)
    (workspace / "lists" / "people.csv").write_text(
        "number,code,ok\n" + "".join(f"{each},K,tak\n" for each in numbers(6))
    )
    write_second(workspace, "  - csv: lists/people.csv\n", 'consent: {column: ok, accept: ["tak"]}\n')
    path = workspace / SECOND
    cap = {"MMSFLOW_AT_MOST": "1 in 7 days"}
    assert quick("plan", SECOND, "--json", **cap).ended_with(0).document["messages"] == 6
    path.write_text(path.read_text().replace("transactional", "marketing"))
    assert quick("plan", SECOND, "--json", **cap).ended_with(0).document["messages"] == 1
    path.write_text(path.read_text() + "at_most: 2 in 7 days\n")
    assert quick("plan", SECOND, "--json", **cap).ended_with(0).document["messages"] == 6


def test_the_proof_of_a_consent_is_kept_and_told_and_a_row_without_one_gets_nothing(
    quick: Console, workspace: Path
) -> None:
    (workspace / "lists" / "people.csv").write_text(
        f"number,code,ok,from,on\n{PEOPLE[0]},K,tak,shop,2026-03-02\n{PEOPLE[1]},K,tak,,2026-03-02\n"
    )
    change_campaign(
        workspace,
        {
            "purpose: transactional\n": "purpose: marketing\n",
            "message:": 'consent: {column: ok, accept: ["tak"], source: from, date: on}\nmessage:',
            "poll:": "schedule: {window: any}\npoll:",
        },
    )
    assert reasons(sent(quick)) == {PEOPLE[1]: "no_consent_evidence"}
    (story,) = quick("why", PEOPLE[0], "--json").ended_with(0).document["stories"]
    assert story["consent"] == {"ok": "tak", "from": "shop", "on": "2026-03-02"}
    assert "consent: ok = tak, from = shop, on = 2026-03-02" in quick("why", PEOPLE[0]).out
    change_campaign(workspace, {"date: on": "date: onn"})
    done = quick("check", CAMPAIGN).ended_with(3)
    assert "lists/people.csv:1  error  no column 'onn' (`consent.date`)" in done.err
    assert "did you mean 'on'?" in done.err


def test_a_segment_that_no_list_has_is_an_error_at_its_key(quick: Console, workspace: Path) -> None:
    change_campaign(workspace, {"poll:": "report: {segments: [codee]}\npoll:"})
    done = quick("check", CAMPAIGN).ended_with(3)
    assert f"{CAMPAIGN}:9:21  error  no recipient list has the column 'codee'" in done.err
    assert "did you mean `code`?" in done.err


def test_rejects_are_mended_and_read_again(quick: Console, workspace: Path, gateway: IndependentGateway) -> None:
    (workspace / "lists" / "people.csv").write_text(
        'msisdn,code,note\n+48501000001,K1,"=1+1"\n50100000,K2,"=HYPERLINK(""x"")"\n501000001,K3,x\n12,K4,y\n"501000007",K5,z,extra\n'
    )
    out = workspace / "lists" / "rejects.csv"
    quick("check", CAMPAIGN, "--rejects", "lists/rejects.csv").ended_with(0)
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [
        "bucket",
        "reject_code",
        "reason",
        "source",
        "row",
        "number",
        "msisdn",
        "code",
        "note",
        "more_cells",
    ]
    assert [(row[0], row[1], row[4], row[6], row[8], row[9]) for row in rows] == [
        ("invalid", "too_short", "3", "50100000", '\'=HYPERLINK("x")', ""),
        ("duplicate", "duplicate", "4", "501000001", "x", ""),
        ("invalid", "too_short", "5", "12", "y", ""),
        ("invalid", "malformed_row", "6", "501000007", "z", "extra"),
    ]
    with_plan = workspace / "again.csv"
    quick("plan", CAMPAIGN, "--rejects", "again.csv").ended_with(0)
    assert with_plan.read_bytes() == out.read_bytes()

    rows[0][6], rows[2][6] = "+48 501 000 002", "501000004"
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    write_second(workspace, "  - csv: lists/rejects.csv\n")
    path = workspace / SECOND
    path.write_text(path.read_text().replace("Znowu", "{{ code }} {{ note }}"))
    shown = quick("preview", SECOND, "--json", "--limit", "9", "--show-numbers").ended_with(0).document["messages"]
    assert [(each["number"], each["subject"]) for each in shown] == [
        ("+48501000002", 'K2 =HYPERLINK("x")'),
        ("+48501000001", "K3 x"),
        ("+48501000004", "K4 y"),
        ("+48501000007", "K5 z"),
    ]


def test_the_intake_is_shown_by_list_and_reason_with_an_example_row(quick: Console, workspace: Path) -> None:
    (workspace / "lists" / "people.csv").write_text("number,code\n501000001,K1\n12,K2\n501000001,K3\n")
    (workspace / "lists" / "more.csv").write_text("number,code\n501000002,K1\n221234567,K2\n34,K3\n")
    change_campaign(workspace, {"  - csv: lists/people.csv\n": "  - csv: lists/people.csv\n  - csv: lists/more.csv\n"})
    for done in (quick("check", CAMPAIGN), quick("plan", CAMPAIGN), quick("preview", CAMPAIGN)):
        lines = [" ".join(line.split()) for line in done.ended_with(0).out.splitlines()]
        start = lines.index("lists/people.csv 3 rows in all")
        assert lines[start : start + 8] == [
            "lists/people.csv 3 rows in all",
            "1 to be sent",
            "1 invalid row 3 Digits are missing",
            "1 duplicate row 4 The number stands in an earlier row",
            "lists/more.csv 3 rows in all",
            "1 to be sent",
            "1 invalid row 3 A landline, which takes no MMS",
            "1 invalid row 4 Digits are missing",
        ]
    (campaign,) = quick("check", CAMPAIGN, "--json").ended_with(0).document["campaigns"]
    assert [(each["source"], each["rows"], each["to_be_sent"]) for each in campaign["intake"]] == [
        ("lists/people.csv", 3, 1),
        ("lists/more.csv", 3, 1),
    ]
    assert sum(each["rows"] for each in campaign["intake"]) == campaign["rows"] == 6


def test_lists_of_which_no_row_can_be_sent_to_say_what_became_of_them(quick: Console, workspace: Path) -> None:
    write_list(workspace, ["12", "34", "+48221234567"])
    why = "2 of 3 rows: Digits are missing (the first is row 2 of lists/people.csv)"
    rejects = f"`mmsflow check {CAMPAIGN} --rejects FILE` writes each row with its reason to a file"
    checked = quick("check", CAMPAIGN).ended_with(3)
    assert "no row of the lists can be sent to" in checked.err
    assert f"{why}; {rejects}" in checked.err
    assert "A landline, which takes no MMS" in checked.out
    planned = quick("plan", CAMPAIGN).ended_with(3)
    assert planned.err.index("A landline, which takes no MMS") < planned.err.index("no row of the lists can be sent to")
    quick("check", CAMPAIGN, "--rejects", "rows.csv").ended_with(3)
    assert (workspace / "rows.csv").read_text("utf-8-sig").count("too_short") == 2
    assert quick("check", CAMPAIGN, "--json").ended_with(3).document["errors"][0]["fix"].startswith(why)


def test_an_empty_list_is_named_as_what_is_to_be_filled(quick: Console, workspace: Path) -> None:
    write_list(workspace, [])
    checked = quick("check", CAMPAIGN).ended_with(3)
    assert "the lists have no rows" in checked.err
    assert "put rows into lists/people.csv" in checked.err
    assert "intake" not in checked.out
