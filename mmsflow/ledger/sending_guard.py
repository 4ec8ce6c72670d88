"""Between the ledger and sending: nothing is begun with a copy that lacks something, nor with a file that vanished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from mmsflow.errors import LedgerUnavailable, PlanRefused
from mmsflow.ledger import lineage, runs
from mmsflow.ledger.codec import to_micros
from mmsflow.ledger.copies import (
    UNREADABLE,
    Extent,
    Judgement,
    LedgerFacts,
    LostRun,
    Progress,
    WitnessRecord,
    judge,
    lost_of,
)
from mmsflow.ledger.database import Database
from mmsflow.ledger.identity import identity_of
from mmsflow.ledger.witness import Witness, WitnessBusy, read_witness, witness_path

_SET_WITNESS = "Make the folder writable for you, or name another one outside the workspace with MMSFLOW_WITNESS."


def witnessed(folder: Path | None, identity: str) -> WitnessRecord | str | None:
    """What the witness of a ledger says; ``UNREADABLE`` where that cannot be read, None where there is none."""
    if folder is None or not identity:
        return None
    try:
        return read_witness(witness_path(folder, identity))
    except (ValueError, OSError):
        return UNREADABLE


def load_facts(database: Database, witness: WitnessRecord | str | None, *, closely: bool) -> LedgerFacts:
    """Load what the ledger says of itself, with regard to what the witness says."""
    record = witness if isinstance(witness, WitnessRecord) else None
    with database.read() as connection:
        named = list(record.runs) if record else []
        return lineage.facts_of(connection, named, after=record.event if record else 0, closely=closely)


def judged(database: Database, folder: Path | None, *, closely: bool) -> Judgement | None:
    """Judge whether the ledger at hand may send; None when it may.

    Args:
        folder: of the witnesses; None where none is kept, which only tests do.
        closely: also whether its rows belong together, which takes a walk over them.
    """
    if folder is None:
        return None
    with database.read() as connection:
        identity = identity_of(connection)
    if not identity:
        return None
    witness, here = witnessed(folder, identity), lineage.place_of(database.path, identity)
    found = judge(load_facts(database, witness, closely=closely), witness, here)
    if found is None or closely:
        return found
    return judge(load_facts(database, witness, closely=True), witness, here)


class SendingGuard:
    """What a ledger that is open for writing must pass before each claim.

    Args:
        folder: of the witnesses; None keeps none.
    """

    def __init__(self, database: Database, folder: Path | None) -> None:
        self._database, self._folder = database, folder
        self._witness: Witness | None = None
        self._runs: dict[int, tuple[str, Progress]] = {}

    @property
    def is_claimed(self) -> bool:
        """Whether this process has been let through."""
        return self._witness is not None

    def before_claim(self, now: datetime) -> None:
        """Let intents be committed, or not.

        Raises:
            LedgerVanished: the file is not the one that was opened.
            PlanRefused: a person has to decide first.
            LedgerUnavailable: the witness cannot be written.
        """
        self._database.presence.look()
        if self._folder is None or self._witness is not None:
            return
        found = judged(self._database, self._folder, closely=True)
        if found is not None:
            raise PlanRefused(
                f"the ledger {self._database.path} needs a person's decision before anything is sent",
                "`mmsflow run FILE` says what was found.",
                cause=found.kind.value,
            )
        self._claim(now, {}, [])

    def adopt(self, extents: Mapping[int, Extent], now: datetime) -> dict[int, int]:
        """Go on with this ledger by a person's word; by run key, how many messages are maybe-sent for it.

        Args:
            extents: by run key, what may have gone out since the copy was taken.

        Raises:
            LedgerUnavailable: the witness cannot be written.
        """
        self.release()
        with self._database.read() as connection:
            identity = identity_of(connection)
        witness = witnessed(self._folder, identity)
        lost = []
        if isinstance(witness, WitnessRecord):
            lost = lost_of(load_facts(self._database, witness, closely=False), witness)
        return self._claim(now, extents, lost)

    def _claim(self, now: datetime, extents: Mapping[int, Extent], lost: Sequence[LostRun]) -> dict[int, int]:
        """Begin an epoch in the ledger, then say so in the witness."""
        with self._database.write() as connection:
            identity = identity_of(connection)
            held = lineage.hold(connection, extents, to_micros(now))
            lineage.note_lost(connection, lost, to_micros(now))
            epoch = lineage.begin_epoch(connection, lineage.place_of(self._database.path, identity), to_micros(now))
        self._database.checkpoint()  # a copy of the main file alone knows the epoch, too
        if self._folder is None:
            return held
        before = witnessed(self._folder, identity)
        record = WitnessRecord(epoch.token, epoch.after, complete_after=epoch.after, path=str(self._database.path))
        if isinstance(before, WitnessRecord):
            record.sequence, record.runs = before.sequence, dict(before.runs)
            record.complete_after = min(before.complete_after, epoch.after)
        path = witness_path(self._folder, identity)
        try:
            self._witness = Witness.claim(path, record)
        except WitnessBusy as error:
            raise PlanRefused(
                f"{error} (its witness {path} is held)",
                "Two copies of one ledger must not send at the same time: end the other process, and keep one copy.",
                cause="ledger_in_use_elsewhere",
            ) from None
        except OSError as error:
            raise _unwritable(path, error) from error
        return held

    def progress(self, connection: Connection, key: int, begun: Sequence[int]) -> tuple[str, Progress] | None:
        """What is to be said of a run once the present transaction, which begins these messages, is durable."""
        if self._witness is None or not begun:
            return None
        event = lineage.newest_event(connection)
        known = self._runs.get(key)
        if known is None:
            run = runs.run_by_key(connection, key)
            total = lineage.begun_by(connection, key)
            last = self._witness.record.runs.get(run.run)
            upto = max(max(begun), last.upto if last else 0)
            return run.run, Progress(run.campaign, run.account, upto, total, event)
        name, last = known
        upto = max(last.upto, max(begun))
        return name, Progress(last.campaign, last.account, upto, last.begun + len(begun), event)

    def claimed(self, key: int, progress: tuple[str, Progress] | None) -> None:
        """Tell the witness what is durable now, before its requests begin.

        Raises:
            LedgerUnavailable: it cannot be written; the requests may not begin.
        """
        if self._witness is None or progress is None:
            return
        self._runs[key] = progress
        try:
            self._witness.moved(progress[1].event, *progress)
        except OSError as error:
            raise _unwritable(self._witness.path, error) from error

    def release(self) -> None:
        """Let go of the witness; again is harmless."""
        if self._witness is not None:
            self._witness.close()
            self._witness = None
        self._runs.clear()


def _unwritable(path: Path, error: OSError) -> LedgerUnavailable:
    return LedgerUnavailable(
        f"the witness {path} cannot be written: {error.strerror or error}; without it nothing is sent",
        _SET_WITNESS,
        cause="witness_unwritable",
    )
