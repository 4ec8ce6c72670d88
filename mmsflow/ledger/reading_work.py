"""What is still to be done for a run and when, and what of the quota has been used up."""

from __future__ import annotations

from datetime import datetime

from mmsflow.ledger import maybe_sent, polls, quota, shared_ids, withheld
from mmsflow.ledger.codec import maybe_instant, to_micros
from mmsflow.ledger.events import newest_answer
from mmsflow.ledger.messages import next_not_before
from mmsflow.ledger.model import DuePoll, FirstMessages, QuotaReading, Unanswered
from mmsflow.ledger.reading import Reading
from mmsflow.mms.status import MessageState


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

    def doubtful_positions(self, key: int, most: int) -> tuple[int, list[int]]:
        """How far a run has come, and where among its messages the newest stand that the gateway left in doubt.

        Returns:
            The position reached, and at most ``most`` positions, ascending. What a crash or a stop left in doubt says
            nothing about the gateway and is not among them.
        """
        with self._database.read() as connection:
            return withheld.doubtful_positions(connection, key, most)

    def resends(self, key: int) -> int:
        """Messages of unknown fate that ``unknown: resend`` would send once more, now or after a while."""
        with self._database.read() as connection:
            return withheld.resends(connection, key)

    def outstanding(self, key: int) -> int:
        """Accepted messages whose delivery status is still to be asked."""
        with self._database.read() as connection:
            return polls.outstanding(connection, key)

    def answered_one(self, key: int) -> DuePoll | None:
        """A message of the run with a final status of the gateway's; None when there is none."""
        with self._database.read() as connection:
            return polls.answered_one(connection, key)

    def shared_ids(self, key: int) -> int:
        """Messages of the run whose id the gateway gave to others as well, so that no status tells their fate."""
        with self._database.read() as connection:
            return shared_ids.count(connection, key)

    def maybe_sent_codes(self, key: int) -> dict[str, int]:
        """Messages that were maybe sent by the short reason, the most frequent first."""
        with self._database.read() as connection:
            return maybe_sent.codes(connection, key)

    def newest_answers(self) -> dict[str, str]:
        """The newest raw answers to a send and to a status question; without those that never came."""
        states = {"send": MessageState.SENDING, "status": MessageState.ACCEPTED}
        with self._database.read() as connection:
            found = {name: newest_answer(connection, state) for name, state in states.items()}
        return {name: body for name, body in found.items() if body}

    def unanswered(self, key: int) -> Unanswered:
        """Accepted messages without a final status, by what asking for it came to."""
        with self._database.read() as connection:
            return polls.unanswered(connection, key)

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
