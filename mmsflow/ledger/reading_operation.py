"""What campaigns remember between their runs, and what people were told and said."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from mmsflow.ledger import approvals, notices, occurrences
from mmsflow.ledger.operation import Approval, Notice, NoticeKind, Skipped
from mmsflow.ledger.reading import Reading


class OperationReading(Reading):
    """Questions about scheduled times, approvals and notices."""

    def accounted_until(self, account: str, campaign: str) -> datetime | None:
        """Every scheduled time up to this instant has a run or was skipped; None for a campaign never watched."""
        with self._database.read() as connection:
            return occurrences.accounted_until(connection, self.names_of(account), campaign)

    def accounted_schedule(self, account: str, campaign: str) -> str:
        """Whose times they are, as ``account_for`` was told; empty where that is not known."""
        with self._database.read() as connection:
            return occurrences.accounted_schedule(connection, self.names_of(account), campaign)

    def skips(self, account: str, campaign: str, limit: int = 100) -> list[Skipped]:
        """Scheduled times that got no run, newest first."""
        with self._database.read() as connection:
            return occurrences.skips_of(connection, self.names_of(account), campaign, limit)

    def last_approval(self, account: str, campaign: str) -> Approval | None:
        """The newest approval of a campaign; it holds for the plan with its digest only, and for one run of it."""
        with self._database.read() as connection:
            return approvals.last_approval(connection, self.names_of(account), campaign)

    def approval_for(self, key: int) -> Approval | None:
        """The approval that a run was begun with; None where nobody was asked."""
        with self._database.read() as connection:
            return approvals.approval_for(connection, key)

    def notices(
        self,
        account: str,
        limit: int = 100,
        *,
        open_only: bool = False,
        kinds: Collection[NoticeKind] = (),
        prefix: str = "",
    ) -> list[Notice]:
        """What people were told of, newest first.

        Args:
            open_only: what has not been settled.
            kinds: of these kinds; of any when empty.
            prefix: how the name begins.
        """
        with self._database.read() as connection:
            return notices.last_notices(
                connection, self.names_of(account), limit, open_only=open_only, kinds=kinds, prefix=prefix
            )

    def next_post_at(self, channel: str = "") -> datetime | None:
        """When the next notice is to go out, by one channel, or by any when empty; None when none is."""
        with self._database.read() as connection:
            return notices.next_post_at(connection, channel)

    def posts_given_up(self, since: datetime) -> list[tuple[str, str]]:
        """Channel and last error of notices made since an instant that will not go out any more, newest first."""
        with self._database.read() as connection:
            return notices.posts_given_up(connection, since)
