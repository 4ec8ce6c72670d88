"""Has this campaign gone out under another account, and is the client id the one that we know? Then a person is asked.

An account is a name. Where it changes, by a setting, another host or another spelling that is not normalised, the
history of the old name would be forgotten without a word, and everybody would get the campaign once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from mmsflow.account import counts_in, is_test_account
from mmsflow.answers_file import keep_answer
from mmsflow.errors import PlanRefused, UsageError
from mmsflow.known_accounts import Answer, KnownAccounts, Relation, RotatedClient, checked_answer
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import SETTINGS_FILE, Settings
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


@dataclass(frozen=True, slots=True)
class AccountQuestion:
    """What a person must say about accounts before a campaign is sent.

    Attributes:
        campaign: that is to be sent.
        account: in force.
        others: runs under accounts about which nobody has said anything.
        client: fingerprint of a client id that the account has not been used with; empty where it has.
    """

    campaign: str
    account: str
    others: tuple[OtherRun, ...]
    client: str

    @property
    def digest(self) -> str:
        """Of what is asked, so that an answer is to the question that somebody saw."""
        asked = [self.account, self.client, *sorted(other.account for other in self.others)]
        return hashlib.sha256("\n".join(asked).encode("utf-8")).hexdigest()

    def blockers(self) -> list[Blocker]:
        """List what blocks until it is answered; empty where nothing is asked."""
        found = [account_blocker(self.campaign, self.account, self.others), _client_blocker(self.account, self.client)]
        return [blocker for blocker in found if blocker is not None]

    def answers(self, said: str, who: str) -> list[Answer | RotatedClient]:
        """Make what is to be kept of a person's answer.

        Args:
            said: ``same`` or ``separate`` about the other accounts, ``rotated`` about the client id.

        Returns:
            Empty where that answers nothing of what is asked.
        """
        if said == "rotated":
            return [RotatedClient(self.account, self.client, who)] if self.client else []
        if said not in (Relation.SAME.value, Relation.SEPARATE.value):
            return []
        return [checked_answer(other.account, self.account, Relation(said), who) for other in self.others]


def account_question(ledger: LedgerReader, settings: Settings, campaign: str, campaign_file: Path) -> AccountQuestion:
    """Load what is to be asked about accounts, from the facts as they are now."""
    account, known = settings.account, settings.known_accounts
    others = unanswered(known, account, runs_elsewhere(ledger, campaign, campaign_file))
    client = client_of(ledger, settings)
    if settings.is_account_named or not is_client_new(
        client, ledger.clients_of(account), known.rotated_clients(account)
    ):
        client = ""
    return AccountQuestion(campaign, account, tuple(others), client)


def account_blocker(campaign: str, account: str, others: Sequence[OtherRun]) -> Blocker | None:
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


def is_client_new(client: str, seen: Collection[str], rotated: Collection[str]) -> bool:
    """Whether a person is to be asked about a client id.

    Args:
        client: fingerprint of the client id in force; empty where it cannot be made.
        seen: those that the account's runs were begun with; where there are none, nothing is asked.
        rotated: those that a person has said to be rotated ones.
    """
    return bool(client and seen) and client not in seen and client not in rotated


def _client_blocker(account: str, client: str) -> Blocker | None:
    if not client:
        return None
    return Blocker(
        "client_id_new",
        f"the client id is not one that the account {account} has been used with: rotated, or another contract?",
        "if it was rotated, add --rotated-client or say `mmsflow account rotated`. If it is another contract, give the "
        'account a name of its own: `account = "NAME"` in mmsflow.toml, or MMSFLOW_ACCOUNT',
    )


def account_blockers(ledger: LedgerReader, settings: Settings, campaign: str, campaign_file: Path) -> list[Blocker]:
    """List what a person must say about accounts before a campaign is sent, from the facts as they are now."""
    return account_question(ledger, settings, campaign, campaign_file).blockers()


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
        cause="run_of_other_account",
    )


def answer_question(question: AccountQuestion, settings: Settings, said: str, *, asked: str, who: str) -> None:
    """Keep a person's answer in the workspace's mmsflow.toml.

    Args:
        said: as for ``AccountQuestion.answers``.
        asked: digest of the question that they saw.

    Raises:
        PlanRefused: another question is asked by now, or none that this answers.
        UsageError: it contradicts earlier answers, or the file cannot be written.
    """
    answers = question.answers(said, who) if question.digest == asked else []
    if not answers:
        raise PlanRefused("that is not what is asked by now", "look at the question again", cause="plan_changed")
    for answer in answers:
        keep_answer(settings.workspace / SETTINGS_FILE, answer)


def client_of(ledger: LedgerReader, settings: Settings) -> str:
    """Make this ledger's fingerprint of the client id in force; empty for a test account, which keeps no evidence."""
    return "" if is_test_account(settings.account) else ledger.client_fingerprint(settings.client_id)
