"""At a terminal: a question before sending, progress while it goes on, and colours; in a pipe, none of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from .console import Console
from .independent_gateway import IndependentGateway
from .terminals import terminal
from .workspace import CAMPAIGN, add_attachments

ESCAPE = "\x1b["


def test_a_no_at_the_terminal_sends_nothing(console: Console, gateway: IndependentGateway) -> None:
    with terminal(console, "run", CAMPAIGN) as at:
        at.read_until("Send? [y/N]")
        for shown in ("orange@", gateway.url, "5 in 1 wave", "Kod K0", "1000 available, 995 after"):
            assert shown in at.shown
        at.type("n\n")
        assert at.ended() == 6
    assert gateway.messages == []
    assert not (console.folder / "reports").exists()


def test_a_yes_at_the_terminal_sends_with_bars_and_colours_that_a_pipe_does_not_get(
    console: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    with terminal(console, "run", CAMPAIGN) as at:
        at.read_until("Send? [y/N]")
        at.type("y\n")
        assert at.ended() == 0
    assert len(gateway.messages) == 5
    assert "━" in at.shown  # the bars
    assert "5/5" in at.shown
    assert ESCAPE in at.shown
    for command in (("status",), ("run", CAMPAIGN, "--yes")):
        piped = console(*command)
        assert ESCAPE not in piped.out + piped.err


def picture_of(console: Console, **variables: str) -> str:
    with terminal(replace(console, variables={**console.variables, **variables}), "preview", CAMPAIGN) as at:
        assert at.ended() == 0
    return at.shown


@pytest.mark.parametrize(
    ("variables", "sign"), [({"COLORTERM": "truecolor"}, f"{ESCAPE}38;2;"), ({}, f"{ESCAPE}38;5;")]
)
def test_a_preview_at_the_terminal_draws_pictures_in_the_colours_that_it_has(
    console: Console, workspace: Path, variables: dict[str, str], sign: str
) -> None:
    add_attachments(workspace)
    shown = picture_of(console, **variables)
    assert "winter.jpg" in shown
    assert sign in shown
    assert shown.count("▀") > 500


def test_a_preview_draws_no_picture_where_colours_are_not_wanted_or_in_a_pipe(
    console: Console, workspace: Path
) -> None:
    add_attachments(workspace)
    for shown in (
        picture_of(console, COLORTERM="truecolor", NO_COLOR="1"),
        console("preview", CAMPAIGN, COLORTERM="truecolor", TERM="xterm-256color").ended_with(0).out,
    ):
        assert "winter.jpg" in shown
        assert "▀" not in shown
        assert f"{ESCAPE}38" not in shown
