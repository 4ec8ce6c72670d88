"""Whose the files beside the ledger must be: a request that its holder cannot read is never heard, and nobody knows."""

from __future__ import annotations

import os
import pwd
import shlex
from pathlib import Path

from mmsflow.errors import LedgerError


def user_name(uid: int) -> str:
    """The name of a user of this system, ``#1000`` where it has none; ``sudo -u`` takes either."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def give_back(folder: Path, uid: int) -> str:
    """The command that makes a folder, with all that is in it, a user's again."""
    return shlex.join(["chown", "-R", user_name(uid).removeprefix("#"), str(folder)])


def not_the_owners(ledger: Path, folder: Path, made: os.stat_result) -> LedgerError | None:
    """What is wrong with something that we have made for the ledger's holder; None where it is the same user's.

    What was made is asked, and not who we are: on some file systems, such as a virtual machine's shared folders,
    everything is one user's.

    Args:
        folder: where it was made.
        made: the file or folder.
    """
    try:
        owner = ledger.stat().st_uid
    except FileNotFoundError:
        return None
    if made.st_uid == owner:
        return None
    name = user_name(owner)
    return LedgerError(
        f"the ledger {ledger} is {name}'s, who could not read what {user_name(made.st_uid)} asks",
        f"Ask as that user: `sudo -u {shlex.quote(name)} mmsflow …`. Should {folder} be another user's, "
        f"`{give_back(folder, owner)}` gives it back.",
        cause="ledger_of_other_user",
    )
