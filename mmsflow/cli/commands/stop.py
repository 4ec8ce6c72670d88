"""``mmsflow stop --all`` and ``mmsflow start --all``: the brake on everything that sends from this ledger."""

from __future__ import annotations

import asyncio

from mmsflow.cli.asking import ask_first, system_user
from mmsflow.cli.output import print_json, say, tell, warn
from mmsflow.cli.session import Session
from mmsflow.errors import LedgerError, RunUnfinished, UsageError
from mmsflow.ledger.store import LedgerReader
from mmsflow.wiring import ledger_file, reading_ledger, writing_ledger
from mmsflow.workflow.standing import has_unsent
from mmsflow.workflow.stopping import Stopped, described, start_all, stop_all, stop_of


def stop(*, everything: bool, why: str, as_json: bool) -> int:
    """Stop all sending; returns the exit code: 0 when nothing is on the wire any more, else 7."""
    _only_all(everything, "`mmsflow pause RUN` stops one run")
    session = Session.start()
    ledger = ledger_file(session.settings)
    done = asyncio.run(stop_all(ledger, system_user(), why, session.clock))
    text, advice = _what_became(done)
    if as_json:
        holder = {"pid": done.holder.pid, "host": done.holder.host} if done.holder else None
        facts = {"stopped": done.stop.as_json(), "anew": done.anew, "holder": holder}
        print_json(facts | {"on_wire": done.on_wire, "settled": done.is_settled, "answer": text})
    else:
        stands = "" if done.anew else "already: "
        tell(f"{stands}{described(done.stop, session.settings.quota_timezone)}")
        tell(text)
        say(advice or "`mmsflow start --all` lets sending go on; delivery reports are still followed")
    if done.stop.trouble:
        warn(f"sending is stopped, but who and why is not kept: {done.stop.trouble}")
    return 0 if done.is_settled else RunUnfinished.exit_code


def start(*, everything: bool, yes: bool, as_json: bool) -> int:
    """Let sending go on; returns the exit code."""
    _only_all(everything, "`mmsflow resume RUN` lets one run go on")
    session = Session.start()
    settings, ledger = session.settings, ledger_file(session.settings)
    before = stop_of(ledger)
    if before is not None:
        say(described(before, settings.quota_timezone))
        ask_first("Let sending go on?", yes=yes, done="let sending go on", declined="everything stays stopped")
    lifted = start_all(ledger, lambda: writing_ledger(settings, session.clock, "start --all"))
    text, left = "sending may go on" if lifted else "nothing was stopped", []
    try:
        with reading_ledger(settings) as reader:
            held = reader.holder() is not None
            left = [] if held else _left(reader)
    except LedgerError as error:  # sending may go on all the same
        warn(error.message)
    if as_json:
        print_json({"lifted": lifted, "stopped": before.as_json() if before else None, "unfinished": left})
        return 0
    tell(text)
    if lifted and left:
        say(f"no process carries these runs out: {', '.join(left)}; `mmsflow resume RUN` goes on with one of them")
    return 0


def _only_all(everything: bool, one: str) -> None:
    if not everything:
        raise UsageError("say what is meant: everything that sends from this ledger", f"add --all; {one}")


def _what_became(done: Stopped) -> tuple[str, str]:
    """What is known of the process that sends, and what can be done where that is not enough."""
    if done.holder is None:
        return "no process sends from this ledger", ""
    who = f"process {done.holder.pid} on {done.holder.host}"
    if not done.answer:
        text = f"{who} does not answer: what it had begun may still go out; it looks at the stop file before each claim"
        return text, f"look whether it still runs; should it hang, end it with `kill {done.holder.pid}`"
    if done.on_wire:
        return f"{who} has heard it: {done.answer}", "run the same command again to see whether they have come in"
    return f"{who} has heard it: {done.answer}", ""


def _left(ledger: LedgerReader) -> list[str]:
    return [run.run for run in ledger.runs(unfinished=True) if not run.test and has_unsent(ledger, run)]
