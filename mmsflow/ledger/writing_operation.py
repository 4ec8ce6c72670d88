"""What campaigns are to remember between their runs, and what people are told and say, written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mmsflow.clock import Clock
from mmsflow.ledger import approvals, notices, occurrences, quota
from mmsflow.ledger.model import QuotaReading, RunInfo
from mmsflow.ledger.operation import Approval, NewNotice, NoticePost, Skipped
from mmsflow.ledger.reading import Reading


class OperationWriting(Reading):
    """Written by whoever runs campaigns, beside the runs themselves; each method is one short transaction."""

    _clock: Clock

    def record_quota(self, reading: QuotaReading) -> None:
        """Keep one reading of the gateway's counter."""
        with self._database.write() as connection:
            quota.add_reading(connection, reading)

    def account_for(
        self, account: str, campaign: str, until: datetime, skips: Sequence[Skipped] = (), *, schedule: str = ""
    ) -> None:
        """Every scheduled time of a campaign up to ``until`` has a run or is one of ``skips``; never goes back.

        Args:
            schedule: whose times they are from now on; empty where it stays the same.
        """
        with self._database.write() as connection:
            occurrences.account(connection, account, campaign, until, list(skips), schedule, self.names_of(account))

    def approve(self, account: str, campaign: str, approval: Approval) -> None:
        """Keep a person's yes to one plan."""
        with self._database.write() as connection:
            approvals.add_approval(connection, account, campaign, approval)

    def tell(self, notice: NewNotice, channels: Sequence[str] = ()) -> bool:
        """Keep a notice, to go out by ``channels``; False where the account has an open one of that name."""
        with self._database.write() as connection:
            return notices.add_notice(connection, notice, self._clock.now(), channels, self.names_of(notice.account))

    def settle_notices(self, account: str, names: Sequence[str]) -> None:
        """What these notices of an account asked for has been done; one of the same name may be made again."""
        with self._database.write() as connection:
            notices.settle_notices(connection, self.names_of(account), names, self._clock.now())

    def owe_news(self, run: RunInfo) -> None:
        """Remember that people are to be told what becomes of a run, until ``news_told``."""
        with self._database.write() as connection:
            notices.owe_news(connection, run, self._clock.now())

    def news_told(self, run: RunInfo) -> None:
        """People have been told what became of a run."""
        with self._database.write() as connection:
            notices.news_told(connection, run)

    def owed_news(self, account: str) -> list[str]:
        """Runs of an account that people are still to be told of."""
        with self._database.read() as connection:
            return notices.owed_news(connection, self.names_of(account))

    def due_posts(self, *, now: datetime, limit: int, channel: str = "") -> list[NoticePost]:
        """Notices whose next attempt to go out is due, the oldest first; by one channel, or by any when empty."""
        with self._database.read() as connection:
            return notices.due_posts(connection, now, limit, channel)

    def note_post(
        self, post: NoticePost, *, sent_at: datetime | None, next_at: datetime | None = None, error: str = ""
    ) -> None:
        """What became of an attempt: sent, to be tried again at ``next_at``, or given up (neither)."""
        with self._database.write() as connection:
            notices.note_post(connection, post, sent_at=sent_at, next_at=next_at, error=error)
