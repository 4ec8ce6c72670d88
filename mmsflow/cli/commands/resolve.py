"""``mmsflow resolve``: the messages that were maybe sent, and what a person decides about them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mmsflow.cli.asking import ask_first, system_user
from mmsflow.cli.commands.control import request, show
from mmsflow.cli.output import can_ask, paint, print_json, say, tell
from mmsflow.cli.session import Session
from mmsflow.ledger.maybe_sent import MaybeSent
from mmsflow.ledger.model import Event, RunInfo
from mmsflow.ledger.requests import Action, Request
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.msisdn import mask_in_text, mask_msisdn
from mmsflow.mms.status import MessageState
from mmsflow.report.moments import zone_of
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.history import find_run, iso
from mmsflow.workflow.resolve import choose, doubts_as_json, evidence_of, refuse_resend

_FATES = {
    MessageState.UNDETERMINED: "will count as sent, for good",
    MessageState.NOT_SENT: "will count as not sent, for good",
    MessageState.READY: "will be sent once more: those who have got it already get it twice",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the person says of numbers; several may stand in a text, with commas between."""

    sent: Sequence[str] = ()
    not_sent: Sequence[str] = ()
    resend: Sequence[str] = ()


def resolve(run: str, said: Said, *, yes: bool, show_numbers: bool, as_json: bool) -> int:
    """List what was maybe sent, or settle it; returns the exit code."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        found = find_run(ledger, run)
        if not (said.sent or said.not_sent or said.resend):
            _list(ledger, found, show_numbers=show_numbers, as_json=as_json)
            return 0
        decisions = choose(ledger, found, sent=said.sent, not_sent=said.not_sent, resend=said.resend)
    counts = Counter(decision.state for decision in decisions)
    again = counts[MessageState.READY]
    if again:
        refuse_resend(found, session.clock.now())
    _confirm(counts, yes=yes)
    done = request(session, Request(found.run, Action.RESOLVE, session.clock.now(), decisions, who=system_user()))
    code = show(session, found, done, as_json=as_json)
    if again and not done.live:
        say(f"`mmsflow resume {found.run}` sends them now")
    return code


def _confirm(counts: Counter[MessageState], *, yes: bool) -> None:
    """Say what becomes of how many, and ask.

    Only a second message wants a yes in any case: where nobody can be asked, what is said of the others holds.

    Raises:
        UsageError: there is nobody to ask whether to send again, and ``--yes`` was not given.
        PlanRefused: the person said no.
    """
    for state, fate in _FATES.items():
        if counts[state]:
            noun = "message that was" if counts[state] == 1 else "messages that were"
            say(f"{counts[state]} {noun} maybe sent {fate}")
    again = counts[MessageState.READY]
    if not counts or not (again or can_ask()):
        return
    question = "Send again?" if again == counts.total() else "Settle them so?"
    ask_first(question, yes=yes, done="send them once more", declined="nothing was changed, as you said")


def _list(ledger: LedgerReader, run: RunInfo, *, show_numbers: bool, as_json: bool) -> None:
    if run.purged_at is not None and not as_json:
        tell(f"the personal data of {run.run} were removed: nothing of it can be settled any more")
        return
    doubts = ledger.maybe_sent(run.key, evidence=True) if run.purged_at is None else iter(())
    if as_json:
        print_json(doubts_as_json(run, doubts, show_numbers=show_numbers))
        return
    count = 0
    for each in doubts:
        count += 1
        tell(_tell(run, each, show_numbers=show_numbers))
    if not count:
        tell(f"no message of {run.run} is in doubt")
        return
    tell(f"{count} of {run.rows} rows in {run.run} were maybe sent")
    say("say what became of them with --sent, --not-sent or --resend, each with numbers or `all`")


def _tell(run: RunInfo, each: MaybeSent, *, show_numbers: bool) -> str:
    zone = zone_of(run.config)
    number = each.number if show_numbers else mask_msisdn(each.number)
    lines = [paint(f"{number}  {each.source} row {each.row}", "strong", sys.stdout)]
    if each.subject:
        lines.append(f"  subject: {each.subject if show_numbers else mask_in_text(each.subject, each.number)}")

    def told(event: Event) -> list[str]:
        why = f": {event.reason if show_numbers else mask_in_text(event.reason, each.number)}" if event.reason else ""
        step = f"  {iso(event.at, zone)}  {event.old} → {event.new} (attempt {event.attempt}){why}"
        facts = evidence_of(event, "" if show_numbers else each.number)
        return [step, *(f"      {name}: {fact}" for name, fact in facts.items())]

    for event in each.events:
        lines += told(event)
    return "\n".join(lines) + "\n"
