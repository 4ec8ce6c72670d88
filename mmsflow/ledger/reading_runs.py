"""What a run holds, how far it is and what happened to it as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from mmsflow.ledger import layouts, pages, purge, rows, runs
from mmsflow.ledger.audit import Figures, Violation, audit
from mmsflow.ledger.events import events_of_run
from mmsflow.ledger.fingerprint import fingerprint, key_of
from mmsflow.ledger.identity import last_event
from mmsflow.ledger.maybe_sent import ended_state
from mmsflow.ledger.model import Blob, Event, FrozenInput, RunInfo, RunState, WaveRecord
from mmsflow.ledger.purge import Hindrance, PurgedRun
from mmsflow.ledger.reading import Reading
from mmsflow.message.model import Layout
from mmsflow.mms.status import Bucket, MessageState


class RunReading(Reading):
    """Questions about runs as a whole."""

    def find_run(self, run: str) -> RunInfo | None:
        """A run by its readable id."""
        with self._database.read() as connection:
            found = runs.find_runs(connection, run=run)
        return found[0] if found else None

    def runs(
        self,
        *,
        account: str | None = None,
        campaign: str | None = None,
        occurrence: str | None = None,
        tests: bool = True,
        due_from: datetime | None = None,
        unfinished: bool = False,
        limit: int | None = None,
    ) -> list[RunInfo]:
        """The runs that fit every filter given, newest first; all of them without any.

        Args:
            tests: with test runs.
            due_from: those of scheduled times from this instant on.
            unfinished: those that have not ended, or whose delivery reports are outstanding.
            limit: the newest so many.
        """
        with self._database.read() as connection:
            return runs.find_runs(
                connection,
                accounts=None if account is None else self.names_of(account),
                campaign=campaign,
                occurrence=occurrence,
                tests=tests,
                due_from=due_from,
                unfinished=unfinished,
                limit=limit,
            )

    def run_names(self, account: str, before: int, limit: int) -> list[tuple[int, str]]:
        """Key and id of an account's runs, newest first; ``before`` is the last key seen, 0 for none."""
        with self._database.read() as connection:
            return pages.run_names(connection, self.names_of(account), before, limit)

    def runs_with_open_messages(self, account: str, states: Collection[MessageState]) -> list[RunInfo]:
        """The runs of an account, tests left out, with messages in one of these states; the newest first."""
        with self._database.read() as connection:
            return runs.runs_with(connection, self.names_of(account), [state.value for state in states])

    def accounts(self) -> dict[str, int]:
        """Every account with its runs, tests left out."""
        with self._database.read() as connection:
            return runs.accounts_of(connection)

    def accounts_of_campaign(self, campaign: str) -> list[tuple[str, str]]:
        """Each account that a campaign had a run on, tests left out, with the id of the newest; the newest first."""
        with self._database.read() as connection:
            return runs.accounts_of_campaign(connection, campaign)

    def clients_of(self, account: str) -> set[str]:
        """The fingerprints of the client ids that an account's runs were begun with; tests do not count."""
        with self._database.read() as connection:
            return runs.clients_of(connection, self.names_of(account))

    def client_fingerprint(self, client_id: str) -> str:
        """Make the fingerprint of a client id that this ledger keeps; empty for a ledger that has not been made yet."""
        with self._database.read() as connection:
            return fingerprint(key_of(connection), client_id)

    def run_counts(self, account: str) -> dict[RunState, int]:
        """Runs of an account by state, without tests, zeros included."""
        with self._database.read() as connection:
            return runs.count_runs(connection, self.names_of(account))

    def state_counts(self, key: int) -> dict[MessageState, int]:
        """Messages of a run by state, zeros included."""
        with self._database.read() as connection:
            return rows.state_counts(connection, key)

    def bucket_counts(self, key: int) -> dict[Bucket, int]:
        """Rows of a run's lists by bucket, zeros included; they add up to ``RunInfo.rows``."""
        with self._database.read() as connection:
            return rows.bucket_counts(connection, key)

    def waves(self, key: int) -> list[WaveRecord]:
        """The waves as planned, in order."""
        with self._database.read() as connection:
            return runs.waves_of(connection, key)

    def wave_progress(self, key: int) -> dict[int, int]:
        """Messages of each wave that have left us, or may have, by the wave's number."""
        with self._database.read() as connection:
            return rows.wave_progress(connection, key)

    def waves_not_sent(self, key: int) -> dict[int, int]:
        """Messages that are never sent, by the wave's number; without the waves that have none."""
        with self._database.read() as connection:
            return rows.waves_not_sent(connection, key)

    def inputs(self, key: int) -> list[FrozenInput]:
        """The files that a run was made from."""
        with self._database.read() as connection:
            return runs.inputs_of(connection, key)

    def layouts(self, key: int) -> list[Layout]:
        """The distinct layouts of a run's messages, in order of first use."""
        with self._database.read() as connection:
            return layouts.layouts_of(connection, key)

    def drawn_example(self, key: int) -> str:
        """Hex SHA-256 of one part that was drawn for one recipient of a run; empty where none was drawn."""
        with self._database.read() as connection:
            return layouts.drawn_example(connection, key)

    def blob(self, sha256: str) -> Blob:
        """Frozen bytes by their digest (64 hex digits)."""
        with self._database.read() as connection:
            return runs.blob_of(connection, sha256)

    def blobs_among(self, digests: Collection[str]) -> set[str]:
        """Those of the digests whose bytes are frozen already."""
        with self._database.read() as connection:
            return runs.blobs_among(connection, digests)

    def begun_by(self, key: int) -> str:
        """Who began a run by hand, as they named themselves; empty where nobody did, or nobody is known."""
        names = (event.detail.get("begun_by") for event in self.run_events(key))
        return next((name for name in names if isinstance(name, str)), "")

    def run_events(self, key: int) -> list[Event]:
        """The run's own history: started, paused and why, ended; oldest first."""
        with self._database.read() as connection:
            return events_of_run(connection, key)

    def last_event(self, key: int) -> int:
        """The number of the newest step in a run's history; it only ever grows."""
        with self._database.read() as connection:
            return last_event(connection, key)

    def ended_state(self, key: int) -> RunState:
        """The state of a run that has nothing left to send."""
        with self._database.read() as connection:
            return ended_state(connection, key)

    def audit(self, key: int, figures: Figures) -> Iterator[Violation]:
        """Everything that is wrong with a run's books, as of one moment; ``figures`` count what was gone through."""
        with self._database.read_beside() as connection:
            yield from audit(connection, key, figures)

    def hindrance(self, key: int, *, even_maybe_sent: bool = False) -> Hindrance | None:
        """What stands in the way of removing a run's personal data; None when nothing does."""
        with self._database.read() as connection:
            return purge.hindrance(connection, runs.run_by_key(connection, key), even_maybe_sent=even_maybe_sent)

    def last_touched(self, key: int) -> datetime:
        """When anything last happened to a run or to one of its messages."""
        with self._database.read() as connection:
            return purge.last_touched(connection, runs.run_by_key(connection, key))

    def purged_runs(self, account: str) -> list[PurgedRun]:
        """The runs of an account whose personal data were removed, the first one first; tests do not count."""
        with self._database.read() as connection:
            return purge.purged_runs(connection, self.names_of(account))
