"""What reaches a terminal: texts of lists and gateways must not steer it."""

from __future__ import annotations

import pytest

from mmsflow.cli.output import say, tell


@pytest.mark.parametrize("steering", ["\033[2J", "\033]0;title\007", "\x9b31m", "\r", "\x08", "\u202egpj.exe", "\x7f"])
def test_a_control_character_of_a_cell_does_not_reach_the_terminal(
    steering: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(f"Ola {steering}")
    say(f"Ola {steering}")

    out, err = capsys.readouterr()
    assert steering[0] not in out + err
    assert out.startswith("Ola ·")


def test_lines_tabs_and_polish_letters_stay(capsys: pytest.CaptureFixture[str]) -> None:
    tell("Zażółć\tgęślą\njaźń")

    assert capsys.readouterr().out == "Zażółć\tgęślą\njaźń\n"
