"""``mmsflow backup`` and ``mmsflow restore``: a copy of the ledger that knows that it is one, and putting it back."""

from __future__ import annotations

from pathlib import Path

from mmsflow.cli.output import print_json, say, tell
from mmsflow.cli.progress import copying
from mmsflow.cli.session import Session
from mmsflow.errors import LedgerError
from mmsflow.ledger.backup import Copied, put_back
from mmsflow.wiring import ledger_file, reading_ledger, writing_ledger
from mmsflow.workflow.blocking import NOTHING_DECIDED
from mmsflow.workflow.ledger_check import ledger_blocker


def backup(target: Path, *, move: bool, force: bool, as_json: bool) -> int:
    """Write a copy of the workspace's ledger; returns the exit code."""
    session, target = Session.start(), target.absolute()
    path = ledger_file(session.settings)
    with reading_ledger(session.settings) as reader:
        made = bool(reader.identity())
    if not made:
        raise LedgerError(f"there is no ledger at {path} yet", "The first run makes it.")
    now = session.clock.now()
    with copying("copying", quiet=as_json) as bar:
        if move:
            with writing_ledger(session.settings, session.clock, "backup --move") as ledger:
                copied = ledger.move_out(target, now, replace=force, on_pages=bar)
        else:
            with reading_ledger(session.settings) as reader:
                copied = reader.back_up(target, now, replace=force, on_pages=bar)
    if as_json:
        print_json(_as_json(copied) | {"moved": move})
        return 0
    tell(f"{copied.path}  {_in_words(copied)}")
    if move:
        say(f"the ledger {path} is closed: it never sends again. `mmsflow restore` the file where it is to go on")
    return 0


def restore(copy: Path, *, as_json: bool) -> int:
    """Put a copy back as the workspace's ledger; returns the exit code."""
    session = Session.start()
    path = ledger_file(session.settings)
    with copying("copying", quiet=as_json) as bar:
        copied, aside = put_back(copy.absolute(), path, session.clock.now(), bar)
    with reading_ledger(session.settings) as ledger:
        blocker = ledger_blocker(ledger, NOTHING_DECIDED)
    if as_json:
        kept = {"aside": str(aside) if aside else None, "blocked_by": blocker.as_json() if blocker else None}
        print_json(_as_json(copied) | kept)
        return 0
    tell(f"{copied.path}  {_in_words(copied)}")
    if aside is not None:
        say(f"the ledger that stood there is kept as {aside}")
    if blocker is not None:
        say(f"nothing is sent before you have decided: {blocker.message}")
        say(blocker.fix)
    return 0


def _as_json(copied: Copied) -> dict[str, object]:
    return {
        "path": str(copied.path),
        "runs": copied.runs,
        "unfinished_runs": copied.unfinished,
        "unsent_messages": copied.unsent,
        "size_bytes": copied.size_bytes,
    }


def _in_words(copied: Copied) -> str:
    return (
        f"runs {copied.runs:,}, unfinished {copied.unfinished:,}, messages unsent {copied.unsent:,}, "
        f"{copied.size_bytes / 1e6:.1f} MB"
    )
