"""Has this campaign gone out under another account, and is the client id the one that we know? Then a person is asked.

An account is a name. Where it changes, by a setting, another host or another spelling that is not normalised, the
history of the old name would be forgotten without a word, and everybody would get the campaign once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from mmsflow.account import counts_in, is_test_account
from mmsflow.errors import UsageError
from mmsflow.known_accounts import KnownAccounts, Relation
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import Settings
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.guard import marked_runs


@dataclass(frozen=True, slots=True)
class OtherRun:
    """The newest run of a campaign under one account.

    Attributes:
        account: the account's name.
        run: the run's id.
        known_from: what knows of it, such as ``this ledger``.
    """

    account: str
    run: str
    known_from: str


def runs_elsewhere(ledger: LedgerReader, campaign: str, campaign_file: Path) -> list[OtherRun]:
    """Load a run of a campaign under each account that the ledger, its witnesses or the campaign's marker know.

    A marker that cannot be read counts as empty: ``marker_blocker`` refuses it.
    """
    found = {account: OtherRun(account, run, "this ledger") for account, run in ledger.accounts_of_campaign(campaign)}
    for lost in ledger.lost_runs_of_campaign(campaign):
        found.setdefault(lost.account, OtherRun(lost.account, lost.run, "the witness of this ledger"))
    for other in ledger.replaced():
        for run, progress in other.runs.items():
            if progress.campaign == campaign:
                known_from = "the witness of another ledger in this place"
                found.setdefault(progress.account, OtherRun(progress.account, run, known_from))
    for account, marker in marked_runs(campaign_file, campaign).items():
        mine = ledger.find_run(marker.run) if marker.ledger == ledger.identity() else None
        # The ledger says it better: a marker of an earlier version has a name of its own for the account.
        if mine is None or mine.campaign != campaign:
            found.setdefault(account, OtherRun(account, marker.run, "its marker in campaigns/.runs"))
    return list(found.values())


def unanswered(known: KnownAccounts, account: str, runs: Iterable[OtherRun]) -> list[OtherRun]:
    """List the runs under other accounts about which nobody has said whether they are the same account.

    Test accounts count in no history, save as ``counts_in`` says.
    """
    return [
        other
        for other in runs
        if counts_in(account, other.account) and known.relation(account, other.account) is Relation.UNKNOWN
    ]


def account_blocker(campaign: str, account: str, others: list[OtherRun]) -> Blocker | None:
    """Say that a campaign went out under another account; None where it did not.

    Args:
        account: the one in force.
        others: as ``unanswered`` lists them.
    """
    if not others:
        return None
    first = others[0]
    more = f" (and {len(others) - 1} more: {', '.join(other.account for other in others[1:])})" if others[1:] else ""
    return Blocker(
        "other_account",
        f"{campaign} has a run under another account: {first.run} under {first.account}{more}, as {first.known_from} "
        f"says; the account in force is {account}",
        f"if both are one contract, add --same-account or say `mmsflow account same {quote(first.account)} "
        f"{quote(account)}`: then it goes on, and nobody gets it twice. If it is another contract and everybody is to "
        f"get it anew, add --separate-account or say `mmsflow account separate {quote(first.account)} "
        f"{quote(account)}`. The answer is kept in mmsflow.toml",
    )


def client_blocker(account: str, client: str, seen: set[str], rotated: frozenset[str]) -> Blocker | None:
    """Ask about a client id under an account that nobody has named; None where it is known.

    Args:
        client: fingerprint of the client id in force; empty where it cannot be made.
        seen: those that the account's runs were begun with.
        rotated: those that a person has said to be rotated ones.
    """
    if not client or not seen or client in seen | rotated:
        return None
    return Blocker(
        "client_id_new",
        f"the client id is not one that the account {account} has been used with: rotated, or another contract?",
        "if it was rotated, add --rotated-client or say `mmsflow account rotated`. If it is another contract, give the "
        'account a name of its own: `account = "NAME"` in mmsflow.toml, or MMSFLOW_ACCOUNT',
    )


def account_blockers(ledger: LedgerReader, settings: Settings, campaign: str, campaign_file: Path) -> list[Blocker]:
    """List what a person must say about accounts before a campaign is sent, from the facts as they are now."""
    account = settings.account
    others = unanswered(settings.known_accounts, account, runs_elsewhere(ledger, campaign, campaign_file))
    found = [account_blocker(campaign, account, others)]
    if not settings.is_account_named:
        seen, rotated = ledger.clients_of(account), settings.known_accounts.rotated_clients(account)
        found.append(client_blocker(account, client_of(ledger, settings), seen, rotated))
    return [blocker for blocker in found if blocker is not None]


def refuse_other_account(settings: Settings, run: RunInfo) -> None:
    """Do nothing for a run of the account in force.

    Raises:
        PlanRefused: nobody has said yet whether the run's account is the same one.
        UsageError: it is another one.
    """
    account, known = settings.account, settings.known_accounts
    if settings.is_ours(run.account):
        return
    other = OtherRun(run.account, run.run, "this ledger")
    if blocker := account_blocker(run.campaign, account, unanswered(known, account, [other])):
        raise blocker.as_error()
    raise UsageError(
        f"{run.run} belongs to the account {run.account}, not {account}",
        "set MMSFLOW_GATEWAY, MMSFLOW_GATEWAY_URL and MMSFLOW_ACCOUNT as they were for the run",
        cause="other_account",
    )


def client_of(ledger: LedgerReader, settings: Settings) -> str:
    """Make this ledger's fingerprint of the client id in force; empty for a test account, which keeps no evidence."""
    return "" if is_test_account(settings.account) else ledger.client_fingerprint(settings.client_id)
