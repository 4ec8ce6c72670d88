"""What is still to be done for a run and when, and what of the quota has been used up."""

from __future__ import annotations

from datetime import datetime

from mmsflow.ledger import polls, quota, withheld
from mmsflow.ledger.codec import maybe_instant, to_micros
from mmsflow.ledger.messages import next_not_before
from mmsflow.ledger.model import FirstMessages, QuotaReading
from mmsflow.ledger.reading import Reading


class WorkReading(Reading):
    """Questions of whoever carries runs out."""

    def next_not_before(self, key: int) -> datetime | None:
        """When the earliest ready message that must wait may go; None when none must."""
        with self._database.read() as connection:
            return maybe_instant(next_not_before(connection, key))

    def first_messages(self, key: int, count: int) -> FirstMessages:
        """How the first ``count`` messages of a run stand, in sending order."""
        with self._database.read() as connection:
            return withheld.first_messages(connection, key, count)

    def oldest_uncertain(self, key: int) -> datetime | None:
        """When the oldest attempt of unknown fate began that ``unknown: resend`` may repeat; None without any."""
        with self._database.read() as connection:
            return maybe_instant(withheld.oldest_uncertain(connection, key))

    def resends(self, key: int) -> int:
        """Messages of unknown fate that ``unknown: resend`` would send once more, now or after a while."""
        with self._database.read() as connection:
            return withheld.resends(connection, key)

    def outstanding(self, key: int) -> int:
        """Accepted messages whose delivery status is still to be asked."""
        with self._database.read() as connection:
            return polls.outstanding(connection, key)

    def awaited_since(self, key: int, accepted_after: datetime) -> bool:
        """Whether a message that was accepted after that instant still waits for its report."""
        with self._database.read() as connection:
            return polls.awaited_since(connection, key, to_micros(accepted_after))

    def next_poll(self, key: int) -> datetime | None:
        """When the next delivery status is to be asked; None when none is."""
        with self._database.read() as connection:
            return maybe_instant(polls.next_poll(connection, key))

    def quota_readings(self, account: str, limit: int = 100) -> list[QuotaReading]:
        """The gateway's counter as it was read, newest first."""
        with self._database.read() as connection:
            return quota.readings(connection, self.names_of(account), limit)

    def posts_in_period(self, account: str, period: str, key: int | None = None) -> int:
        """Requests that we have begun in a quota period, by one run or by all runs of the account."""
        with self._database.read() as connection:
            return quota.posts_in_period(connection, self.names_of(account), period, key)

    def posts_of_campaigns(self, account: str, period: str) -> dict[str, int]:
        """Requests that we have begun in a quota period, by campaign."""
        with self._database.read() as connection:
            return quota.posts_of_campaigns(connection, self.names_of(account), period)
