"""Is what is about to be sent on its way already, under another name? Then a person decides.

A campaign is known by its name. After a crash, another name, or another file with the same name, would begin anew or
go on with what belongs to somebody else, without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mmsflow.campaign.load import load_campaign
from mmsflow.campaign.model import Campaign
from mmsflow.errors import MmsflowError
from mmsflow.ledger.model import FrozenInput, RunInfo, RunState
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import MessageState, uncertain_of, unsent_of
from mmsflow.settings import Settings
from mmsflow.workflow.blocking import OTHER_FILE, Blocker
from mmsflow.workflow.prepare import Prepared

_OPEN = tuple(state for state in MessageState if state.is_unsent or state.is_uncertain)
_WHO_GETS_WHAT = {"sender", "recipients", "exclude", "consent", "message", "variants"}
# Opt-outs may have come since the run began; the campaign file is compared by its values.
_MAY_DIFFER = {"campaign", "exclude"}
_NAME = re.compile(r"""^\ufeff?["']?campaign["']?\s*:\s*["']?([^\s"'#]+)""", re.MULTILINE)
_MOST_BYTES = 1 << 20
_NEWEST = 200


@dataclass(frozen=True, slots=True)
class Alike:
    """A run of another campaign beside what is about to be sent.

    Attributes:
        run, campaign, file: its id, its campaign's name, and the file that it was made from.
        unsent, maybe_sent: its messages in those states.
        same_content: the same people would get the same messages from the same sender.
        meanwhile: it was carried out after the scheduled time in question had come.
    """

    run: str
    campaign: str
    file: str
    unsent: int
    maybe_sent: int
    same_content: bool
    meanwhile: bool = False


def same_content_blocker(campaign: str, file: str, others: Iterable[Alike]) -> Blocker | None:
    """Refuse what another campaign's unfinished run sends to the same people; None where there is no such run.

    A run that only waits for delivery reports blocks nothing; but no scheduled time begins by itself where the same was
    sent since it came, else a daemon that waits for the other run would send everything again right after it.

    Args:
        campaign, file: the name and the path at hand, as runs keep them.
        others: of the same account.
    """
    alike = [each for each in others if each.same_content and each.campaign != campaign]
    other = next((each for each in alike if each.unsent + each.maybe_sent), None)
    if other is None:
        sent = next((each for each in alike if each.meanwhile), None)
        return _sent_meanwhile(campaign, sent) if sent else None
    left = [f"{other.unsent} unsent"] * bool(other.unsent) + [f"{other.maybe_sent} maybe sent"] * bool(other.maybe_sent)
    ways = []
    if other.unsent:
        ways.append(f"`mmsflow resume {other.run}` goes on with it, `mmsflow cancel {other.run}` ends it")
    if other.maybe_sent:
        ways.append(f"`mmsflow resolve {other.run}` settles what was maybe sent")
    renamed = other.file == file
    if renamed:
        ways.append(f"with `campaign: {other.campaign}` in the file again, `mmsflow run {file}` goes on")
    return Blocker(
        "same_file_unfinished" if renamed else "same_content_unfinished",
        f"the same messages to the same people are in {other.run} of {other.campaign}, made from {other.file}, which "
        f"is not finished ({', '.join(left)}); as {campaign} they would go to everybody from the start",
        f"{'; '.join(ways)}. Add --other-content if you mean it: then both are sent",
    )


def _sent_meanwhile(campaign: str, other: Alike) -> Blocker:
    return Blocker(
        "same_content_sent",
        f"the same messages went to the same people as {other.run} of {other.campaign} since this time had come",
        f"`mmsflow run FILE` sends them as {campaign} all the same, if you mean it",
    )


def other_file_blocker(file: str, latest: RunInfo | None, *, other_is_there: bool) -> Blocker | None:
    """Refuse a file with the name of another file's campaign; None where the latest run is this file's.

    A campaign file that was moved is not there any more under its old path: it goes on.

    Args:
        latest: the campaign's latest run.
        other_is_there: whether that run's file is another one, is still there, and still has the campaign's name.
    """
    if latest is None or latest.campaign_file == file or not other_is_there:
        return None
    return Blocker(
        OTHER_FILE,
        f"the campaign {latest.campaign} belongs to {latest.campaign_file}, which has the run {latest.run}; {file} has "
        "the same name",
        f"give {file} a name of its own (`campaign:`), or remove {latest.campaign_file} if this file replaces it; "
        f"`mmsflow run {latest.campaign_file}` goes on with what was begun",
    )


def file_blockers(
    ledger: LedgerReader, account: str, campaign: str, campaign_file: Path, workspace: Path
) -> list[Blocker]:
    """List what a campaign file's name and the campaign's latest run say against sending it."""
    latest = next(iter(ledger.runs(account=account, campaign=campaign, tests=False, limit=1)), None)
    at_hand = campaign_file.absolute()
    other = latest is not None and _is_namesake(workspace / latest.campaign_file, at_hand, campaign)
    shown = at_hand.relative_to(workspace).as_posix() if at_hand.is_relative_to(workspace) else str(at_hand)
    blocker = other_file_blocker(shown, latest, other_is_there=other)
    return [blocker] if blocker else []


def content_blockers(
    ledger: LedgerReader, settings: Settings, prepared: Prepared, due: datetime | None = None
) -> list[Blocker]:
    """List what runs of other campaigns say against sending what was prepared.

    Args:
        due: the scheduled time that is to begin by itself; None where a person begins the run.
    """
    loaded = prepared.loaded
    others = _others(ledger, settings, prepared)
    if due is not None:
        others += _sent_since(ledger, settings, content_of(prepared), due)
    blocker = same_content_blocker(loaded.campaign.campaign, loaded.shown_path, others)
    return [blocker] if blocker else []


def content_of(prepared: Prepared) -> str:
    """Digest what would be sent and to whom, without the names of campaign and files."""
    return prepared.draft.content_digest(prepared.loaded.campaign.sender)


def made_of(inputs: Iterable[FrozenInput]) -> set[tuple[str, str]]:
    """Give the kind and digest of each file that decides who gets what."""
    return {(item.kind, item.sha256) for item in inputs if item.kind not in _MAY_DIFFER}


def says_the_same(one: Campaign, other: Campaign) -> bool:
    """Tell whether two campaign files differ at most in name, description, schedule and pace."""
    return one.model_dump(include=_WHO_GETS_WHAT) == other.model_dump(include=_WHO_GETS_WHAT)


def _others(ledger: LedgerReader, settings: Settings, prepared: Prepared) -> list[Alike]:
    """Load the account's runs of other campaigns with messages unsent or maybe sent; those that only poll are none."""
    content, name, found = content_of(prepared), prepared.loaded.campaign.campaign, []
    for run in ledger.runs_with_open_messages(settings.account, _OPEN):
        # Of a cancelled run nothing is ever sent any more: a person has decided about it.
        if run.campaign == name or run.purged_at is not None or run.state.is_closed:
            continue
        same = run.content_sha256 == content or _is_made_alike(ledger, settings, run, prepared)
        counts = ledger.state_counts(run.key)
        found.append(Alike(run.run, run.campaign, run.campaign_file, unsent_of(counts), uncertain_of(counts), same))
    return found


def _sent_since(ledger: LedgerReader, settings: Settings, content: str, due: datetime) -> list[Alike]:
    runs = ledger.runs(account=settings.account, tests=False, limit=_NEWEST)
    return [
        Alike(run.run, run.campaign, run.campaign_file, 0, 0, same_content=True, meanwhile=True)
        for run in runs
        if run.content_sha256 == content and run.updated_at >= due and run.state is not RunState.CANCELLED
    ]


def _is_made_alike(ledger: LedgerReader, settings: Settings, run: RunInfo, prepared: Prepared) -> bool:
    """Tell whether a run was made from the same values and files, whatever opt-outs have come since.

    It also tells it of runs that an earlier version froze, without a digest of their content.
    """
    if made_of(ledger.inputs(run.key)) != made_of(prepared.inputs):
        return False
    try:
        content = ledger.blob(run.campaign_sha256).data
        frozen = load_campaign(settings.workspace / run.campaign_file, settings.workspace, content).campaign
    except MmsflowError:
        return False  # of a version that wrote campaigns in another way
    return says_the_same(frozen, prepared.loaded.campaign)


def _is_namesake(earlier: Path, at_hand: Path, campaign: str) -> bool:
    if earlier == at_hand:
        return False
    try:
        # A link, or another spelling on a file system that does not tell upper case from lower, is the same file.
        if not earlier.is_file() or earlier.samefile(at_hand):
            return False
    except OSError:
        return False  # one of them is gone: there are no two
    return _name_in(earlier) in {campaign, ""}


def _name_in(file: Path) -> str:
    """The campaign's name in a file, which may be faulty otherwise; empty where none can be read."""
    try:
        return load_campaign(file, file.parent).campaign.campaign
    except MmsflowError:
        pass
    try:
        with file.open("rb") as opened:
            found = _NAME.search(opened.read(_MOST_BYTES).decode("utf-8", "replace"))
    except OSError:
        return ""
    return found[1] if found else ""
