"""JSON Lines: one object a line, scalars only."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mmsflow.audience.bytestream import BUFFER_BYTES, UTF8, ListBytes, list_error, undecodable
from mmsflow.audience.columns import MOST_COLUMNS
from mmsflow.audience.model import ListDigest
from mmsflow.campaign.wording import masked
from mmsflow.errors import InvalidInput
from mmsflow.mms.workspace_files import open_inside

Cell = str | int | float | bool
"""What a cell can hold; CSV has strings only. A missing value and JSON's null are the empty string."""

_ONE_OBJECT = 'write one object a line, such as {"msisdn": "+48501102030", "name": "Ola"}'
_STRANGE_TEXT = "a text holds a NUL or half of a surrogate pair"


class JsonLinesList:
    """A JSON Lines list, open: its columns are known, its rows are yet to be read, once.

    Attributes:
        name: as the campaign names it.
        columns: every key of the list, in the order of their first appearance.
        width: cells of a row.
        header_line: 0, it has none.
        line: line of the row that was read last; a row's number is its line.
    """

    def __init__(self, workspace: Path, name: str, columns: tuple[str, ...] | None = None) -> None:
        """Open the list; without ``columns``, as an earlier reading found them, it is read once for its keys."""
        self.name = name
        self.header_line = 0
        self.line = 0
        self._workspace = workspace
        self.columns = _all_keys(workspace, name) if columns is None else columns
        self.width = len(self.columns)
        self._bytes = ListBytes(open_inside(workspace, name), name, UTF8, guessed=False)
        self._text = io.TextIOWrapper(io.BufferedReader(self._bytes, BUFFER_BYTES), encoding=UTF8, newline="\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._text.close()

    def digest(self) -> ListDigest:
        return self._bytes.digest()

    def remarks(self) -> tuple[str, ...]:
        return ()

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Yield (line, a cell for each column); blank lines are skipped.

        Raises:
            InvalidInput: a line that is no object of scalars, bytes that are no UTF-8, a key that was not there before.
        """
        columns = self.columns
        known = frozenset(columns)
        for record in self.records():
            if not record.keys() <= known:
                raise list_error(self.name, self.line, 0, "the list changed while it was being read", "start again")
            yield self.line, [record.get(column, "") for column in columns]

    def records(self) -> Iterator[dict[str, Cell]]:
        """Yield each line's object, with ``line`` at its place."""
        try:
            for line, text in enumerate(self._text, 1):
                self.line = line
                if not text.isspace():
                    yield self._record(text)
        except UnicodeDecodeError as error:
            raise undecodable(self._workspace, self.name, UTF8) from error

    def _record(self, text: str) -> dict[str, Cell]:
        try:
            value = _DECODER.decode(text.strip())
        except json.JSONDecodeError as error:
            raise self._error(f"this is no JSON: {error.msg}", error.colno) from error
        except (ValueError, RecursionError) as error:
            raise self._error(str(error) if isinstance(error, _Refused) else "this is no JSON we can read") from error
        if not isinstance(value, _Pairs):
            raise self._error("the line holds no object")
        if "\\u" in text and not all(_is_clean(part) for pair in value.items() for part in pair):
            raise self._error(_STRANGE_TEXT)
        return dict(value)

    def _error(self, message: str, column: int = 0) -> InvalidInput:
        return list_error(self.name, self.line, column, message, _ONE_OBJECT)


class _Refused(ValueError):
    """JSON that is valid, but not what a list may hold."""


class _Pairs(dict[str, Cell]):
    """An object of scalars; its own class, so that one inside another is told from a scalar."""


def _pairs(pairs: list[tuple[str, object]]) -> _Pairs:
    found = _Pairs()
    for key, value in pairs:
        if key in found:
            raise _Refused(f"the key {masked(key, 60)!r} is given twice")
        if value is None:
            value = ""
        elif not isinstance(value, str | int | float):
            raise _Refused(f"{masked(key, 60)!r} holds a list or an object, not one value")
        found[key] = value
    return found


def _number(text: str) -> float | str:
    # A power of ten keeps its spelling: as a number, 4.85E+10 would look as if no digit had been lost.
    return text if "e" in text.lower() else float(text)


def _constant(text: str) -> Cell:
    raise _Refused(f"{text} is no value")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_number, parse_constant=_constant)


def _is_clean(value: object) -> bool:
    return not isinstance(value, str) or not any(
        character == "\0" or "\ud800" <= character <= "\udfff" for character in value
    )


def _all_keys(workspace: Path, name: str) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    with JsonLinesList(workspace, name, ()) as every:
        for record in every.records():
            if not record.keys() <= keys.keys():
                keys.update(dict.fromkeys(record))
                if len(keys) > MOST_COLUMNS:
                    raise list_error(name, every.line, 0, f"more than {MOST_COLUMNS} keys", "leave out unused ones")
    if not keys:
        raise list_error(name, 0, 0, "the list is empty", _ONE_OBJECT)
    return tuple(keys)
