"""Is this ledger a copy that lacks what went out since? Decided purely, from what ledger, witness and place say.

A ledger has *epochs*: each process that sends begins one, with a random token and the number of the newest step in the
history before it. A copy shares the epochs up to the moment at which it was taken. The witness names the epoch and the
step of the last intents. So a ledger that does not hold that epoch, or not that step of it, lacks what was begun since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """Why a ledger may not send; the values are the stable causes of the refusals."""

    MOVED = "ledger_moved"  # closed here by `backup --move`: it goes on elsewhere
    MIXED = "ledger_mixed"  # its rows do not belong together: a copy was put beside the log of another state
    RESTORED = "ledger_restored"  # the witness knows of more than it holds
    COPY = "ledger_is_copy"  # another file or another machine, and nothing vouches that nothing went out since
    WITNESS_LOST = "witness_lost"  # the same file, which had a witness
    WITNESS_UNREADABLE = "witness_unreadable"

    @property
    def can_be_adopted(self) -> bool:
        """Whether a person's word is enough to go on."""
        return self not in (Kind.MOVED, Kind.MIXED)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ledger's file is: the machine, hashed, and the file's device and inode; all empty where not known."""

    machine: str = ""
    device: int = 0
    inode: int = 0

    def is_same_file(self, other: Place) -> bool:
        """Whether both mean one file. Device numbers change with reboots and remounts, so they are not compared."""
        return (self.machine, self.inode) == (other.machine, other.inode)


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one sending process began.

    Attributes:
        token: random.
        after: the number of the newest step in the history when it began.
    """

    token: str
    after: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run had got.

    Attributes:
        campaign, account: whose run.
        upto: the highest number of a message that was begun; messages go in the order of their numbers.
        begun: intents of the run in its whole life.
        event: the step of its last intents.
    """

    campaign: str
    account: str
    upto: int
    begun: int
    event: int


@dataclass(slots=True)
class WitnessRecord:
    """What the witness says.

    Attributes:
        sequence: counts its writes.
        epoch, event: the epoch and the step of the last intents.
        complete_after: all runs with intents after this step are among ``runs``.
        runs: by their ids.
        path: where the ledger's file was.
    """

    epoch: str
    event: int
    sequence: int = 0
    complete_after: int = 0
    path: str = ""
    runs: dict[str, Progress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that is not at its end.

    Attributes:
        run, key, fence: as ``RunInfo`` has them.
        unsent: messages that are ready or on the wire.
        begun: intents in its whole life.
        event: its newest step.
        stirred: its newest step, since it was taken up last, that began a message or stopped the run; 0 for none.
        is_sound: whether its messages, counted again, fit its counts.
    """

    run: str
    key: int
    fence: int
    unsent: int
    begun: int = 0
    event: int = 0
    stirred: int = 0
    is_sound: bool = True


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What the ledger itself says.

    Attributes:
        epochs: in order; none where this version has never sent with it.
        last_event: the newest step in the history.
        last_intent: the newest step that began a message after the witness's, 0 for none.
        place: where it was when it last sent.
        is_backup: `mmsflow backup` made this file.
        is_closed: `mmsflow backup --move` closed it.
        open_runs: those with something unsent.
        known_runs: the ids of all its runs, as far as the witness names them.
    """

    epochs: Sequence[Epoch] = ()
    last_event: int = 0
    last_intent: int = 0
    place: Place = Place()
    is_backup: bool = False
    is_closed: bool = False
    open_runs: Sequence[OpenRun] = ()
    known_runs: frozenset[str] = frozenset()

    def reach(self, epoch: str) -> int | None:
        """The newest step that it holds of what was written in that epoch; None where it does not know the epoch."""
        for number, each in enumerate(self.epochs):
            if each.token == epoch:
                return self.epochs[number + 1].after if number + 1 < len(self.epochs) else self.last_event
        return None


@dataclass(frozen=True, slots=True)
class LostRun:
    """A run that the witness knows and the ledger does not: begun after the copy was taken."""

    run: str
    campaign: str
    account: str
    begun: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why nothing may be sent with a ledger before a person decides.

    Attributes:
        kind: what was found.
        missing: by run, how many messages were begun that the ledger does not know of; as the witness counts.
        lost: runs that it does not know at all.
        unsent: what is unsent in its unfinished runs.
    """

    kind: Kind
    missing: Mapping[str, int] = field(default_factory=dict)
    lost: Sequence[LostRun] = ()
    unsent: int = 0


HELD = "ledger_restored"
"""The code of messages that may have gone out after the copy was taken that became this ledger."""

UNREADABLE = "unreadable"
"""In the place of a witness: there is one, and nobody can read it."""


