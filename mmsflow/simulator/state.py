"""The simulator's record: tokens, quota, accepted messages and counters, in SQLite.

The record is the judge of what was really sent, so a message and the quota that it used are one transaction. Every
transaction is short: two processes may have the same file open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from mmsflow.simulator.fate import Fate, Prospect
from mmsflow.simulator.schema import connect
from mmsflow.simulator.wire import Submission

_FORGET_TOKENS_AFTER = 86_400.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One address of an accepted message, as it was recorded; ``parts`` is JSON, empty when not kept."""

    seq: int
    id: str
    number: str
    sender: str | None
    subject: str | None
    priority: str | None
    parts: str
    prospect: Prospect


class Record:
    """The record at ``path``; ``now`` (epoch seconds) anchors its quota periods if it is new.

    Raises:
        UsageError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: str, now: float) -> None:
        self._db = connect(path)
        self._db.execute("INSERT OR IGNORE INTO anchor VALUES (1, ?)", (now,))
        self.anchor: float = self._db.execute("SELECT epoch FROM anchor").fetchone()[0]

    def close(self) -> None:
        """Close the file; the record cannot be used afterwards."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _value(self, sql: str, *args: object) -> int:
        row = self._db.execute(sql, args).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    # Tokens

    def add_token(self, token: str, expires_at: float, now: float) -> None:
        """Keep a token, and forget those that expired a day ago."""
        with self._transaction():
            self._db.execute("INSERT INTO tokens VALUES (?, ?)", (token, expires_at))
            self._db.execute("DELETE FROM tokens WHERE expires_at < ?", (now - _FORGET_TOKENS_AFTER,))

    def token_expiry(self, token: str) -> float | None:
        """When a token expires, as epoch seconds; None when it was never given out."""
        row = self._db.execute("SELECT expires_at FROM tokens WHERE token = ?", (token,)).fetchone()
        return None if row is None else float(row[0])

    def revoke_tokens(self) -> int:
        """Forget all tokens; returns how many there were."""
        return self._db.execute("DELETE FROM tokens").rowcount

    # Quota

    def used(self, period: int) -> int:
        """Requests of a period that are in this record."""
        return self._value("SELECT used FROM usage WHERE period = ?", period)

    def use(self, period: int, requests: int = 1) -> None:
        """Use up quota."""
        self._db.execute(
            "INSERT INTO usage VALUES (?, ?) ON CONFLICT (period) DO UPDATE SET used = used + excluded.used",
            (period, requests),
        )

    # Counters

    def count(self, *names: str) -> None:
        """Add 1 to each counter."""
        self._db.executemany(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
            [(name,) for name in names],
        )

    def counters(self) -> Mapping[str, int]:
        """All counters that are above 0."""
        return dict(self._db.execute("SELECT name, value FROM counters ORDER BY name"))

    # Messages

    def accept(
        self,
        submission: Submission,
        *,
        message_id: str,
        now: float,
        period: int,
        room: int,
        fate_of: Callable[[str, int], Fate],
        keep_parts: bool,
    ) -> bool:
        """Record an accepted message with a row for each address, and the quota that it used.

        Args:
            room: requests that this record may have in the period, before this one at least one less.
            fate_of: the fate of the nth message to a number.
            keep_parts: keep sender, subject, priority and parts, or only numbers and id.

        Returns:
            False, and nothing recorded, when the quota is used up.
        """
        with self._transaction():
            if self.used(period) >= room:
                return False
            self.use(period)
            self.count("accepted")
            parts = json.dumps([asdict(part) for part in submission.attachments]) if keep_parts else None
            message = submission.message
            about = (message.sender, message.subject, message.priority) if keep_parts else (None, None, None)
            for number in message.numbers:
                nth = 1 + self._value("SELECT count(*) FROM messages WHERE number = ?", number)
                fate = fate_of(number, nth)
                self._db.execute(
                    "INSERT INTO messages VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (message_id, number, *about, message.delivery_report, parts, now, now + fate.delay, fate.status),
                )
        return True

    def prospects(self, message_id: str) -> list[Prospect]:
        """What was written down for each address of a message; empty when the id is unknown."""
        rows = self._db.execute(
            "SELECT delivery_report, received_at, final_at, fate FROM messages WHERE id = ?", (message_id,)
        )
        return [Prospect(bool(report), received, final, fate) for report, received, final, fate in rows]

    def entries(self, number: str | None, limit: int, offset: int) -> Iterator[Entry]:
        """Rows in order of acceptance; ``limit`` -1 for all."""
        rows = self._db.execute(
            "SELECT seq, id, number, sender, subject, priority, parts, delivery_report, received_at, final_at, fate"
            " FROM messages WHERE ?1 IS NULL OR number = ?1 ORDER BY seq LIMIT ?2 OFFSET ?3",
            (number, limit, offset),
        )
        for row in rows:
            seq, message_id, to, sender, subject, priority, parts, report, received, final, fate = row
            prospect = Prospect(bool(report), received, final, fate)
            yield Entry(seq, message_id, to, sender, subject, priority, parts or "", prospect)

    def total(self, number: str | None) -> int:
        """How many rows ``entries`` has without a limit."""
        return self._value("SELECT count(*) FROM messages WHERE ?1 IS NULL OR number = ?1", number)

    def per_number(self, at_least: int) -> Sequence[tuple[str, int]]:
        """Numbers with at least so many messages, the most first."""
        return self._db.execute(
            "SELECT number, count(*) AS n FROM messages GROUP BY number HAVING n >= ? ORDER BY n DESC, number",
            (at_least,),
        ).fetchall()

    def distinct_numbers(self) -> int:
        """How many numbers got a message."""
        return self._value("SELECT count(DISTINCT number) FROM messages")

    def reset(self) -> int:
        """Forget messages, counters and used quota, keep tokens; returns how many messages there were."""
        with self._transaction():
            forgotten = self._db.execute("DELETE FROM messages").rowcount
            self._db.execute("DELETE FROM counters")
            self._db.execute("DELETE FROM usage")
        return forgotten
