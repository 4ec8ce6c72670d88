"""Nobody gets a campaign twice because the account is written in another way; a person decides where it may be another."""

from __future__ import annotations

import json
import shutil
import signal

import pytest

from .console import Console
from .daemons import DAEMON, let_it_be_due, running
from .independent_gateway import ROTATED_ID, IndependentGateway
from .workspace import CAMPAIGN, numbers, write_list

PEOPLE = numbers(20)
RUN = ("run", CAMPAIGN, "--yes", "--json")


def test_a_host_spelled_otherwise_asks_nothing_and_sends_nothing(quick: Console, gateway: IndependentGateway) -> None:
    quick(*RUN).ended_with(0)
    port = gateway.url.rpartition(":")[2]
    for url in (f"HTTP://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/./"):
        done = quick(*RUN, MMSFLOW_GATEWAY_URL=url)
        assert done.code == 6, done.err
        assert "is finished" in done.err
    assert gateway.numbers == numbers(5)


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"MMSFLOW_CLIENT_ID": ROTATED_ID}, "finished"),
        ({"MMSFLOW_ACCOUNT": "main"}, "other_account"),
        ({"MMSFLOW_GATEWAY": "simulator", "MMSFLOW_CLIENT_ID": ROTATED_ID}, "other_account"),
    ],
)
def test_another_client_id_or_account_sends_nothing_before_a_person_has_decided(
    quick: Console, gateway: IndependentGateway, changed: dict[str, str], cause: str
) -> None:
    quick(*RUN).ended_with(0)
    for _ in range(2):
        done = quick(*RUN, **changed).ended_with(6)
        assert done.document["cause"] == cause
    assert gateway.numbers == numbers(5)
    if cause == "other_account":
        assert "orange@127.0.0.1" in done.document["error"]


def test_the_same_account_by_another_name_is_finished_and_a_separate_one_sends_anew(
    quick: Console, gateway: IndependentGateway
) -> None:
    quick(*RUN).ended_with(0)
    old = quick("account", "--json").ended_with(0).document["account"]
    quick("account", "same", old, "main", MMSFLOW_ACCOUNT="main").ended_with(0)
    done = quick(*RUN, MMSFLOW_ACCOUNT="main").ended_with(6)
    assert "is finished" in done.document["error"]
    assert gateway.numbers == numbers(5)
    quick(*RUN, "--separate-account", MMSFLOW_ACCOUNT="second contract").ended_with(0)
    assert gateway.numbers == sorted(numbers(5) * 2)
    quick(*RUN, MMSFLOW_ACCOUNT="second contract").ended_with(6)
    assert gateway.numbers == sorted(numbers(5) * 2)


def test_a_rotated_client_id_is_asked_about_once(quick: Console, gateway: IndependentGateway) -> None:
    quick(*RUN).ended_with(0)
    quick(*RUN, "--rotated-client", MMSFLOW_CLIENT_ID=ROTATED_ID).ended_with(6)
    quick(*RUN, "--again", MMSFLOW_CLIENT_ID=ROTATED_ID).ended_with(0)
    assert gateway.numbers == sorted(numbers(5) * 2)


def test_a_killed_run_goes_on_under_the_account_s_other_name_and_nobody_gets_it_twice(
    console: Console, gateway: IndependentGateway
) -> None:
    gateway.reply_to(0)
    process = console.start(*RUN)
    gateway.wait_for(1)
    process.kill()
    process.communicate()
    gateway.reply_to(float("inf"))
    assert console(*RUN, MMSFLOW_ACCOUNT="main").ended_with(6).document["cause"] == "other_account"
    console(*RUN, "--same-account", MMSFLOW_ACCOUNT="main")
    assert len(gateway.numbers) == len(set(gateway.numbers))


def test_a_daemon_waits_tells_and_follows_the_answer_without_a_restart(
    console: Console, gateway: IndependentGateway
) -> None:
    console(*RUN).ended_with(0)
    old = console("account", "--json").document["account"]
    let_it_be_due(console.folder)
    renamed = Console(console.folder, {**console.variables, "MMSFLOW_ACCOUNT": "main"})
    with running(renamed, *DAEMON) as (process, said):
        told = said.until("notice")
        assert "another account" in told["text"], json.dumps(said.seen)
        assert told["cause"] == "other_account"
        renamed("account", "same", old, "main").ended_with(0)
        assert "has had its one run" in said.until("occurrence_skipped")["reason"]
        process.send_signal(signal.SIGTERM)
        said.until("daemon_stopped")
    assert gateway.numbers == numbers(5)


