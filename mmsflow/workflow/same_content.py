"""Is what is about to be sent on its way already, under another name? Then a person decides.

A campaign is known by its name. After a crash, another name, or another file with the same name, would begin anew or
go on with what belongs to somebody else, without a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import MessageState
from mmsflow.settings import Settings
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.prepare import Prepared

_OPEN = tuple(state for state in MessageState if state.is_unsent or state.is_uncertain)
_MEANT = "add --other-content if you mean it: then both are sent"


def content_of(prepared: Prepared) -> str:
    """Digest what would be sent and to whom, without the names of campaign and file."""
    digest = hashlib.sha256(prepared.draft.digest().encode("ascii"))
    digest.update(prepared.loaded.campaign.sender.encode("utf-8"))
    return digest.hexdigest()


def same_file_blocker(campaign: str, file: str, open_runs: Iterable[RunInfo]) -> Blocker | None:
    """Refuse a campaign whose file began a run under another name that is not finished; None where there is none.

    Args:
        file: the campaign file's path as runs keep it.
        open_runs: the account's runs with messages unsent or maybe sent.
    """
    for run in open_runs:
        if run.campaign != campaign and run.campaign_file == file:
            return Blocker(
                "same_file_unfinished",
                f"{file} has a run that is not finished under another name: {run.run} of {run.campaign}; the file now "
                f"says {campaign}",
                f"put the name back and `mmsflow run {file}`, or `mmsflow resume {run.run}`, or end it with "
                f"`mmsflow cancel {run.run}` and settle what was maybe sent with `mmsflow resolve {run.run}`; {_MEANT}",
            )
    return None


def other_file_blocker(file: str, latest: RunInfo | None, *, other_is_there: bool) -> Blocker | None:
    """Refuse a file with the name of another file's campaign; None where the latest run is this file's.

    A campaign file that was moved is not there any more under its old path: it goes on.

    Args:
        latest: the campaign's latest run.
        other_is_there: whether that run's file is still there and still has the campaign's name.
    """
    if latest is None or latest.campaign_file == file or not other_is_there:
        return None
    return Blocker(
        "campaign_of_another_file",
        f"the campaign {latest.campaign} belongs to {latest.campaign_file}, which has the run {latest.run}; {file} has "
        "the same name",
        f"give {file} a name of its own (`campaign:`), or remove {latest.campaign_file} if this file replaces it",
    )


def same_content_blocker(campaign: str, content: str, open_runs: Iterable[RunInfo]) -> Blocker | None:
    """Refuse what another campaign's unfinished run sends to the same people; None where there is no such run."""
    for run in open_runs:
        if run.campaign != campaign and run.content_sha256 == content:
            return Blocker(
                "same_content_unfinished",
                f"the same messages to the same people are in {run.run} of {run.campaign}, which is not finished",
                f"`mmsflow resume {run.run}` goes on with it, or `mmsflow cancel {run.run}` ends it; {_MEANT}",
            )
    return None


def open_runs_of(ledger: LedgerReader, account: str) -> list[RunInfo]:
    """Load the account's runs with messages unsent or maybe sent, tests left out; those that only poll are none."""
    runs = ledger.runs_with_open_messages(account, _OPEN)
    return [run for run in runs if run.purged_at is None]


def file_blockers(ledger: LedgerReader, settings: Settings, campaign: str, campaign_file: Path) -> list[Blocker]:
    """List what a campaign file's name and earlier runs say against sending it."""
    file = _shown(campaign_file, settings.workspace)
    latest = next(iter(ledger.runs(account=settings.account, campaign=campaign, tests=False, limit=1)), None)
    other = latest is not None and _has_name(settings.workspace / latest.campaign_file, campaign)
    found = [
        same_file_blocker(campaign, file, open_runs_of(ledger, settings.account)),
        other_file_blocker(file, latest, other_is_there=other),
    ]
    return [blocker for blocker in found if blocker is not None]


def content_blockers(ledger: LedgerReader, settings: Settings, prepared: Prepared) -> list[Blocker]:
    """List what unfinished runs of other campaigns say against sending what was prepared."""
    runs = open_runs_of(ledger, settings.account)
    blocker = same_content_blocker(prepared.loaded.campaign.campaign, content_of(prepared), runs) if runs else None
    return [blocker] if blocker else []


def _shown(file: Path, workspace: Path) -> str:
    return file.relative_to(workspace).as_posix() if file.is_relative_to(workspace) else str(file)


def _has_name(file: Path, campaign: str) -> bool:
    """Whether a campaign file is there and says that name; one that cannot be read is taken to."""
    try:
        rows = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        return True
    named = [row.partition("#")[0].partition(":")[2].strip(" \t\"'") for row in rows if row.startswith("campaign:")]
    return not named or campaign in named
