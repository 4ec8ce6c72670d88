"""Planned messages and rows set aside, kept off the heap until a run freezes them.

A private temporary SQLite database holds them: it spills to disk by itself, has no name that another process could
open, and is gone when it is closed, whatever happens to the process.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring as _quoted  # json.dumps makes an encoder for every message
from operator import attrgetter
from types import TracebackType
from typing import Any

from mmsflow.audience.model import SetAside
from mmsflow.errors import MmsflowError
from mmsflow.message.model import DrawnPart, Layout, PlannedMessage, StaticPart, TextPart
from mmsflow.mms.content import Part
from mmsflow.mms.msisdn import mask_in_text
from mmsflow.mms.status import Bucket
from mmsflow.plan.model import Wave

_CHUNK = 1000
_CONTENTS = 1 << 128


class Draft:
    """A planned run before it starts.

    Attributes:
        reasons: set-aside rows by (bucket, code) → rows.
        examples: for each (bucket, code) the first row's reason.
        sources: messages by source; every source that has had a row.
        source_reasons: set-aside rows by (source, bucket, code) → rows.
        source_examples: for each of these the first row and its reason.
        first_subject: of the first message, its recipient's number masked.
        variants: messages by the name of their variant; all under an empty name without variants.
    """

    def __init__(self) -> None:
        # It may be filled in a thread beside the event loop, and is then read here; never by two at a time.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE;"
            "CREATE TABLE message (ordinal INTEGER PRIMARY KEY, source TEXT, row INTEGER, msisdn TEXT, subject TEXT,"
            " layout INTEGER, texts TEXT, variant TEXT, consent TEXT, segments TEXT);"
            "CREATE TABLE aside (ordinal INTEGER PRIMARY KEY, source TEXT, row INTEGER, number TEXT, bucket TEXT,"
            " code TEXT, reason TEXT, segments TEXT);"
            "CREATE TABLE cells (ordinal INTEGER PRIMARY KEY, cells TEXT);"
            "CREATE TABLE part (sha256 TEXT PRIMARY KEY, content_type TEXT, drawn INTEGER, data BLOB);"
        )
        self._layouts: dict[Layout, int] = {}
        self._digest, self._content = hashlib.sha256(), 0
        self._layout_marks: list[str] = []
        self.reasons: Counter[tuple[Bucket, str]] = Counter()
        self.examples: dict[tuple[Bucket, str], str] = {}
        self.sources: Counter[str] = Counter()
        self.source_reasons: Counter[tuple[str, Bucket, str]] = Counter()
        self.source_examples: dict[tuple[str, Bucket, str], tuple[int, str]] = {}
        self.messages = 0
        self.variants: Counter[str] = Counter()
        self.first_subject = ""

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything; the temporary file goes with it."""
        self._db.close()

    def add_messages(self, messages: Sequence[PlannedMessage]) -> None:
        """Keep rendered messages; their order is the order of sending."""
        if messages and not self.messages:
            self.first_subject = mask_in_text(messages[0].subject, messages[0].msisdn)
        rows = [
            (
                message.ordinal,
                message.source,
                message.row,
                message.msisdn,
                message.subject,
                self._layouts.setdefault(message.layout, len(self._layouts)),
                _encoded(message.texts),
                message.variant,
                _encoded(message.consent) if message.consent else "",
                _encoded(message.segments) if message.segments else "",
            )
            for message in messages
        ]
        self._digest_of(rows)
        self._add_content(rows)
        self._write("INSERT INTO message VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
        self.messages += len(rows)
        self.variants.update(map(attrgetter("variant"), messages))
        self.sources.update(map(attrgetter("source"), messages))

    def add_set_aside(self, rows: Sequence[SetAside]) -> None:
        """Keep rows that get no message, with their reasons."""
        values = []
        for row in rows:
            key = (row.bucket, row.code)
            self.reasons[key] += 1
            self.examples.setdefault(key, row.reason)
            of_source = (row.source, *key)
            self.sources[row.source] += 0
            self.source_reasons[of_source] += 1
            self.source_examples.setdefault(of_source, (row.row, row.reason))
            segments = _encoded(row.segments)
            values.append(
                (row.ordinal, row.source, row.row, row.number, row.bucket.value, row.code, row.reason, segments)
            )
        # Without the reason, which tells people more than what decides: how many messages a capped number had falls
        # by itself as days go by, and the plan is still the same.
        self._digest_of([(*row[:6], row[7]) for row in values])
        self._write("INSERT INTO aside VALUES (?,?,?,?,?,?,?,?)", values)
        cells = [(row.ordinal, json.dumps(dict(row.cells))) for row in rows if row.cells]
        if cells:
            # Beside the rows and outside of the digest: a plan is the same whether rejects are asked for or not.
            self._write("INSERT INTO cells VALUES (?,?)", cells)

    def add_parts(self, parts: Sequence[Part], *, drawn: bool = False) -> None:
        """Keep the bytes of parts, each digest once; ``drawn`` ones belong to one recipient each."""
        rows = [(part.sha256, part.content_type, drawn, part.data) for part in parts]
        self._write("INSERT OR IGNORE INTO part VALUES (?,?,?,?)", rows)

    def take_parts(self, other: Draft, message: PlannedMessage) -> None:
        """Keep the parts of a message of another draft, which may be closed afterwards."""
        for part in message.layout:
            if isinstance(part, StaticPart):
                self.add_parts([Part(part.content_type, part.filename, other.content(part.sha256), part.sha256)])
        drawn = [Part("image/png", "", other.content(sha256), sha256) for sha256 in message.drawn]
        self.add_parts(drawn, drawn=True)

    def content(self, sha256: str) -> bytes:
        """The bytes of a part, laid out or drawn, by its digest.

        Raises:
            KeyError: there is none with this digest.
        """
        found = self._db.execute("SELECT data FROM part WHERE sha256 = ?", (sha256,)).fetchone()
        if found is None:
            raise KeyError(sha256)
        return bytes(found[0])

    def stored_parts(self) -> Iterator[Part]:
        """Every part that a message carries, streaming."""
        used = {part.sha256 for layout in self._layouts for part in layout if isinstance(part, StaticPart)}
        for sha256, content_type, drawn, data in self._db.execute("SELECT * FROM part ORDER BY rowid"):
            if drawn or sha256 in used:
                yield Part(content_type, "", data, sha256)

    def row_bytes(self) -> int:
        """What the rows take here, parts left out."""
        pages = self._db.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()
        return max(0, int(pages[0]) - self._part_bytes("TRUE"))

    def drawn_bytes(self) -> int:
        """What the parts take that were drawn for one recipient each."""
        return self._part_bytes("drawn")

    def part_sizes(self) -> dict[str, int]:
        """The bytes of each laid-out part that a message carries, by its digest."""
        used = {part.sha256 for layout in self._layouts for part in layout if isinstance(part, StaticPart)}
        sizes = self._db.execute("SELECT sha256, LENGTH(data) FROM part WHERE NOT drawn")
        return {sha256: int(size) for sha256, size in sizes if sha256 in used}

    def _part_bytes(self, which: str) -> int:
        total = self._db.execute(f"SELECT COALESCE(SUM(LENGTH(data)), 0) FROM part WHERE {which}").fetchone()  # noqa: S608
        return int(total[0])

    def _digest_of(self, rows: Sequence[tuple[object, ...]]) -> None:
        # Batches arrive in a fixed order, so that the digest of the same inputs is the same.
        self._digest.update(repr(rows).encode("utf-8", "surrogatepass"))

    def _add_content(self, rows: Sequence[tuple[Any, ...]]) -> None:
        # A sum, so that a list that was sorted anew is the same. Without rows, sources and variants: number, subject,
        # layout and texts are what somebody gets.
        for new in self.layouts[len(self._layout_marks) :]:
            self._layout_marks.append(repr([_said_by(part) for part in new]))
        marks, total = self._layout_marks, 0
        for _, _, _, msisdn, subject, layout, texts, *_ in rows:
            what = f"{msisdn}\x1f{subject}\x1f{marks[layout]}\x1f{texts}"
            total += int.from_bytes(hashlib.sha256(what.encode("utf-8", "surrogatepass")).digest()[:16], "big")
        self._content = (self._content + total) % _CONTENTS

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            self._db.execute("BEGIN")
            self._db.executemany(statement, rows)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise MmsflowError(
                f"the plan cannot be kept in a temporary file: {error}",
                "free some space in the folder for temporary files, or name another one with TMPDIR",
                cause="temporary_file",
            ) from error

    @property
    def layouts(self) -> list[Layout]:
        """The distinct layouts, in order of first use."""
        return list(self._layouts)

    @property
    def rows(self) -> int:
        """All rows of the lists, whatever became of them."""
        return self.messages + self.reasons.total()

    def buckets(self) -> dict[Bucket, int]:
        """Rows by bucket, all eleven buckets, before anything is sent."""
        counts = dict.fromkeys(Bucket, 0)
        counts[Bucket.PENDING] = self.messages
        for (bucket, _), rows in self.reasons.items():
            counts[bucket] += rows
        return counts

    def digest(self, *facts: str) -> str:
        """Hex SHA-256 over ``facts``, every message, and every row set aside without its reason's words.

        Layouts are named by content (their parts' digests), so that a changed picture changes the digest.
        """
        whole = self._digest.copy()
        whole.update(repr([*facts, self.layouts]).encode())
        return whole.hexdigest()

    def content_digest(self, sender: str) -> str:
        """Hex SHA-256 over who gets what from whom: the numbers in any order, each with its message.

        Names of the campaign, of files and of attachments are no part of it, nor is any row set aside.
        """
        return hashlib.sha256(repr((sender, self.messages, self._content)).encode()).hexdigest()

    def stored_messages(self) -> Iterator[PlannedMessage]:
        """Every message in sending order, streaming."""
        layouts = self.layouts
        for ordinal, source, row, msisdn, subject, layout, texts, variant, consent, segments in self._db.execute(
            "SELECT * FROM message ORDER BY ordinal"
        ):
            yield PlannedMessage(
                ordinal,
                source,
                row,
                msisdn,
                subject,
                layouts[layout],
                _decoded(texts),
                variant,
                _decoded(consent),
                _decoded(segments),
            )

    def stored_set_aside(self) -> Iterator[SetAside]:
        """Every row set aside, in the order of the lists, streaming."""
        for ordinal, source, row, number, bucket, code, reason, segments, cells in self._db.execute(
            "SELECT aside.*, cells.cells FROM aside LEFT JOIN cells USING (ordinal) ORDER BY ordinal"
        ):
            kept = json.loads(cells) if cells else {}
            yield SetAside(ordinal, source, row, number, Bucket(bucket), code, reason, _decoded(segments), kept)


def _said_by(part: StaticPart | TextPart | DrawnPart) -> tuple[str, ...]:
    match part:
        case StaticPart():
            return part.content_type, part.sha256
        case DrawnPart():
            return "drawn", part.content_type
        case TextPart():
            return ("text",)


def _encoded(texts: Sequence[str]) -> str:
    return f"[{','.join(map(_quoted, texts))}]" if texts else ""


def _decoded(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text else ()


def in_waves(messages: Iterable[PlannedMessage], waves: Iterable[Wave]) -> Iterator[tuple[PlannedMessage, int]]:
    """Each message with the number of its wave, filled in order."""
    plan = iter(waves)
    number, room = 0, 0
    for message in messages:
        while not room:
            wave = next(plan)
            number, room = wave.number, wave.size
        room -= 1
        yield message, number