@pytest.mark.parametrize(
    "url", ["http://LOCALHOST:{}", "HTTP://localhost:{}/", "http://localhost.:{}", "http://localhost:0{}"]
)
def test_a_name_spelled_otherwise_is_one_account(quick: Console, gateway: IndependentGateway, url: str) -> None:
    port = gateway.url.rpartition(":")[2]
    write_list(quick.folder, PEOPLE)
    quick(*RUN, MMSFLOW_GATEWAY_URL=f"http://localhost:{port}").ended_with(0)
    done = quick(*RUN, MMSFLOW_GATEWAY_URL=url.format(port)).ended_with(6)
    assert done.document["cause"] == "finished"
    assert gateway.numbers == PEOPLE


def test_another_name_of_the_host_is_asked_about_and_sends_nothing(quick: Console, gateway: IndependentGateway) -> None:
    write_list(quick.folder, PEOPLE)
    quick(*RUN).ended_with(0)
    other = {"MMSFLOW_GATEWAY_URL": gateway.url.replace("127.0.0.1", "localhost")}
    assert quick(*RUN, **other).ended_with(6).document["cause"] == "other_account"
    planned = quick("plan", CAMPAIGN, "--json", **other).ended_with(0).document
    assert [each["cause"] for each in planned["blocked_by"]] == ["other_account"]
    assert planned["run"]["cause"] == "other_account"
    assert gateway.numbers == PEOPLE


def test_a_named_account_may_move_to_another_address_without_a_question(
    quick: Console, gateway: IndependentGateway
) -> None:
    named = {"MMSFLOW_ACCOUNT": "main"}
    quick(*RUN, **named).ended_with(0)
    moved = {"MMSFLOW_GATEWAY_URL": gateway.url.replace("127.0.0.1", "localhost"), "MMSFLOW_CLIENT_ID": ROTATED_ID}
    assert quick(*RUN, **named, **moved).ended_with(6).document["cause"] == "finished"
    assert gateway.numbers == numbers(5)


def test_the_simulator_and_test_accounts_count_in_no_history(quick: Console, gateway: IndependentGateway) -> None:
    simulated = {"MMSFLOW_GATEWAY": "simulator", "MMSFLOW_GATEWAY_URL": "", "MMSFLOW_SIMULATOR_DELAY": "1s"}
    quick(*RUN, **simulated)
    quick(*RUN, MMSFLOW_ACCOUNT='{name = "staging", test = true}').ended_with(0)
    assert gateway.numbers == numbers(5)
    quick(*RUN).ended_with(0)
    assert gateway.numbers == sorted(numbers(5) * 2)


def test_a_plan_saved_under_the_account_s_other_name_is_carried_out(
    quick: Console, gateway: IndependentGateway
) -> None:
    quick("plan", CAMPAIGN, "--out", "offer.plan").ended_with(0)
    plan = ("run", "offer.plan", "--yes", "--json")
    refused = quick(*plan, MMSFLOW_ACCOUNT="main").ended_with(6)
    assert refused.document["cause"] == "plan_of_other_account"
    old = quick("account", "--json").document["account"]
    quick("account", "same", old, "main").ended_with(0)
    quick(*plan, MMSFLOW_ACCOUNT="main").ended_with(0)
    assert gateway.numbers == numbers(5)


def test_a_killed_run_is_resumed_under_another_name_only_after_an_answer(
    console: Console, gateway: IndependentGateway
) -> None:
    write_list(console.folder, numbers(30))
    gateway.reply_to(4)
    process = console.start(*RUN)
    gateway.wait_for(20)
    process.kill()
    process.communicate()
    gateway.reply_to(float("inf"))
    (name,) = (run["run"] for run in console("runs", "--json").document["runs"])
    resume = ("resume", name, "--yes", "--json")
    assert console(*resume, MMSFLOW_ACCOUNT="main").ended_with(6).document["cause"] == "other_account"
    console(*resume, "--same-account", MMSFLOW_ACCOUNT="main")
    assert gateway.numbers == numbers(30)


def test_a_clone_without_the_ledger_knows_the_accounts_by_marker_and_answers(
    quick: Console, gateway: IndependentGateway
) -> None:
    quick(*RUN).ended_with(0)
    old = quick("account", "--json").document["account"]
    folder = quick.folder.with_name("clone")
    shutil.copytree(quick.folder, folder, ignore=shutil.ignore_patterns(".mmsflow", "reports"))
    clone = Console(folder, {**quick.variables, "MMSFLOW_ACCOUNT": "main"}, quick.runner)
    assert clone(*RUN).ended_with(6).document["cause"] == "other_account"
    clone("account", "same", old, "main").ended_with(0)
    # Who had it is known by the other ledger: that it is one account makes nobody's history.
    assert clone(*RUN).ended_with(6).document["cause"] == "ledger_behind_marker"
    assert gateway.numbers == numbers(5)
    clone(*RUN, "--again").ended_with(0)
    # The marker is the new run's, and that of the earlier name does not block for good.
    assert clone(*RUN).ended_with(6).document["cause"] == "finished"
    assert gateway.numbers == sorted(numbers(5) * 2)


