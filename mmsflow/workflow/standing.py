"""What ``run FILE`` means now: a new run, going on with one, or nothing to do and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mmsflow.errors import InvalidInput, MmsflowError, PlanRefused, RunUnfinished
from mmsflow.ledger.model import FrozenInput, PausedBy, RunInfo, RunState
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import MessageState
from mmsflow.mms.workspace_files import open_inside

_BLOCK = 1 << 20
_ENDED = frozenset({RunState.DONE, RunState.DONE_WITH_UNKNOWN, RunState.CANCELLED, RunState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign stands on an account.

    Attributes:
        run: the latest run; None when there is none yet.
        goes_on: whether there is something left to do in it.
        refusal: why nothing may be done; None otherwise.
    """

    run: RunInfo | None
    goes_on: bool
    refusal: MmsflowError | None

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
    if run.paused_by is PausedBy.USER:
        advice = f"`mmsflow resume {run.run}` lifts it"
        return Standing(
            run, False, RunUnfinished(f"{run.run} was paused by a person", advice, cause="paused_by_person")
        )
    if goes_on(ledger, run):
        return Standing(run, goes_on=True, refusal=None)
    return Standing(run, False, nothing_to_do(ledger, run))


def nothing_to_do(ledger: LedgerReader, run: RunInfo) -> MmsflowError:
    """Why a run without any work left is not carried on."""
    if run.purged_at is not None:
        advice = "`--again` sends to everybody once more; a top-up is not possible"
        return PlanRefused(
            f"{run.run} is finished, and who had a message of it is not known any more", advice, cause="purged"
        )
    counts = ledger.state_counts(run.key)
    maybe = counts.get(MessageState.UNKNOWN, 0) + counts.get(MessageState.ACCEPTED_NOID, 0)
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
    return has_work(ledger, run) or run.state not in _ENDED


def has_unsent(ledger: LedgerReader, run: RunInfo) -> bool:
    """Whether messages of the run may still be sent."""
    counts = ledger.state_counts(run.key)
    return bool(counts.get(MessageState.READY, 0) + counts.get(MessageState.SENDING, 0))


def has_work(ledger: LedgerReader, run: RunInfo) -> bool:
    """Whether messages are unsent, delivery reports outstanding, or messages to be sent once more."""
    if run.state in {RunState.CANCELLED, RunState.EXPIRED}:
        return bool(run.delivery_report and ledger.outstanding(run.key))
    waits = bool(run.delivery_report and ledger.outstanding(run.key))
    return has_unsent(ledger, run) or waits or resends_left(ledger, run) > 0


def resends_left(ledger: LedgerReader, run: RunInfo) -> int:
    """Messages of unknown fate that ``unknown: resend`` has sent once more when the run goes on.

    What a dead process left on the wire counts as well.
    """
    if run.state in _ENDED or not run.config.get("resend_unknown"):
        return 0
    return ledger.resends(run.key) + ledger.state_counts(run.key)[MessageState.SENDING]


def changed_inputs(ledger: LedgerReader, run: RunInfo, workspace: Path) -> list[str]:
    """The files that are no longer what the run was made from, each with what happened to it."""
    # Opt-outs are meant to change; they are read again before each send.
    return changed_files([item for item in ledger.inputs(run.key) if item.kind != "exclude"], workspace)


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
