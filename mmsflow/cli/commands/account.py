"""``mmsflow account``: which account is in force, what is known of others, and what a person says about them."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from mmsflow.account import is_test_account
from mmsflow.answers_file import keep_answer
from mmsflow.cli.asking import system_user
from mmsflow.cli.output import can_ask, choose, print_json, say, table, tell, warn
from mmsflow.cli.session import Session
from mmsflow.errors import UsageError
from mmsflow.known_accounts import Relation, RotatedClient, checked_answer
from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import SETTINGS_FILE
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.other_account import account_question, client_of

_ANSWERS = {"list": 0, "same": 2, "separate": 2, "rotated": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSaid:
    """What the options of ``run`` and ``resume`` say about accounts."""

    same: bool = False
    separate: bool = False
    rotated: bool = False

    def __post_init__(self) -> None:
        if self.same and self.separate:
            raise UsageError("--same-account and --separate-account exclude each other", "choose one")


def account(answer: str, names: list[str], *, as_json: bool) -> int:
    """Show what is known, or keep an answer; returns the exit code."""
    if answer not in _ANSWERS:
        near = get_close_matches(answer, _ANSWERS, 1)
        fix = f"did you mean `mmsflow account {near[0]}`?" if near else f"say one of: {', '.join(_ANSWERS)}"
        raise UsageError(f"`mmsflow account` does not know {answer}", fix)
    if len(names) != _ANSWERS[answer]:
        what = "two names, the one of before and the one of now" if _ANSWERS[answer] else "no names"
        raise UsageError(f"`mmsflow account {answer}` takes {what}", "`mmsflow account` lists the names that are known")
    session = Session.start()
    if answer == "rotated":
        with reading_ledger(session.settings) as ledger:
            _keep_rotated(session, ledger)
    elif names:
        _keep(session, names[0], names[1], Relation(answer))
    with reading_ledger(session.settings) as ledger:
        _show(session, ledger, as_json=as_json)
    return 0


def settle_accounts(
    session: Session, ledger: LedgerReader, campaign: str, campaign_file: Path, said: AccountSaid, *, ask: bool
) -> None:
    """Keep what a person says about the accounts that a campaign went out under; on a terminal, ask.

    Args:
        ask: whether a person may be asked.
    """
    settings = session.settings
    question = account_question(ledger, settings, campaign, campaign_file)
    relation = Relation.SAME if said.same else Relation.SEPARATE if said.separate else Relation.UNKNOWN
    if question.others and relation is Relation.UNKNOWN and ask and can_ask():
        say(question.blockers()[0].message)
        relation = {"s": Relation.SAME, "a": Relation.SEPARATE}.get(
            choose("The same account [s], another one and everybody gets it anew [a], or stop [N]?"), Relation.UNKNOWN
        )
    if relation is not Relation.UNKNOWN:
        for other in question.others:
            _keep(session, other.account, settings.account, relation)
    if said.rotated:
        _keep_rotated(session, ledger)


def _keep(session: Session, old: str, new: str, relation: Relation) -> None:
    try:
        answer = checked_answer(old, new, relation, system_user())
    except ValueError as error:
        raise UsageError(f"the answer {error}", "`mmsflow account` lists the names that are known") from None
    keep_answer(session.workspace / SETTINGS_FILE, answer)
    what = "are the same account" if relation is Relation.SAME else "are separate accounts"
    say(f"{old} and {new} {what}; {SETTINGS_FILE} says so from now on")


def _keep_rotated(session: Session, ledger: LedgerReader) -> None:
    client = client_of(ledger, session.settings)
    if not client:
        raise UsageError(
            "there is no client id to remember", "set MMSFLOW_CLIENT_ID; a ledger without a run asks nothing"
        )
    keep_answer(session.workspace / SETTINGS_FILE, RotatedClient(session.settings.account, client, system_user()))
    say(f"the client id in force belongs to {session.settings.account}; {SETTINGS_FILE} says so from now on")


def _show(session: Session, ledger: LedgerReader, *, as_json: bool) -> None:
    settings, known = session.settings, session.settings.known_accounts
    rows = []
    for name, count in sorted(_names(session, ledger).items()):
        relation = known.relation(settings.account, name)
        shown = "in force" if name == settings.account else "test" if is_test_account(name) else relation.value
        rows.append({"account": name, "relation": shown, "runs": count})
    if as_json:
        print_json({"account": settings.account, "named": settings.is_account_named, "accounts": rows})
        return
    tell(table([tuple(row.values()) for row in rows], ("account", "to the one in force", "runs")))
    if unknown := [str(row["account"]) for row in rows if row["relation"] == Relation.UNKNOWN.value]:
        warn(f"nobody has said yet whether {', '.join(unknown)} is the account in force")


def _names(session: Session, ledger: LedgerReader) -> dict[str, int]:
    """Every name that settings, answers or ledger know, with its runs in this ledger, tests left out."""
    found = {session.settings.account: 0}
    for each in session.settings.known_accounts.answers:
        found |= {each.old: 0, each.new: 0}
    return found | ledger.accounts()