def test_the_answers_of_a_workspace_hold_in_its_clones(quick: Console, gateway: IndependentGateway) -> None:
    quick(*RUN).ended_with(0)
    old = quick("account", "--json").document["account"]
    quick("account", "separate", old, "main").ended_with(0)
    folder = quick.folder.with_name("clone")
    shutil.copytree(quick.folder, folder, ignore=shutil.ignore_patterns(".mmsflow", "reports"))
    clone = Console(folder, {**quick.variables, "MMSFLOW_ACCOUNT": "main"}, quick.runner)
    clone(*RUN).ended_with(0)
    assert gateway.numbers == sorted(numbers(5) * 2)


@pytest.mark.parametrize(
    ("changed", "cause", "answer"),
    [
        ({"MMSFLOW_ACCOUNT": "main"}, "other_account", ("same", "{old}", "main")),
        ({"MMSFLOW_CLIENT_ID": ROTATED_ID}, "client_id_new", ("rotated",)),
    ],
)
def test_a_daemon_goes_on_with_a_killed_run_only_after_the_answer(
    console: Console, gateway: IndependentGateway, changed: dict[str, str], cause: str, answer: tuple[str, ...]
) -> None:
    write_list(console.folder, numbers(30))  # ten of them are unsent
    gateway.reply_to(4)
    process = console.start(*RUN)
    gateway.wait_for(20)
    process.kill()
    process.communicate()
    gateway.reply_to(float("inf"))
    arrived = gateway.numbers
    old = console("account", "--json").document["account"]
    renamed = Console(console.folder, {**console.variables, **changed})
    with running(renamed, *DAEMON) as (process, said):
        told = said.until("notice")
        assert (told["cause"], told["notice"].partition("/")[0]) == (cause, "unfinished")
        assert gateway.numbers == arrived
        renamed("account", *(word.format(old=old) for word in answer)).ended_with(0)
        said.until("run_sent")
        process.send_signal(signal.SIGTERM)
        said.until("daemon_stopped")
    assert gateway.numbers == numbers(30)
    notices = [line["notice"] for line in said.seen if line["event"] == "notice"]
    assert len(notices) == len(set(notices))


def kill_at_the_first_message(console: Console, gateway: IndependentGateway) -> None:
    gateway.reply_to(0)
    process = console.start(*RUN)
    gateway.wait_for(1)
    process.kill()
    process.communicate()
    gateway.reply_to(float("inf"))


def test_a_campaign_renamed_or_copied_after_a_crash_is_refused_until_a_person_means_it(
    console: Console, gateway: IndependentGateway
) -> None:
    kill_at_the_first_message(console, gateway)
    sent = len(gateway.numbers)
    file = console.folder / CAMPAIGN
    text = file.read_text("utf-8")
    file.write_text(text.replace("campaign: offer", "campaign: renamed"), "utf-8")
    assert console(*RUN).ended_with(6).document["cause"] == "same_file_unfinished"
    file.write_text(text, "utf-8")
    copy = "campaigns/copy.yaml"
    (console.folder / copy).write_text(text.replace("campaign: offer", "campaign: copy"), "utf-8")
    assert console("run", copy, "--yes", "--json").ended_with(6).document["cause"] == "same_content_unfinished"
    (console.folder / copy).write_text(text, "utf-8")
    assert console("run", copy, "--yes", "--json").ended_with(6).document["cause"] == "campaign_of_another_file"
    assert len(gateway.numbers) == sent


def test_a_file_that_was_moved_and_a_copy_with_another_message_are_ordinary(
    console: Console, gateway: IndependentGateway
) -> None:
    kill_at_the_first_message(console, gateway)
    text = (console.folder / CAMPAIGN).read_text("utf-8")
    other = text.replace("campaign: offer", "campaign: other").replace("Kod", "Code")
    (console.folder / "campaigns/other.yaml").write_text(other, "utf-8")
    console("run", "campaigns/other.yaml", "--yes", "--json").ended_with(0)
    (console.folder / CAMPAIGN).rename(console.folder / "campaigns/moved.yaml")
    done = console("run", "campaigns/moved.yaml", "--yes", "--json")
    assert "campaign_of_another_file" not in done.out
