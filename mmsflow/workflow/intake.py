"""What a campaign's intake takes from outside its files: the workspace's suppression list and cap, and the ledger."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mmsflow.audience.history import Capped, History, HistoryQuery, NumberSet, queries_of
from mmsflow.campaign.amounts import AtMost, read_at_most
from mmsflow.campaign.load import LoadedCampaign, load_campaign
from mmsflow.campaign.model import Campaign, Purpose
from mmsflow.campaign.wording import nearest, quoted
from mmsflow.errors import Finding, InvalidInput, UsageError
from mmsflow.mms.status import Bucket
from mmsflow.plan.draft import Draft
from mmsflow.workflow.forgotten import forgotten

if TYPE_CHECKING:
    from mmsflow.ledger.history import LedgerReader  # SQLAlchemy takes 0.3 s, which only a look into history pays

OpenLedger = Callable[[], "AbstractContextManager[LedgerReader]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What ``prepare`` is given beside a campaign file.

    Attributes:
        suppression: path of the workspace's suppression list; empty without one.
        at_most: the workspace's cap for marketing campaigns that name none, as text; empty without one.
        account: whose history counts; empty where it is not known.
        ledger: opens the ledger for reading, only where history is asked for; None where there is none.
        now: for the time of a cap.
        retain: how long numbers are kept; None where they are never removed by themselves.
        lenient: history that is not known, or a campaign that is not, is a warning, not an error.
        rejects: told of the draft, whose rows set aside have their cells, before anything can be wrong with messages;
            with the columns of the lists.
    """

    suppression: str = ""
    at_most: str = ""
    account: str = ""
    ledger: OpenLedger | None = None
    now: datetime | None = None
    retain: timedelta | None = None
    lenient: bool = False
    rejects: Callable[[Draft, Collection[str]], None] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What was found out about earlier messages.

    Attributes:
        history: for the audience.
        cap: the cap in force; None without.
        findings: errors, at the keys that ask.
        warnings: one sentence each.
        is_certain: no query had to be left without an answer, or answered for a campaign that never ran.
    """

    history: History
    cap: AtMost | None
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    is_certain: bool


def cap_of(campaign: Campaign, intake: Intake) -> AtMost | None:
    """The campaign's cap, else the workspace's where it is marketing.

    Raises:
        UsageError: the setting makes no sense.
    """
    if campaign.at_most is not None or campaign.purpose is not Purpose.MARKETING or not intake.at_most:
        return campaign.at_most
    try:
        return read_at_most(intake.at_most)
    except ValueError:
        raise UsageError(f"the setting at_most is no cap: {quoted(intake.at_most)}", "write `2 in 7 days`") from None


def look_up(loaded: LoadedCampaign, workspace: Path, intake: Intake) -> Known:
    """Everything that the campaign asks of earlier messages, from the ledger as it is now.

    Raises:
        LedgerError: it cannot be read.
    """
    campaign = loaded.campaign
    asked, cap = list(queries_of(campaign)), cap_of(campaign, intake)
    if not asked and cap is None:
        return Known(History(), None, (), (), is_certain=True)
    if intake.ledger is None or not intake.account:
        what = "`received` and `not_received` are" if asked else "`at_most` is"
        warning = f"{what} not judged here: no gateway is named, so the account, and its history, is not known"
        return Known(History(), cap, (), (warning,), is_certain=not asked)
    with intake.ledger() as ledger:
        findings, warnings = _name_findings(loaded, workspace, intake, ledger.known_names(intake.account))
        now, purged = intake.now or datetime.now().astimezone(), ledger.purged_runs(intake.account)
        findings += forgotten(loaded, cap, purged, now=now, retain=intake.retain)
        answers = {query: _numbers(ledger, intake.account, query) for query, _ in asked}
        capped = _capped(ledger, campaign, intake, cap) if cap is not None else None
    return Known(History(answers, capped), cap, tuple(findings), tuple(warnings), is_certain=not warnings)


def history_for_exclusions(ledger: LedgerReader, account: str, campaign: Campaign) -> History:
    """What the lists of ``exclude`` ask of earlier campaigns, from the ledger as it is now."""
    asked = [query for query, path in queries_of(campaign) if path[0] == "exclude"]
    return History({query: _numbers(ledger, account, query) for query in asked})


def _numbers(ledger: LedgerReader, account: str, query: HistoryQuery) -> NumberSet:
    buckets = [Bucket(status) for status in query.status]
    return NumberSet(int(msisdn[3:]) for msisdn in ledger.received_numbers(account, query.names, buckets))


def _capped(ledger: LedgerReader, campaign: Campaign, intake: Intake, cap: AtMost) -> Capped:
    now = intake.now or datetime.now().astimezone()
    starts = max(now, campaign.schedule.start_instant or now)
    counts = array("L")

    def numbers() -> Iterator[int]:
        for msisdn, count in ledger.capped_numbers(intake.account, starts - cap.within, cap.messages):
            counts.append(count)
            yield int(msisdn[3:])

    return Capped(cap, NumberSet(numbers()), counts)


def _name_findings(
    loaded: LoadedCampaign, workspace: Path, intake: Intake, ran: Collection[str]
) -> tuple[list[Finding], list[str]]:
    """Names that no run has: an error where no campaign file has them either, else a warning."""
    findings: list[Finding] = []
    warnings: list[str] = []
    files: set[str] | None = None
    for query, path in queries_of(loaded.campaign):
        for name in query.names:
            if name in ran:
                continue
            if files is None:
                files = _campaigns_in(workspace)
            if name in files:
                warnings.append(f"`{path[-1]}: {name}`: that campaign has not run yet, so nobody had a message of it")
                continue
            near = nearest(name, [*ran, *files])
            message = f"no run on this account and no campaign of this workspace is named {quoted(name)}"
            fix = f"did you mean `{near}`?" if near else "`mmsflow runs` lists the runs with their campaigns"
            finding = loaded.finding(path, message, fix)
            if intake.lenient:
                warnings.append(f"{finding.place}: {message}; {fix}")
            else:
                findings.append(finding)
    return findings, list(dict.fromkeys(warnings))


def _campaigns_in(workspace: Path) -> set[str]:
    """Names of the campaigns whose files stand in the workspace; faulty files name none."""
    names = set()
    for path in sorted((workspace / "campaigns").glob("*.yaml")):
        try:
            names.add(load_campaign(path, workspace).campaign.campaign)
        except InvalidInput:
            continue
    return names
