"""Mistakes of the person: all of a file at once, each with its place and a way out; never a traceback."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .console import Console
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, add_attachments, change_campaign, write_list

SIX_MISTAKES = """\
version: 1
campaign: offer
purpose: transactional
sendr: ACME
recipients:
  - csv: lists/people.csv
  - csv: lists/nobody.csv
message:
  subject: "{{ kode }}, {{ code"
  attachments:
    - file: media/none.jpg
    - text: templates/none.txt.j2
priority: Urgent
rate: fast
"""


def located(console: Console, *command: str) -> list[tuple[str, int, int]]:
    """Where the errors are that a command tells as JSON, after making sure that each has a message and a way out."""
    errors = console(*command, "--json").ended_with(3).document["errors"]
    for error in errors:
        assert set(error) == {"file", "line", "column", "message", "fix"}
        assert error["message"]
        assert error["fix"]
    return [(error["file"], error["line"], error["column"]) for error in errors]


def test_different_mistakes_in_one_file_are_as_many_located_messages_in_one_go(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    (workspace / CAMPAIGN).write_text(SIX_MISTAKES, "utf-8")
    expected = [(4, 1), (7, 10), (9, 12), (11, 13), (12, 13), (13, 11), (14, 7)]
    places = located(quick, "check")
    assert places == [(CAMPAIGN, *place) for place in expected]
    told = quick("check", CAMPAIGN).ended_with(3).err
    for line, column in expected:
        assert f"{CAMPAIGN}:{line}:{column}  error  " in told
    assert "did you mean `sender`?" in told
    for command in ("preview", "plan", "run", "send-test"):
        assert located(quick, command, CAMPAIGN) == places
    assert gateway.messages == []


def test_an_unknown_variable_is_told_beside_a_missing_picture_and_a_wrong_key(quick: Console, workspace: Path) -> None:
    change_campaign(workspace, {'{{ code }}"': '{{ kode }}"\n  attachments: [{file: media/none.jpg}]', "poll:": "pol:"})
    assert (located(quick, "check", CAMPAIGN)) == [(CAMPAIGN, 8, 12), (CAMPAIGN, 9, 24), (CAMPAIGN, 10, 1)]


def test_a_wrong_attachment_leaves_the_others_at_their_places(quick: Console, workspace: Path) -> None:
    attachments = "  attachments:\n    - fiel: a.jpg\n    - file: media/none.jpg\n    - text: templates/none.txt.j2\n"
    change_campaign(workspace, {"poll:": f"{attachments}poll:"})
    assert located(quick, "check", CAMPAIGN) == [(CAMPAIGN, 10, 7), (CAMPAIGN, 11, 13), (CAMPAIGN, 12, 13)]


def test_a_source_that_is_wrong_makes_no_false_alarm_about_columns_and_consent(quick: Console, workspace: Path) -> None:
    change_campaign(
        workspace, {"csv: lists": "cvs: lists", "message:": 'consent: {column: agreed, accept: ["yes"]}\nmessage:'}
    )
    assert located(quick, "check", CAMPAIGN) == [(CAMPAIGN, 6, 5)]


def binary_campaign(folder: Path) -> None:
    (folder / CAMPAIGN).write_bytes(bytes(range(256)) * 8)


def empty_campaign(folder: Path) -> None:
    (folder / CAMPAIGN).write_text("")


def list_instead_of_a_campaign(folder: Path) -> None:
    (folder / CAMPAIGN).write_text("- 1\n- 2\n")


def folder_instead_of_a_campaign(folder: Path) -> None:
    (folder / CAMPAIGN).unlink()
    (folder / CAMPAIGN).mkdir()


def missing_campaign(folder: Path) -> None:
    (folder / CAMPAIGN).unlink()


def pipe_instead_of_a_campaign(folder: Path) -> None:
    (folder / CAMPAIGN).unlink()
    os.mkfifo(folder / CAMPAIGN)


def yaml_bomb(folder: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for old, new in zip("abcdefg", "bcdefgh", strict=True):
        bomb += f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    (folder / CAMPAIGN).write_text(bomb)


def deep_campaign(folder: Path) -> None:
    (folder / CAMPAIGN).write_text("[" * 100_000)


def huge_number(folder: Path) -> None:
    change_campaign(folder, {"version: 1": f"version: {'9' * 6000}"})


def duration_beyond_the_calendar(folder: Path) -> None:
    change_campaign(folder, {"until: 3s": f"until: {'9' * 30}d"})


def list_with_a_nul(folder: Path) -> None:
    (folder / "lists/people.csv").write_bytes(b"number,code\n+48501000000,a\0b\n\0\0\0\n")


def list_of_random_bytes(folder: Path) -> None:
    (folder / "lists/people.csv").write_bytes(b"\x81\xfe\xff\x00" * 999)


def empty_list(folder: Path) -> None:
    (folder / "lists/people.csv").write_text("")


def list_without_the_column(folder: Path) -> None:
    (folder / "lists/people.csv").write_text("name,code\nOla,K1\n")


def list_without_a_valid_row(folder: Path) -> None:
    write_list(folder, ["brak", "112"])


def list_out_of_the_workspace(folder: Path) -> None:
    change_campaign(folder, {"lists/people.csv": "../../../../etc/passwd"})


def link_out_of_the_workspace(folder: Path) -> None:
    (folder / "lists/people.csv").unlink()
    (folder / "lists/people.csv").symlink_to("/etc/passwd")


def template_syntax(folder: Path) -> None:
    change_campaign(folder, {"{{ code }}": "{% if code %}"})


def unknown_variable(folder: Path) -> None:
    change_campaign(folder, {"{{ code }}": "{{ kode }}"})


def endless_template(folder: Path) -> None:
    change_campaign(folder, {"{{ code }}": "{{ 'a' * 99999999999 }}"})


def template_that_divides_by_zero(folder: Path) -> None:
    change_campaign(folder, {"{{ code }}": "{{ 1 / 0 }}"})


def missing_template(folder: Path) -> None:
    add_attachments(folder)
    (folder / "templates/offer.txt.j2").unlink()


def missing_picture(folder: Path) -> None:
    add_attachments(folder)
    (folder / "media/winter.jpg").unlink()


def picture_too_large(folder: Path) -> None:
    picture = add_attachments(folder)
    (folder / "media/winter.jpg").write_bytes(picture + bytes(300_000))
    change_campaign(folder, {"- file: media/winter.jpg": "- {file: media/winter.jpg, fit: false}"})


def text_named_as_a_picture(folder: Path) -> None:
    add_attachments(folder)
    (folder / "media/winter.jpg").write_text("no picture")


def device_as_a_picture(folder: Path) -> None:
    add_attachments(folder)
    (folder / "media/winter.jpg").unlink()
    (folder / "media/winter.jpg").symlink_to("/dev/zero")


def broken_settings(folder: Path) -> None:
    (folder / "mmsflow.toml").write_bytes(b"gateway = \xff\n[[[")


def settings_with_wrong_values(folder: Path) -> None:
    (folder / "mmsflow.toml").write_text('in_flight = "many"\ngatway = "orange"\n')


def settings_folder(folder: Path) -> None:
    (folder / "mmsflow.toml").unlink()
    (folder / "mmsflow.toml").mkdir()


IN_FILES: list[Callable[[Path], None]] = [
    binary_campaign,
    empty_campaign,
    list_instead_of_a_campaign,
    folder_instead_of_a_campaign,
    missing_campaign,
    pipe_instead_of_a_campaign,
    yaml_bomb,
    deep_campaign,
    huge_number,
    duration_beyond_the_calendar,
    list_with_a_nul,
    list_of_random_bytes,
    empty_list,
    list_without_the_column,
    list_without_a_valid_row,
    list_out_of_the_workspace,
    link_out_of_the_workspace,
    template_syntax,
    unknown_variable,
    endless_template,
    template_that_divides_by_zero,
    missing_template,
    missing_picture,
    picture_too_large,
    text_named_as_a_picture,
    device_as_a_picture,
    broken_settings,
    settings_with_wrong_values,
]
COMMANDS = (
    ("check", CAMPAIGN),
    ("preview", CAMPAIGN),
    ("plan", CAMPAIGN),
    ("run", CAMPAIGN, "--yes"),
    ("send-test", CAMPAIGN, "--to", "+48501102030", "--yes"),
)


@pytest.mark.parametrize("spoil", IN_FILES, ids=lambda spoil: spoil.__name__)
def test_what_is_wrong_in_a_file_is_told_by_every_command_with_exit_3_and_nothing_is_sent(
    quick: Console, workspace: Path, gateway: IndependentGateway, spoil: Callable[[Path], None]
) -> None:
    spoil(workspace)
    for command in COMMANDS:
        done = quick(*command).ended_with(3)
        assert "error" in done.err
        assert "Traceback" not in done.out + done.err
    assert gateway.messages == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MMSFLOW_GATEWAY", "orang"),
        ("MMSFLOW_GATEWAY_URL", "http://gateway.example"),
        ("MMSFLOW_GATEWAY_URL", "http://127.0.0.1:notaport"),
        ("MMSFLOW_IN_FLIGHT", "0"),
        ("MMSFLOW_TOTAL_DEADLINE", "soon"),
        ("MMSFLOW_QUOTA_TIMEZONE", "../../etc/passwd"),
        ("MMSFLOW_WORKSPACE", "/nowhere"),
        ("MMSFLOW_CLIENT_SECRET_FILE", "/nowhere"),
        ("MMSFLOW_LEDGER", "oracle://x"),
        ("MMSFLOW_CA_FILE", "/nowhere"),
    ],
)
def test_a_setting_that_cannot_be_used_is_wrong_usage_that_names_it(
    quick: Console, gateway: IndependentGateway, name: str, value: str
) -> None:
    variables = {name: value} | ({"MMSFLOW_CLIENT_SECRET": ""} if name.endswith("_FILE") else {})
    for command in (("plan", CAMPAIGN), ("run", CAMPAIGN, "--yes"), ("status",), ("doctor",)):
        done = quick(*command, **variables)
        assert done.code in {0, 2}, (command, done)
        assert "Traceback" not in done.out + done.err
    assert quick("run", CAMPAIGN, "--yes", **variables).ended_with(2).err
    assert gateway.messages == []


def garbage(folder: Path) -> None:
    (folder / ".mmsflow/ledger.db").write_bytes(b"not a database " * 999)


def a_folder(folder: Path) -> None:
    (folder / ".mmsflow/ledger.db").mkdir()


def below_a_file(folder: Path) -> None:
    (folder / ".mmsflow").rmdir()
    (folder / ".mmsflow").touch()


def a_device(folder: Path) -> None:
    (folder / ".mmsflow/ledger.db").symlink_to("/dev/full")


@pytest.mark.parametrize("spoil", [garbage, a_folder, below_a_file, a_device], ids=lambda spoil: spoil.__name__)
def test_a_ledger_that_cannot_be_used_stops_before_anything_is_sent_and_names_itself(
    quick: Console, workspace: Path, gateway: IndependentGateway, spoil: Callable[[Path], None]
) -> None:
    (workspace / ".mmsflow").mkdir()
    spoil(workspace)
    done = quick("run", CAMPAIGN, "--yes")
    assert done.code not in {0, 130}
    assert ".mmsflow" in done.err
    assert "fix" in done.err
    assert gateway.messages == []
    for command in (("status",), ("runs",), ("why", "501102030"), ("report", "offer-1"), ("doctor",)):
        done = quick(*command)
        assert "unforeseen" not in done.err, command
        assert "Traceback" not in done.out + done.err


@pytest.mark.parametrize("text", ["{", "{}", '{"format": "mmsflow-plan/1"}', '{"format": 7}', "{" * 50_000])
def test_garbage_in_place_of_a_saved_plan_is_told_with_exit_3(quick: Console, workspace: Path, text: str) -> None:
    (workspace / "offer.plan").write_text(text)
    done = quick("run", "offer.plan", "--yes").ended_with(3)
    assert "offer.plan" in done.err
    assert "Traceback" not in done.err


def test_wrong_usage_is_explained_with_exit_2(quick: Console) -> None:
    for command in (
        ("frobnicate",),
        ("run",),
        ("run", CAMPAIGN, "--max", "0"),
        ("run", CAMPAIGN, "--top-up", "--again"),
        ("status", "no-such-run"),
        ("report", "no-such-run"),
        ("poll", "no-such-run"),
        ("why", "hello"),
        ("send-test", CAMPAIGN),
        ("send-test", CAMPAIGN, "--to", "112", "--yes"),
        ("preview", CAMPAIGN, "--to", "22 621 00 00"),
        ("simulator", "--preset", "kind"),
    ):
        done = quick(*command).ended_with(2)
        assert done.err.startswith("error"), (command, done)
