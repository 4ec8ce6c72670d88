"""What fails after the first failure never hides it: exit code, text, cause, table and document stay."""

from __future__ import annotations

import resource
import signal
import subprocess
from pathlib import Path

import pytest

from .console import SCRIPT, Console, Done, environment_with
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, write_list

RUN = ("run", CAMPAIGN, "--yes")


def in_the_way(workspace: Path) -> None:
    """No report can be written, whoever tries: a file stands where its folder belongs."""
    (workspace / "reports").write_text("in the way")


def test_a_report_that_cannot_be_written_hides_neither_why_nothing_was_sent_nor_the_table(
    quick: Console, workspace: Path
) -> None:
    quick(*RUN).ended_with(0)
    told = quick(*RUN)
    for path in sorted((workspace / "reports").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (workspace / "reports").rmdir()
    in_the_way(workspace)
    again = quick(*RUN).ended_with(told.code)
    assert told.code
    assert again.out == told.out
    first = [line for line in told.err.splitlines() if "error" in line]
    assert first
    assert all(line in again.err for line in first)
    assert "the report cannot be written" in again.err
    document = quick(*RUN, "--json").ended_with(told.code).document
    assert document["exit_code"] == told.code
    assert document["buckets"]
    assert [each["cause"] for each in document["also"]] == ["report_folder"]
    assert document["cause"] not in {"", "report_folder"}


def test_where_all_went_well_the_report_decides(quick: Console, workspace: Path) -> None:
    in_the_way(workspace)
    done = quick(*RUN, "--json").ended_with(2)
    assert done.document["cause"] == "report_folder"
    assert done.document["state"] == "done"
    assert "also" not in done.document


def test_refused_credentials_stay_the_answer_where_the_report_fails_too(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    in_the_way(workspace)
    done = quick(*RUN, "--json", MMSFLOW_CLIENT_SECRET="another-secret-by-now").ended_with(4)
    assert done.document["cause"]
    assert gateway.messages == []


def piped(console: Console, *arguments: str, stdout: str = "", stderr: str = "") -> Done:
    """The script with stdout or stderr on a full device, or stdout on a pipe that nobody reads."""
    with Path(stdout or "/dev/null").open("w") as out, Path(stderr or "/dev/null").open("w") as err:
        process = subprocess.run(
            [SCRIPT, *arguments],
            cwd=console.folder,
            env=environment_with(console.variables),
            stdin=subprocess.DEVNULL,
            stdout=out if stdout else subprocess.PIPE,
            stderr=err if stderr else subprocess.PIPE,
            check=False,
            encoding="utf-8",
            timeout=180,
        )
    return Done(process.returncode, process.stdout or "", process.stderr or "")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_full_stdout_keeps_the_code_of_what_failed_and_decides_where_nothing_did(
    console: Console, workspace: Path, gateway: IndependentGateway, form: tuple[str, ...]
) -> None:
    sent = piped(console, *RUN, *form, stdout="/dev/full").ended_with(1)
    assert "cannot be written" in sent.err
    assert "Traceback" not in sent.err
    assert len(gateway.messages) == 5
    refused = piped(console, *RUN, *form, stdout="/dev/full")
    assert refused.code == 6
    assert "Traceback" not in refused.err
    assert "is finished" in refused.err


def test_a_full_stderr_stops_nothing(console: Console, workspace: Path, gateway: IndependentGateway) -> None:
    piped(console, *RUN, stderr="/dev/full").ended_with(0)
    assert len(gateway.messages) == 5
    piped(console, *RUN, stderr="/dev/full").ended_with(6)


def test_a_pipe_that_nobody_reads_keeps_the_code(console: Console, workspace: Path) -> None:
    console(*RUN).ended_with(0)
    for form in ((), ("--json",)):
        process = console.start(*RUN, *form)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        assert process.wait(180) == 6, err
        assert "Traceback" not in err
        assert "Exception ignored" not in err


def test_a_disk_without_room_for_the_report_keeps_the_refusal(console: Console, workspace: Path) -> None:
    write_list(workspace, numbers(700))
    change_campaign(workspace, {"poll: {until: 3s}": "delivery_report: false"})
    console(*RUN).ended_with(0)

    def little() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        [SCRIPT, *RUN, "--json"],
        cwd=workspace,
        env=environment_with(console.variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        preexec_fn=little,
        check=False,
        encoding="utf-8",
        timeout=180,
    )
    result = Done(done.returncode, done.stdout, done.stderr).ended_with(6)
    assert {each["cause"] for each in result.document["also"]} <= {"report_not_written", "report_incomplete"}
    assert result.document["also"]
    assert not list((workspace / "reports").rglob(".*.draft")), result.err


def test_what_commands_and_paused_runs_refuse_has_a_word(quick: Console, workspace: Path) -> None:
    assert quick("status", "nobody", "--json").ended_with(2).document["cause"] == "unknown_run"
    assert quick("run", CAMPAIGN, "--json").ended_with(2).document["cause"] == "nobody_to_ask"
    assert quick(*RUN, "--max", "2", "--json").ended_with(6).document["cause"] == "more_than_max"
    run = quick(*RUN, "--json").ended_with(0).document
    assert run["cause"] == ""
    assert quick(*RUN, "--json").ended_with(6).document["cause"] == "finished"
    assert quick("cancel", run["run"], "--yes", "--json").ended_with(6).document["cause"] == "nothing_left"
    shown = quick("status", run["run"], "--json").ended_with(0).document["runs"][0]
    assert shown["cause"] == ""


def test_a_run_that_stops_itself_keeps_the_word_in_its_status(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    quick("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    write_list(workspace, numbers(9))
    done = quick("run", CAMPAIGN, "--yes", "--top-up", "--json", MMSFLOW_CLIENT_SECRET="not-the-secret").ended_with(4)
    assert done.document["cause"] == "credentials_refused"
