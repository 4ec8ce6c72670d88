"""What ``run FILE`` means now: a new run, going on with one, or nothing to do and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mmsflow.errors import InvalidInput, MmsflowError, PlanRefused, RunUnfinished
from mmsflow.ledger.model import FrozenInput, PausedBy, RunInfo, RunState
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import MessageState, uncertain_of, unsent_of
from mmsflow.mms.workspace_files import open_inside

_BLOCK = 1 << 20
_ENDED_IN_WORDS = {
    RunState.DONE: "finished",
    RunState.DONE_WITH_UNKNOWN: "finished",
    RunState.CANCELLED: "cancelled",
    RunState.EXPIRED: "past its deadline",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign stands on an account.

    Attributes:
        run: the latest run; None when there is none yet.
        goes_on: whether there is something left to do in it.
        refusal: why nothing may be done; None otherwise.
        unsent: whether messages of it may still be sent.
        sends: whether going on with it sends something, messages of unknown fate included.
    """

    run: RunInfo | None
    goes_on: bool
    refusal: MmsflowError | None
    unsent: bool = False
    sends: bool = False

    @property
    def paused(self) -> bool:
        """Whether a person has paused the latest run."""
        return self.run is not None and self.run.paused_by is PausedBy.USER


def standing_of(ledger: LedgerReader, account: str, campaign: str) -> Standing:
    """Where the campaign's latest run on this account stands."""
    runs = ledger.runs(account=account, campaign=campaign, tests=False, limit=1)
    if not runs:
        return Standing(None, goes_on=False, refusal=None)
    run = runs[0]
    unsent = has_unsent(ledger, run)
    if run.paused_by is PausedBy.USER:
        advice = f"`mmsflow resume {run.run}` lifts it"
        refusal = RunUnfinished(f"{run.run} was paused by a person", advice, cause="paused_by_person")
        return Standing(run, goes_on=False, refusal=refusal, unsent=unsent)
    if goes_on(ledger, run):
        return Standing(run, goes_on=True, refusal=None, unsent=unsent, sends=sends(ledger, run))
    return Standing(run, goes_on=False, refusal=nothing_to_do(ledger, run), unsent=unsent)


def nothing_to_do(ledger: LedgerReader, run: RunInfo) -> MmsflowError:
    """Why a run without any work left is not carried on."""
    if run.purged_at is not None:
        advice = "`--again` sends to everybody once more; a top-up is not possible"
        text = f"{run.run} is finished, and who had a message of it is not known any more"
        return PlanRefused(text, advice, cause="purged")
    maybe = uncertain_of(ledger.state_counts(run.key))
    if maybe:
        noun = "message that was" if maybe == 1 else "messages that were"
        advice = (
            f"`mmsflow resolve {run.run}` lists them; `--top-up` sends to new recipients only, counting them as sent"
        )
        return RunUnfinished(f"{run.run} has {maybe} {noun} maybe sent", advice, cause="maybe_sent")
    advice = "`--top-up` sends to recipients who had nothing yet, `--again` sends to everybody once more"
    ended = "cancelled" if run.state is RunState.CANCELLED else "finished"
    return PlanRefused(f"{run.run} is {ended}", advice, cause=ended)


def goes_on(ledger: LedgerReader, run: RunInfo) -> bool:
    """Whether carrying the run out has something left to do."""
    # Without work but not ended: killed between the last outcome and the end, which is still to be written down.
    return has_work(ledger, run) or not run.state.is_ended


def has_unsent(ledger: LedgerReader, run: RunInfo) -> bool:
    """Whether messages of the run may still be sent."""
    return bool(unsent_of(ledger.state_counts(run.key)))


def sends(ledger: LedgerReader, run: RunInfo) -> bool:
    """Tell whether going on with the run sends anything, rather than only asking for delivery reports."""
    return has_unsent(ledger, run) or resends_left(ledger, run) > 0


def sent_before(run: RunInfo) -> str:
    """Say why a campaign without recurrence begins no other run by itself, one sentence; ``run`` is its latest.

    Also after a run of which nothing went out, such as a cancelled one: ``mmsflow run`` asks a person then, too.
    """
    return f"it has had its one run: {run.run}, which is {_ENDED_IN_WORDS.get(run.state, 'not finished')}"


def has_work(ledger: LedgerReader, run: RunInfo) -> bool:
    """Whether messages are unsent, delivery reports outstanding, or messages to be sent once more."""
    if run.state.is_closed:
        return bool(run.delivery_report and ledger.outstanding(run.key))
    waits = bool(run.delivery_report and ledger.outstanding(run.key))
    return has_unsent(ledger, run) or waits or resends_left(ledger, run) > 0


def resends_left(ledger: LedgerReader, run: RunInfo) -> int:
    """Messages of unknown fate that ``unknown: resend`` has sent once more when the run goes on.

    What a dead process left on the wire counts as well.
    """
    if run.state.is_ended or not run.config.get("resend_unknown"):
        return 0
    return ledger.resends(run.key) + ledger.state_counts(run.key)[MessageState.SENDING]


def changed_inputs(ledger: LedgerReader, run: RunInfo, workspace: Path, campaign_file: Path | None = None) -> list[str]:
    """The files that are no longer what the run was made from, each with what happened to it.

    Args:
        campaign_file: where the campaign is now, which may have been moved; None for where it was.
    """
    # Opt-outs are meant to change; they are read again before each send.
    inputs = [item for item in ledger.inputs(run.key) if item.kind != "exclude"]
    if campaign_file is not None:
        moved = campaign_file.absolute()
        shown = moved.relative_to(workspace).as_posix() if moved.is_relative_to(workspace) else str(moved)
        inputs = [replace(item, path=shown) if item.kind == "campaign" else item for item in inputs]
    return changed_files(inputs, workspace)


def changed_files(inputs: Iterable[FrozenInput], workspace: Path) -> list[str]:
    """Those files that are no longer what they were, each with what happened to it."""
    changes = []
    for item in inputs:
        digest = _digest(workspace, item.path)
        if digest is None:
            changes.append(f"{item.path} is gone")
        elif digest != item.sha256:
            changes.append(f"{item.path} has changed")
    return changes


def _digest(workspace: Path, path: str) -> str | None:
    digest = hashlib.sha256()
    try:
        # Only a campaign file may stand outside the workspace; its path is then kept in full.
        with Path(path).open("rb") if Path(path).is_absolute() else open_inside(workspace, path) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except (InvalidInput, OSError):
        return None
    return digest.hexdigest()


def next_run_id(ledger: LedgerReader, campaign: str, day: str, *, test: bool) -> str:
    """``winter-sale-20261201-1``, or ``winter-sale-test-1``; the first that is free over all accounts."""
    stem = f"{campaign}-test-" if test else f"{campaign}-{day}-"
    number = 1
    while ledger.find_run(f"{stem}{number}") is not None:
        number += 1
    return f"{stem}{number}"
