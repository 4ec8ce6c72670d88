"""What a person is told of a ledger that may be a copy, and what is done when they say that it goes on from here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mmsflow.ledger.copies import Judgement, Kind, LostRun, MarkerFacts, extent_of
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.workflow.blocking import Blocker, Decided
from mmsflow.workflow.guard import markers_of

_USUAL_GAP = 100  # what tests by hand and calls that count beside sending may come to
_GO_ON = "add --adopt to go on from here; what may have gone out since is then kept as maybe sent, not sent again"
_WHAT: dict[Kind, tuple[str, str]] = {
    Kind.RESTORED: (
        "this ledger is an older copy of one that went on sending{missing}",
        f"Bring back the newest ledger, if there is one; or {_GO_ON}",
    ),
    Kind.COPY: (
        "this ledger is a copy, or was moved here, and nothing shows whether the other one went on sending; {unsent}",
        "If another copy may still be in use, stop it first; then "
        f"{_GO_ON}. `mmsflow backup --move` moves a ledger without this question",
    ),
    Kind.WITNESS_LOST: (
        "this ledger's witness is gone, so nothing shows whether it is the newest copy; {unsent}",
        f"Bring the witness back, or name its folder with MMSFLOW_WITNESS; or {_GO_ON}",
    ),
    Kind.WITNESS_UNREADABLE: (
        "this ledger's witness cannot be read, so nothing shows whether it is the newest copy; {unsent}",
        f"Make the witness readable for you; or remove it and {_GO_ON}",
    ),
    Kind.MOVED: (
        "this ledger was closed by `mmsflow backup --move`: it goes on elsewhere",
        "Work where it was moved to; `mmsflow restore FILE` brings the moved file back here",
    ),
    Kind.MIXED: (
        "the ledger's rows do not belong together, as when a copy was put back beside the log (-wal) of another state",
        "Put the copy back with `mmsflow restore FILE`, which takes the old log away first",
    ),
}


def replaced_blocker(ledger: LedgerReader, names: Collection[str], campaign: str, decided: Decided) -> Blocker | None:
    """Say that another ledger in this place had sent the campaign; None where none had, or a person has decided.

    Args:
        names: every name of the account in force.
    """
    if decided.adopt or decided.again:
        return None
    for other in ledger.replaced():
        for name, run in other.runs.items():
            if run.campaign == campaign and run.account in names:
                return Blocker(
                    "ledger_replaced",
                    f"{name} of this campaign was carried out with another ledger at {ledger.path}, and this one is "
                    f"empty: {_messages(run.begun)} of it had begun",
                    "Bring back the right ledger from a backup; or add --adopt or --again for a new run to everybody",
                )
    return None


@dataclass(frozen=True, slots=True)
class Adopted:
    """What a person's word has done.

    Attributes:
        held: by run, how many messages that were unsent are maybe sent now.
        lost: runs that this ledger knows nothing of.
    """

    held: dict[str, int]
    lost: tuple[LostRun, ...] = ()

    def as_lines(self) -> Iterator[str]:
        """Say it, a line each."""
        yield "this ledger is the one from now on"
        for run, number in self.held.items():
            yield f"{run}: {number} unsent messages may have gone out since the copy, and are maybe sent now"
        for lost in self.lost:
            yield f"{lost.run} of {lost.campaign} is not in this ledger: {_messages(lost.begun)} of it had begun"


def ledger_blocker(ledger: LedgerReader, decided: Decided) -> Blocker | None:
    """Say why nothing may be sent with this ledger, whatever the campaign; None when it may, or somebody decided."""
    found = ledger.judged()
    if found is None or (found.kind.can_be_adopted and (decided.adopt or decided.again)):
        return None
    message, fix = _WHAT[found.kind]
    text = message.format(missing=_missing(found), unsent=_unsent(found))
    return Blocker(found.kind.value, f"{text} (ledger {ledger.path})", fix)


def lost_run_blocker(ledger: LedgerReader, account: str, campaign: str, decided: Decided) -> Blocker | None:
    """Say that a run of the campaign went out that this ledger knows nothing of; None where there is none."""
    found = [] if decided.again else ledger.lost_runs(account, campaign)
    if not found:
        return None
    begun = sum(run.begun for run in found)
    names = ", ".join(run.run for run in found)
    return Blocker(
        "run_lost",
        f"{names} is not in this ledger, which goes on from an older copy: {_messages(begun)} of it had begun",
        "who had them is not known here. --again sends the campaign to everybody, perhaps a second time to those",
    )


def moved_notice(ledger: LedgerReader) -> str:
    """Say that a ledger that may send is another file than the one that sent last; empty where it is the same."""
    if not ledger.is_elsewhere():
        return ""
    return f"the ledger {ledger.path} was copied or moved since it last sent; it is the one that goes on from now on"


def counter_gap(used: int, ours: int) -> str:
    """Say that the gateway has counted clearly more requests than this ledger has begun; empty where it has not.

    It is all that shows a machine that was put back whole, with ledger, markers and witness.
    """
    if used - ours <= max(_USUAL_GAP, ours // 10):
        return ""
    return (
        f"the gateway has counted {used:,} requests in this period, this ledger has begun {ours:,}: others use the "
        "account too, or this machine was put back from an older copy; look at the newest report before you send"
    )


def adopt_ledger(ledger: Ledger, workspace: Path, now: datetime) -> Adopted | None:
    """Go on from this ledger, by a person's word; None where there was nothing to decide about it.

    Raises:
        LedgerError: ledger or witness cannot be written; nothing may be sent.
    """
    facts, witness = ledger.facts()
    markers = dict(_markers(ledger, workspace))
    judgement = ledger.judged()
    ahead = {
        run.key: run
        for run in facts.open_runs
        if (marker := markers.get(run.run)) and (marker.fence > run.fence or marker.events > run.event)
    }
    if judgement is None and not ahead:
        return None
    if judgement is not None and not judgement.kind.can_be_adopted:
        return None
    asked = facts.open_runs if judgement is not None else ahead.values()
    extents = {run.key: extent_of(facts, run, witness, markers.get(run.run)) for run in asked}
    held = ledger.guard.adopt(extents, now)
    names = {run.key: run.run for run in facts.open_runs}
    return Adopted({names[key]: number for key, number in held.items()}, tuple(judgement.lost if judgement else ()))


def _markers(ledger: LedgerReader, workspace: Path) -> Iterable[tuple[str, MarkerFacts]]:
    identity = ledger.identity()
    for run in ledger.runs(tests=False, unfinished=True):
        for marker in markers_of(workspace / run.campaign_file, run.campaign):
            if marker.run == run.run and marker.ledger == identity:
                yield run.run, MarkerFacts(marker.fence, marker.events)


def _missing(found: Judgement) -> str:
    parts = [f"{_messages(number)} of {run} begun since it was taken" for run, number in found.missing.items()]
    parts += [f"{run.run}, begun since, with {_messages(run.begun)}" for run in found.lost]
    return f": {'; '.join(parts)}" if parts else ""


def _unsent(found: Judgement) -> str:
    return f"{_messages(found.unsent)} unsent in unfinished runs"


def _messages(number: int) -> str:
    return "1 message" if number == 1 else f"{number:,} messages"
