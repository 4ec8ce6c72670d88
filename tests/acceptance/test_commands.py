"""Each command as it is meant to be used, and the documents that others rely on."""

from __future__ import annotations

import json
import signal
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from .console import SCRIPT, Console, ended
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, report_rows, write_list

ROOT = Path(__file__).resolve().parents[2]
SET_UP = ("demo", "init", "quota", "simulator", "schema", "doctor")
LOOK = ("check", "preview", "plan")
CARRY_OUT = ("run", "send-test", "status", "runs", "why", "poll", "report")
BUCKETS = {
    "delivered",
    "failed",
    "expired",
    "undetermined",
    "maybe_sent",
    "accepted",
    "pending",
    "not_sent",
    "excluded",
    "duplicate",
    "invalid",
}


def is_instant(text: str) -> bool:
    """Whether it is ISO 8601 with an offset."""
    return datetime.fromisoformat(text).tzinfo is not None


def test_check_tells_the_rows_by_bucket_and_has_no_errors_to_tell(quick: Console, workspace: Path) -> None:
    write_list(workspace, [*numbers(3), "112", "501000001"])
    document = quick("check", "--json", MMSFLOW_GATEWAY_URL="").ended_with(0).document
    assert document["errors"] == []
    assert document["campaigns"][0]["buckets"]["pending"] == 3
    strict = quick("check", "--strict", "--json").ended_with(3).document
    assert [(error["file"], error["line"]) for error in strict["errors"]] == [
        ("lists/people.csv", 5),
        ("lists/people.csv", 6),
    ]


def test_preview_needs_no_gateway_and_shows_a_masked_number_its_subject_and_its_size(quick: Console) -> None:
    offline = {"MMSFLOW_GATEWAY_URL": "", "MMSFLOW_CLIENT_ID": "", "MMSFLOW_CLIENT_SECRET": ""}
    shown = quick("preview", CAMPAIGN, "--limit", "1", **offline).ended_with(0)
    assert "Kod K0" in shown.out
    assert "…000" in shown.out
    assert "501000000" not in shown.out + shown.err
    (message,) = (
        quick("preview", CAMPAIGN, "--to", "501 000 003", "--json", **offline).ended_with(0).document["messages"]
    )
    assert (message["subject"], message["row"]) == ("Kod K3", 5)


def test_plan_tells_waves_buckets_quota_and_the_end_and_sends_nothing(
    quick: Console, gateway: IndependentGateway
) -> None:
    plan = quick("plan", CAMPAIGN, "--json").ended_with(0).document
    assert plan["campaign"] == "offer"
    assert [wave["size"] for wave in plan["waves"]] == [5]
    assert is_instant(plan["waves"][0]["starts_at"])
    assert set(plan["buckets"]) == BUCKETS
    assert plan["buckets"]["pending"] == 5
    assert (plan["quota"]["used"], plan["quota"]["available"]) == (0, 1000)
    assert is_instant(plan["quota"]["resets_at"])
    assert is_instant(plan["finishes_at"])
    assert plan["warnings"] == []
    assert gateway.messages == []


def test_plan_and_calendar_tell_the_pace_and_where_it_is_known_from(quick: Console) -> None:
    for arguments in (("plan", CAMPAIGN, "--json"), ("plan", "--json")):
        unknown = quick(*arguments).ended_with(0).document["pace"]
        assert (unknown["per_second"], unknown["basis"]) == (None, "unknown")
        known = quick(*arguments, MMSFLOW_RATE="5/s").ended_with(0).document["pace"]
        assert (known["per_second"], known["basis"], known["text"]) == (5.0, "account", "5/s, the account's `rate`")


