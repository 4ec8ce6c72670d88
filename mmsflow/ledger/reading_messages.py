"""What became of each message and of each row of the lists."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from mmsflow.ledger import aside, pages, rows
from mmsflow.ledger.aside import AsidePage
from mmsflow.ledger.maybe_sent import MaybeSent, maybe_sent
from mmsflow.ledger.model import Event, ReportRow, Story
from mmsflow.ledger.numbers import Fate, fates
from mmsflow.ledger.pages import CurveCounts, ProblemRow
from mmsflow.ledger.reading import Reading
from mmsflow.mms.status import Bucket


class MessageReading(Reading):
    """Questions about the messages and rows of runs."""

    def report_rows(self, key: int) -> Iterator[ReportRow]:
        """Every row of a run's lists in their order, as of one moment; memory stays flat.

        The view is taken at the first row and kept until the iterator is exhausted or closed.
        """
        with self._database.read_beside() as connection:
            yield from rows.report_rows(connection, key)

    def rows_page(self, key: int, buckets: Collection[Bucket], after: int, limit: int) -> list[ProblemRow]:
        """The next messages of a run that went wrong, in sending order; see ``pages.problem_rows``."""
        with self._database.read() as connection:
            return pages.problem_rows(connection, key, buckets, after, limit)

    def aside_page(self, key: int, buckets: Collection[Bucket], after: int, limit: int) -> AsidePage:
        """The next rows of a run that got no message, in the order of the lists; see ``aside.aside_page``."""
        with self._database.read() as connection:
            return aside.aside_page(connection, key, buckets, after, limit)

    def histories(self, ids: Collection[int]) -> dict[int, tuple[Event, ...]]:
        """The history of a few messages, by their ids."""
        with self._database.read() as connection:
            return pages.history_of(connection, ids)

    def curve_span(self, key: int) -> tuple[datetime, datetime] | None:
        """From a run's first submission to its last submission or delivery; None before the first."""
        with self._database.read() as connection:
            return pages.curve_span(connection, key)

    def first_submissions(self, key: int, count: int) -> list[datetime]:
        """When those of a run's first ``count`` messages were submitted that were; see ``pages``."""
        with self._database.read() as connection:
            return pages.first_submissions(connection, key, count)

    def curve_counts(self, key: int, edges: range) -> CurveCounts:
        """Messages of a run sent and delivered, by bin; ``edges`` are seconds since 1970."""
        with self._database.read() as connection:
            return pages.curve_counts(connection, key, edges)

    def stories(self, msisdn: str) -> list[Story]:
        """What happened to a number over all runs, newest run first, rows that were set aside included."""
        with self._database.read() as connection:
            return rows.stories(connection, msisdn)

    def fates(self, first: int, second: int) -> Iterator[Fate]:
        """Every number of two runs with its bucket in each, in the order of the numbers, as of one moment."""
        with self._database.read_beside() as connection:
            yield from fates(connection, first, second)

    def maybe_sent(self, key: int, *, evidence: bool = False) -> Iterator[MaybeSent]:
        """The messages of a run that were maybe sent, in sending order; with ``evidence`` each with its history."""
        with self._database.read_beside() as connection:
            yield from maybe_sent(connection, key, evidence=evidence)
