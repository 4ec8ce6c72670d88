"""The read side of the ledger, whole."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from mmsflow.ledger import steps
from mmsflow.ledger.backup import Copied, OnPages, back_up
from mmsflow.ledger.copies import Judgement, LedgerFacts, LostRun, WitnessRecord
from mmsflow.ledger.identity import identity_of
from mmsflow.ledger.lineage import is_elsewhere, lost_runs_of
from mmsflow.ledger.lock import holder_of
from mmsflow.ledger.model import Holder
from mmsflow.ledger.operation import Step
from mmsflow.ledger.reading_messages import MessageReading
from mmsflow.ledger.reading_numbers import NumberReading
from mmsflow.ledger.reading_operation import OperationReading
from mmsflow.ledger.reading_runs import RunReading
from mmsflow.ledger.reading_work import WorkReading
from mmsflow.ledger.sending_guard import judged, load_facts, witnessed
from mmsflow.ledger.witness import witnesses_of_path


class LedgerReader(RunReading, MessageReading, WorkReading, NumberReading, OperationReading):
    """What happened, for whoever wants to know; works while another process writes.

    Every method reads one consistent view. Instants are aware, in UTC. Any of them may raise LedgerError.
    """

    def identity(self) -> str:
        """Which ledger this is, 32 hex digits that every copy of it shares; empty where none has been made yet."""
        with self._database.read() as connection:
            return identity_of(connection)

    def judged(self) -> Judgement | None:
        """Why nothing may be sent with this ledger before a person decides; None where nothing speaks against it."""
        # A log left behind by a process that was killed may belong to another state of the file.
        log = self.path.with_name(self.path.name + "-wal")
        left = log.exists() and log.stat().st_size > 0 and self.holder() is None
        return judged(self._database, self._witnesses, closely=left)

    def is_elsewhere(self) -> bool:
        """Whether the file is another one than that which sent last, or on another machine."""
        with self._database.read() as connection:
            return is_elsewhere(connection, self.path)

    def lost_runs(self, account: str, campaign: str) -> list[LostRun]:
        """Runs of a campaign that were begun after the copy was taken which became this ledger, oldest first."""
        with self._database.read() as connection:
            return lost_runs_of(connection, self.names_of(account), campaign)

    def lost_runs_of_campaign(self, campaign: str) -> list[LostRun]:
        """The same, of every account and whatever followed them."""
        with self._database.read() as connection:
            return lost_runs_of(connection, None, campaign)

    def replaced(self) -> list[WitnessRecord]:
        """What the witnesses of other ledgers say that were in use at this path; none where this one has any run."""
        if self._witnesses is None or self.runs(limit=1):
            return []
        return witnesses_of_path(self._witnesses, self.path, self.identity())

    def facts(self) -> tuple[LedgerFacts, WitnessRecord | str | None]:
        """What the ledger says of itself, looked at closely, and what its witness says."""
        witness = witnessed(self._witnesses, self.identity())
        return load_facts(self._database, witness, closely=True), witness

    def newest_step(self) -> int:
        """The number of the newest step in the history of anything; 0 when there is none."""
        with self._database.read() as connection:
            return steps.newest(connection)

    def steps_after(self, number: int, limit: int) -> list[Step]:
        """The next steps of messages of any run after that one, oldest first, ``limit`` at most."""
        with self._database.read() as connection:
            return steps.after(connection, number, limit)

    def back_up(self, target: Path, now: datetime, *, replace: bool, on_pages: OnPages) -> Copied:
        """Copy this ledger to ``target`` as it is now, also while another process sends.

        Raises:
            UsageError: the target exists, and is not to be replaced.
            LedgerError: it cannot be written.
        """
        return back_up(self._database, target, now, replace=replace, on_pages=on_pages)

    def holder(self) -> Holder | None:
        """Who holds the right to write now; None when nobody does."""
        return holder_of(self.path)
