"""What the page shows of a run beside its rows: the files that were sent, and the gateway's counter."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from mmsflow.errors import MmsflowError
from mmsflow.ledger.model import FrozenInput, RunInfo

if TYPE_CHECKING:
    from mmsflow.ledger.history import LedgerReader

_PICTURE_LIMIT_BYTES = 300_000
_PICTURES = 8
_TEXT_LIMIT_CHARACTERS = 4_000
_TEXTS = 8

# Formats that a browser shows as a picture and nothing else, known by their first bytes, not by a name.
_SIGNATURES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF8", "image/gif"))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was sent; ``data_uri`` is empty where it is not shown, then ``note`` says why."""

    path: str
    size_bytes: int
    data_uri: str
    note: str


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """A text part as the campaign wrote it, before each recipient's values went in."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class QuotaFact:
    """The gateway's counter as it was last read during or after the run."""

    at: datetime
    used: int
    available: int
    reset_on: date | None


@dataclass(frozen=True, slots=True)
class Exhibits:
    """All of it; anything may be missing from the ledger, and then is empty."""

    pictures: tuple[Picture, ...] = ()
    texts: tuple[TextTemplate, ...] = ()
    quota: QuotaFact | None = None
    inputs: tuple[FrozenInput, ...] = ()


def collect_exhibits(reader: LedgerReader, run: RunInfo) -> Exhibits:
    """Read what was frozen with a run; a file whose content is no longer kept is named without it."""
    inputs = tuple(reader.inputs(run.key))
    media = [item for item in inputs if item.kind == "media"][:_PICTURES]
    templates = [item for item in inputs if item.kind == "template"][:_TEXTS]
    return Exhibits(
        pictures=tuple(_picture(item, _content(reader, item)) for item in media),
        texts=tuple(_text(item, _content(reader, item)) for item in templates),
        quota=_quota(reader, run),
        inputs=inputs,
    )


def _content(reader: LedgerReader, item: FrozenInput) -> bytes | None:
    try:
        return reader.blob(item.sha256).data
    except (MmsflowError, KeyError):
        return None


def _picture(item: FrozenInput, data: bytes | None) -> Picture:
    if data is None:
        return Picture(item.path, item.size_bytes, "", "its content is no longer kept in the ledger")
    kind = next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), "")
    if not kind:
        return Picture(item.path, len(data), "", "not a picture that this page can show")
    if len(data) > _PICTURE_LIMIT_BYTES:
        return Picture(item.path, len(data), "", "too large to be shown here")
    return Picture(item.path, len(data), f"data:{kind};base64,{base64.b64encode(data).decode()}", "")


def _text(item: FrozenInput, data: bytes | None) -> TextTemplate:
    if data is None:
        return TextTemplate(item.path, "")
    text = data.decode("utf-8", errors="replace")
    return TextTemplate(item.path, text[:_TEXT_LIMIT_CHARACTERS] + ("…" if len(text) > _TEXT_LIMIT_CHARACTERS else ""))


def _quota(reader: LedgerReader, run: RunInfo) -> QuotaFact | None:
    readings = [item for item in reader.quota_readings(run.account) if item.at >= run.created_at]
    if not readings:
        return None
    last = max(readings, key=lambda item: item.at)
    return QuotaFact(last.at, last.used, last.available, last.reset_on)
