"""Who had messages of which campaigns before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from mmsflow.ledger import earlier
from mmsflow.ledger.codec import to_micros
from mmsflow.ledger.reading import Reading
from mmsflow.mms.status import Bucket


class NumberReading(Reading):
    """Questions about numbers over all runs of an account; tests do not count."""

    def sent_numbers(self, account: str, campaign: str) -> Iterator[str]:
        """Numbers (E.164) that had a message, maybe-sent ones included, in any run that was no test; each once."""
        with self._database.read_beside() as connection:
            yield from earlier.received_numbers(connection, self.names_of(account), [campaign])

    def known_names(self, account: str) -> set[str]:
        """The campaigns and run ids of an account, without tests."""
        with self._database.read() as connection:
            return earlier.names_of(connection, self.names_of(account))

    def received_numbers(self, account: str, names: Sequence[str], buckets: Collection[Bucket] = ()) -> Iterator[str]:
        """Numbers (E.164) of messages of these campaigns or runs, ascending, each once; tests do not count.

        Args:
            buckets: in which the message must have ended; without any, every message that left, or may have.
        """
        with self._database.read_beside() as connection:
            yield from earlier.received_numbers(connection, self.names_of(account), names, buckets)

    def capped_numbers(self, account: str, since: datetime, least: int) -> Iterator[tuple[str, int]]:
        """Numbers (E.164) with at least so many messages since an instant, ascending, with how many."""
        with self._database.read_beside() as connection:
            yield from earlier.capped_numbers(connection, self.names_of(account), to_micros(since), least)

    def recent_counts(
        self, account: str, numbers: Sequence[str], since: datetime, *, except_run: int
    ) -> dict[str, int]:
        """How many messages each of a few numbers had since an instant, in other runs than ``except_run``."""
        with self._database.read() as connection:
            return earlier.recent_counts(connection, self.names_of(account), numbers, to_micros(since), except_run)
