"""Between our nouns and what the tables hold: instants, layouts, texts and evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from json.encoder import encode_basestring

from mmsflow.errors import LedgerError
from mmsflow.message.model import DrawnPart, Layout, StaticPart, TextPart

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FACTS: Mapping[type, tuple[str, ...]] = {
    StaticPart: ("content_type", "filename", "sha256", "size_bytes"),
    DrawnPart: ("content_type", "filename"),
    TextPart: ("filename",),
}
_KINDS: Mapping[int, type] = {len(facts): kind for kind, facts in _FACTS.items()}
_MICROSECOND = timedelta(microseconds=1)

# ASCII only: a lone surrogate in somebody's evidence must not stop the ledger from keeping it.
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
_decode = json.JSONDecoder().decode


def to_micros(instant: datetime) -> int:
    """An aware instant as whole microseconds since 1970 in UTC; exact.

    Raises:
        LedgerError: the instant is naive.
    """
    if instant.tzinfo is None:
        raise LedgerError(f"an instant without a time zone cannot be kept: {instant.isoformat()}")
    return (instant - _EPOCH) // _MICROSECOND


def maybe_micros(instant: datetime | None) -> int | None:
    """As ``to_micros``, None for None."""
    return None if instant is None else to_micros(instant)


def to_instant(micros: int) -> datetime:
    """The inverse of ``to_micros``, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def maybe_instant(micros: int | None) -> datetime | None:
    """As ``to_instant``, None for None."""
    return None if micros is None else to_instant(micros)


def encode_object(value: Mapping[str, object]) -> str:
    """A mapping as JSON; what JSON cannot say is kept as its text."""
    return _encode(dict(value)) if value else "{}"


def decode_object(text: str) -> dict[str, object]:
    """The inverse of ``encode_object``.

    Raises:
        LedgerError: not a JSON object.
    """
    value = _parsed(text)
    if not isinstance(value, dict):
        raise _damaged("a JSON object", text)
    return value


def encode_texts(texts: Sequence[str]) -> str:
    """Texts as a JSON array, such as a message's rendered ones."""
    # The C function below json.dumps: 0.3 µs instead of 2, for something that is done for every recipient.
    return f"[{','.join(map(encode_basestring, texts))}]"


def decode_texts(text: str) -> tuple[str, ...]:
    """The inverse of ``encode_texts``."""
    if text == "[]":
        return ()
    value = _parsed(text)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _damaged("a list of texts", text)
    return tuple(value)


def encode_layout(layout: Layout) -> str:
    """A layout as a JSON array: four facts of a static part, two of a drawn one, one of a text."""
    return _encode([list(map(partial(getattr, part), _FACTS[type(part)])) for part in layout])


def encode_cells(cells: Sequence[str]) -> str:
    """Cells of a row as a JSON array, an empty text where there are none: most campaigns keep none."""
    return encode_texts(cells) if cells else ""


def decode_cells(text: str) -> tuple[str, ...]:
    """The inverse of ``encode_cells``."""
    return decode_texts(text) if text else ()


def decode_layout(text: str) -> Layout:
    """The inverse of ``encode_layout``.

    Raises:
        LedgerError: the text is no layout.
    """
    try:
        layout: Layout = tuple(_KINDS[len(part)](*part) for part in _parsed(text))  # type: ignore[attr-defined]
    except (TypeError, KeyError):
        raise _damaged("a message layout", text) from None
    if not all(isinstance(part.filename, str) for part in layout):
        raise _damaged("a message layout", text)
    return layout


def _parsed(text: str) -> object:
    try:
        value: object = _decode(text)
    except ValueError:
        raise _damaged("JSON", text) from None
    return value


def _damaged(expected: str, text: str) -> LedgerError:
    return LedgerError(
        f"the ledger holds something else where {expected} should be ({len(text)} characters)",
        "Restore the ledger from a backup, or run `mmsflow doctor` for a closer look.",
        cause="ledger_damaged",
    )