def test_from_run_to_report_every_document_tells_the_same_story(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    gateway.submission_answers = 1
    change_campaign(workspace, {"until: 3s": "until: 72h"})
    run = quick("run", CAMPAIGN, "--yes", "--no-wait", "--json").ended_with(0).document
    assert (run["campaign"], run["state"], run["buckets"]["accepted"]) == ("offer", "done", 5)
    assert set(run["buckets"]) == BUCKETS
    assert [wave["size"] for wave in run["waves"]] == [5]
    for form in ("csv", "html", "json"):
        assert Path(run["report"][form]) == workspace / "reports" / run["run"] / f"report.{form}"
        assert Path(run["report"][form]).is_file()

    status = quick("status", "--json").ended_with(0).document["runs"]
    assert [each["run"] for each in status] == [run["run"]]
    assert {**run, **status[0]} == run

    first = quick("poll", run["run"], "--json").ended_with(0).document
    assert (first["buckets"]["accepted"], first["waiting_for_reports"]) == (5, 5)
    polled = quick("poll", run["run"], "--json").ended_with(0).document
    assert polled["buckets"]["delivered"] == 5

    story = quick("why", "501 000 002", "--json").ended_with(0).document["stories"][0]
    assert (story["run"], story["row"], story["bucket"]) == (run["run"], 4, "delivered")
    assert story["gateway_id"] in {message.id for message in gateway.messages}
    assert list(dict.fromkeys(event["to"] for event in story["events"])) == ["sending", "accepted", "delivered"]

    quota = quick("quota", "--json").ended_with(0).document
    assert (quota["used"], quota["available"], quota["reserved"]) == (5, 995, 0)
    assert is_instant(quota["resets_at"])

    elsewhere = quick("report", run["run"], "--out", "elsewhere", "--json", MMSFLOW_GATEWAY_URL="http://127.0.0.1:9")
    rows = report_rows(workspace / "elsewhere" / "report.csv")
    assert elsewhere.ended_with(0).document["report"]["csv"].endswith("elsewhere/report.csv")
    assert {row["bucket"] for row in rows} == {"delivered"}
    listed = quick("runs", "--json").ended_with(0).document["runs"]
    assert [each["run"] for each in listed] == [run["run"]]


def test_an_unfinished_run_whose_list_has_changed_is_refused_until_the_list_is_as_it_was(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    gateway.quota = 3
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(7)
    gateway.reset_quota()
    write_list(workspace, numbers(7))
    assert "lists/people.csv has changed" in quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(6).err
    assert len(gateway.messages) == 3
    write_list(workspace, numbers(5))
    quick("run", CAMPAIGN, "--no-wait").ended_with(0)
    assert gateway.numbers == numbers(5)


def test_a_finished_campaign_is_refused_naming_the_ways_on_and_a_top_up_reaches_only_the_new(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    run = quick("run", CAMPAIGN, "--yes", "--no-wait", "--json").ended_with(0).document["run"]
    quick("poll", run).ended_with(0)
    refused = quick("run", CAMPAIGN, "--yes").ended_with(6)
    assert "--again" in refused.err
    assert "--top-up" in refused.err
    assert len(gateway.messages) == 5

    write_list(workspace, numbers(7))
    topped = quick("run", CAMPAIGN, "--top-up", "--yes", "--no-wait", "--json").ended_with(0).document
    assert gateway.numbers == numbers(7)
    assert topped["buckets"]["excluded"] == 5
    assert topped["buckets"]["accepted"] == 2


def test_a_plan_that_was_saved_is_carried_out_as_it_stands_or_refused_with_the_reason(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    quick("plan", CAMPAIGN, "--out", "offer.plan").ended_with(0)
    write_list(workspace, numbers(6))
    stale = quick("run", "offer.plan", "--yes").ended_with(6)
    assert "5 messages then, 6 now" in stale.err
    assert gateway.messages == []
    write_list(workspace, numbers(5))
    quick("run", "offer.plan", "--yes", "--no-wait").ended_with(0)
    assert gateway.numbers == numbers(5)


def test_without_a_terminal_and_without_yes_nothing_is_sent(quick: Console, gateway: IndependentGateway) -> None:
    for command in (("run", CAMPAIGN), ("send-test", CAMPAIGN, "--to", "+48501102030")):
        assert "--yes" in quick(*command).ended_with(2).err
    assert gateway.messages == []
    assert quick("runs", "--json").document["runs"] == []


def test_a_run_to_more_than_max_is_refused(quick: Console, gateway: IndependentGateway) -> None:
    assert "--max allows 4" in quick("run", CAMPAIGN, "--yes", "--max", "4").ended_with(6).err
    assert gateway.messages == []


def test_nothing_is_sent_while_no_gateway_is_named(quick: Console) -> None:
    for command in (("plan", CAMPAIGN), ("run", CAMPAIGN, "--yes"), ("quota",)):
        assert "MMSFLOW_GATEWAY" in quick(*command, MMSFLOW_GATEWAY_URL="").ended_with(2).err


def test_wrong_credentials_end_with_exit_4_and_a_gateway_out_of_reach_with_exit_5(quick: Console) -> None:
    for command in (("plan", CAMPAIGN), ("run", CAMPAIGN, "--yes"), ("quota",), ("doctor",)):
        refused = quick(*command, MMSFLOW_CLIENT_SECRET="wrong").ended_with(4)
        assert "MMSFLOW_CLIENT_SECRET" in refused.err + refused.out
    document = quick("plan", CAMPAIGN, "--json", MMSFLOW_GATEWAY_URL="http://127.0.0.1:9").ended_with(5).document
    assert document["exit_code"] == 5
    assert quick("runs", "--json").document["runs"] == []


def test_a_test_message_goes_to_the_handset_alone_and_counts_in_no_history(
    quick: Console, gateway: IndependentGateway
) -> None:
    test = quick("send-test", CAMPAIGN, "--to", "501 102 030", "--yes", "--json").ended_with(0).document
    assert (test["run"], test["test"], test["buckets"]["delivered"]) == ("offer-test-1", True, 1)
    assert gateway.numbers == ["+48501102030"]
    assert gateway.messages[0].fields["subject"] == "Kod K0"
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    assert gateway.numbers == [*numbers(5), "+48501102030"]


def test_a_secret_shows_up_nowhere(quick: Console, workspace: Path) -> None:
    secret = quick.variables["MMSFLOW_CLIENT_SECRET"]
    outputs = [
        quick(*command)
        for command in (
            ("doctor",),
            ("doctor", "--json"),
            ("run", CAMPAIGN, "--yes", "--no-wait"),
            ("status", "--json"),
        )
    ]
    assert all(secret not in done.out + done.err for done in outputs)
    files = [path for path in workspace.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert all(secret.encode() not in path.read_bytes() for path in files)


def test_a_new_workspace_is_checked_and_run_on_the_simulator_as_it_is(quick: Console, tmp_path: Path) -> None:
    here = Console(tmp_path, {"MMSFLOW_SIMULATOR_DELAY": "200ms"}, quick.runner)
    here("init", "fresh").ended_with(0)
    assert "not empty" in here("init", "fresh").ended_with(2).err
    fresh = Console(tmp_path / "fresh", here.variables, quick.runner)
    assert (tmp_path / "fresh/campaigns/campaign.schema.json").read_text("utf-8") == fresh("schema").out
    assert "all good" in fresh("check").ended_with(0).err
    change = tmp_path / "fresh/campaigns/hello.yaml"
    change.write_text(change.read_text("utf-8").replace("until: 60s", "until: 3s"), "utf-8")
    assert fresh("run", "campaigns/hello.yaml", "--yes", "--json").ended_with(0).document["buckets"]["pending"] == 0
    assert "lists/" in (tmp_path / "fresh/.gitignore").read_text("utf-8")


def test_the_schema_beside_the_examples_is_current_and_takes_them(quick: Console) -> None:
    schema = quick("schema").ended_with(0)
    assert (ROOT / "campaigns/campaign.schema.json").read_text("utf-8") == schema.out
    Draft202012Validator.check_schema(schema.document)
    validator = Draft202012Validator(schema.document)
    examples = sorted((ROOT / "campaigns").glob("*.yaml"))
    assert len(examples) >= 3
    for path in examples:
        assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=campaign.schema.json\n")
        validator.validate(json.loads(json.dumps(YAML(typ="safe").load(path), default=str)))


def test_the_examples_of_this_repository_are_valid(quick: Console) -> None:
    document = quick("check", "--json", MMSFLOW_WORKSPACE=str(ROOT)).ended_with(0).document
    assert {each["campaign"] for each in document["campaigns"]} >= {"appointment-reminder", "newsletter", "winter-sale"}


def test_the_simulator_says_how_to_send_to_it_and_shows_what_handsets_got(workspace: Path) -> None:
    process = Console(workspace).start("simulator", "--port", "0", "--preset", "happy", "--quota", "3", "--delay", "0")
    assert process.stdout is not None
    words = [word for _ in range(2) for word in process.stdout.readline().removeprefix("export ").split()]
    variables = dict(word.split("=", 1) for word in words)
    change_campaign(workspace, {"poll:": "quota: {reserve: 1}\npoll:"})
    done = Console(workspace, variables)("run", CAMPAIGN, "--yes", "--no-wait", "--json").ended_with(7)
    assert (done.document["buckets"]["accepted"], done.document["buckets"]["pending"]) == (2, 3)
    with urllib.request.urlopen(f"{variables['MMSFLOW_GATEWAY_URL']}/_simulator/messages") as reply:
        assert [message["number"] for message in json.load(reply)["messages"]] == numbers(2)
    process.send_signal(signal.SIGINT)
    ended(process).ended_with(0)


def test_help_names_every_command_and_the_version_is_told(quick: Console) -> None:
    told = quick("--help").ended_with(0).out
    for name in (*SET_UP, *LOOK, *CARRY_OUT):
        assert f" {name} " in told
        assert f"mmsflow {name}" in quick(name, "--help").ended_with(0).out
    assert quick("--version").ended_with(0).out.startswith("mmsflow 0.")


def test_a_campaign_file_that_is_misspelt_is_named_rightly(quick: Console) -> None:
    assert f"did you mean {CAMPAIGN}?" in quick("plan", "campaigns/ofer.yaml").ended_with(3).err


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_file_that_does_not_exist_is_told_before_anything_else(tmp_path: Path, quick: Console, command: str) -> None:
    assert SCRIPT.is_file()
    lost = Console(tmp_path, {}, quick.runner)
    assert "no such file" in lost(command, "campaigns/nothing.yaml").ended_with(3).err