def judge(ledger: LedgerFacts, witness: WitnessRecord | str | None, here: Place) -> Judgement | None:
    """Decide whether the ledger may send; None when it may.

    Args:
        witness: what it says, ``UNREADABLE``, or None where there is none.
        here: where the file is now.
    """
    unsent = sum(run.unsent for run in ledger.open_runs)
    if ledger.is_closed:
        return Judgement(Kind.MOVED, unsent=unsent)
    if not all(run.is_sound for run in ledger.open_runs):
        return Judgement(Kind.MIXED, unsent=unsent)
    if isinstance(witness, str):
        return Judgement(Kind.WITNESS_UNREADABLE, unsent=unsent)
    if witness is not None and _lacks(ledger, witness):
        return Judgement(Kind.RESTORED, missing_of(ledger, witness), lost_of(ledger, witness), unsent)
    kind = _without_more(ledger, witness, here)
    return Judgement(kind, unsent=unsent) if kind is not None and ledger.open_runs else None


def _without_more(ledger: LedgerFacts, witness: WitnessRecord | None, here: Place) -> Kind | None:
    """Judge a ledger of which no witness says that it lacks something."""
    if ledger.is_backup:
        return Kind.COPY
    if not ledger.epochs or ledger.place == Place():
        return None  # never sent with by this version, or moved here by `backup --move`: there is no witness to miss
    if here.is_same_file(ledger.place):
        return Kind.WITNESS_LOST if witness is None else None
    # Another file: fine where the witness says that nothing was begun after what it holds, and nothing before it.
    vouched = witness is not None and ledger.last_intent <= witness.event
    return None if vouched else Kind.COPY


def _lacks(ledger: LedgerFacts, witness: WitnessRecord) -> bool:
    reach = ledger.reach(witness.epoch)
    return reach is None or witness.event > reach


def missing_of(ledger: LedgerFacts, witness: WitnessRecord) -> dict[str, int]:
    """By run, how many intents the witness counts beyond the ledger's."""
    begun = {run.run: run.begun for run in ledger.open_runs}
    more = {run: witness.runs[run].begun - known for run, known in begun.items() if run in witness.runs}
    return {run: number for run, number in more.items() if number > 0}


def lost_of(ledger: LedgerFacts, witness: WitnessRecord) -> list[LostRun]:
    """The runs that only the witness knows."""
    return [
        LostRun(run, progress.campaign, progress.account, progress.begun)
        for run, progress in witness.runs.items()
        if run not in ledger.known_runs
    ]


@dataclass(frozen=True, slots=True)
class MarkerFacts:
    """What a run's committed marker says: how often it was taken up, and its newest step then or at rest."""

    fence: int
    events: int


ALL = -1
"""In the place of a number: all of them."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What of a run's ready messages may have gone out since the copy, in sending order.

    Attributes:
        upto: those with a number up to this one; ``ALL`` for every one; 0 for none.
        first: the first so many of them, too.
    """

    upto: int = 0
    first: int = 0

    def __bool__(self) -> bool:
        return bool(self.upto or self.first)


def extent_of(
    ledger: LedgerFacts, run: OpenRun, witness: WitnessRecord | str | None, marker: MarkerFacts | None
) -> Extent:
    """Bound what of a run may have gone out since the copy was taken; everything where nothing bounds it.

    Args:
        marker: the run's own, of this ledger; None where there is none.
    """
    by_marker = _by_marker(run, marker)
    if isinstance(witness, WitnessRecord):
        by_witness = _by_witness(ledger, run, witness)
        ahead = marker is not None and (marker.fence > run.fence or marker.events > run.event)
        return by_witness if not ahead or by_witness.upto == ALL else _wider(by_witness, by_marker)
    return by_marker


def _by_witness(ledger: LedgerFacts, run: OpenRun, witness: WitnessRecord) -> Extent:
    progress = witness.runs.get(run.run)
    if progress is not None:
        return Extent(upto=progress.upto) if progress.begun > run.begun else Extent()
    return Extent(upto=ALL) if ledger.last_event < witness.complete_after else Extent()


def _by_marker(run: OpenRun, marker: MarkerFacts | None) -> Extent:
    if marker is None or marker.fence != run.fence or not run.stirred or marker.events < run.stirred:
        return Extent(upto=ALL)  # taken up, and not seen to come to rest
    # At rest: each message that was begun since is a step at least.
    return Extent(first=max(0, marker.events - run.event))


def _wider(one: Extent, other: Extent) -> Extent:
    if other.upto == ALL:
        return other
    return Extent(max(one.upto, other.upto), max(one.first, other.first))
