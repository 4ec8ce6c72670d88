"""Rows that are added to a list as it stands: its bytes stay, and the new ones look like those before them.

Pure: bytes in, bytes out. Encoding, byte order mark, delimiter, line ends, header and order of columns are the list's.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmsflow.audience.bytestream import UTF8, UTF16
from mmsflow.audience.columns import simple_name
from mmsflow.audience.formula_guard import guarded

NEW_COLUMNS = ("number", "added_at", "added_by", "reason")
"""The header of a suppression list that is made anew."""

# As people name the columns, without case, accents, spaces and signs.
_USUAL = {
    "added_at": {"addedat", "added", "date", "since", "optedoutat", "data", "datadodania", "dodano", "od", "kiedy"},
    "added_by": {"addedby", "by", "who", "kto", "dodal", "dodala"},
    "reason": {"reason", "why", "note", "notes", "comment", "powod", "przyczyna", "uwagi", "komentarz", "dlaczego"},
}
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class OptOut:
    """One number that is never to be sent to.

    Attributes:
        number: E.164.
        facts: ``added_at``, ``added_by`` and ``reason``, each one line.
    """

    number: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListShape:
    """What rows of a list look like.

    Attributes:
        columns: its columns, in order.
        number_at: position of the number.
        delimiter, encoding: of CSV; the encoding as the reader found it.
        is_jsonl: one JSON object a line instead.
    """

    columns: Sequence[str]
    number_at: int
    delimiter: str = ","
    encoding: str = UTF8
    is_jsonl: bool = False

    def column_of(self, fact: str) -> str | None:
        """Name the column that keeps a fact; None where the list has none. The number's own is none."""
        for position, column in enumerate(self.columns):
            if position != self.number_at and simple_name(column) in _USUAL[fact]:
                return column
        return None


def with_rows(content: bytes, shape: ListShape, rows: Sequence[OptOut]) -> bytes:
    """Give the list with these rows at its end; every byte that it had stays where it was.

    Args:
        content: the list, readable, with a header where it is CSV.

    Raises:
        LookupError: its encoding is not known.
    """
    codec = _codec(content, shape.encoding)
    text = content.decode(codec, "replace")
    end = found[0] if (found := _LINE_END.search(text)) else "\n"
    lines = _json_lines(shape, rows, end) if shape.is_jsonl else _csv_lines(shape, rows, end)
    joint = "" if not text or text[-1] in "\r\n" else end
    return content + (joint + lines).encode(codec, "replace")


def new_list(rows: Sequence[OptOut], *, is_jsonl: bool) -> bytes:
    """Give a list that has these rows and none before them."""
    shape = ListShape(NEW_COLUMNS, 0, is_jsonl=is_jsonl)
    header = "" if is_jsonl else ",".join(NEW_COLUMNS) + "\n"
    return with_rows(header.encode(), shape, rows)


def _codec(content: bytes, encoding: str) -> str:
    """The encoding of what comes after a byte order mark, which is not to be written a second time."""
    if encoding == UTF16:
        return "utf-16-be" if content.startswith(b"\xfe\xff") else "utf-16-le"
    return "utf-8" if encoding == UTF8 else encoding


def _csv_lines(shape: ListShape, rows: Sequence[OptOut], end: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=shape.delimiter, lineterminator=end)
    kept = {shape.column_of(fact): fact for fact in _USUAL}
    for row in rows:
        cells = [guarded(row.facts.get(kept.get(column, ""), "")) for column in shape.columns]
        cells[shape.number_at] = row.number
        writer.writerow(cells)
    return out.getvalue()


def _json_lines(shape: ListShape, rows: Sequence[OptOut], end: str) -> str:
    lines = []
    for row in rows:
        record = {shape.columns[shape.number_at]: row.number}
        for fact in _USUAL:
            if (column := shape.column_of(fact)) is not None:
                record[column] = row.facts.get(fact, "")
        lines.append(json.dumps(record, ensure_ascii=False) + end)
    return "".join(lines)
