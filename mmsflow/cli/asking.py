"""Asking a person before something that cannot be taken back."""

from __future__ import annotations

import getpass
import sys

from mmsflow.cli.output import can_ask, confirm
from mmsflow.errors import PlanRefused, UsageError
from mmsflow.workflow.approving import shown_name


def system_user() -> str:
    """The system's user, who is taken to have given a command; empty where the system does not say."""
    try:
        return shown_name(getpass.getuser())
    except (OSError, KeyError):
        return ""


def ask_first(question: str, *, yes: bool, done: str, declined: str) -> None:
    """Ask, unless ``yes`` says that the answer is known.

    Args:
        question: without the list of answers.
        done: what ``--yes`` would do, for where nobody can be asked.
        declined: what a no means.

    Raises:
        UsageError: there is no terminal to ask on.
        PlanRefused: the person said no.
    """
    if yes:
        return
    if not can_ask():
        raise UsageError("there is no terminal to ask on", f"add --yes to {done} without asking", cause="nobody_to_ask")
    sys.stderr.flush()
    if not confirm(question):
        raise PlanRefused(declined, cause="declined")
