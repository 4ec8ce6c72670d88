"""What the page shows of a run beside its rows: the files that were sent, who approved it, and the quota's counter."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from mmsflow.errors import MmsflowError
from mmsflow.ledger.model import FrozenInput, RunInfo
from mmsflow.ledger.operation import Approval
from mmsflow.message.model import StaticPart

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
    approval: Approval | None = None


def collect_exhibits(reader: LedgerReader, run: RunInfo) -> Exhibits:
    """Read what was frozen with a run; a file whose content is no longer kept is named without it."""
    inputs = tuple(reader.inputs(run.key))
    templates = [item for item in inputs if item.kind == "template"][:_TEXTS]
    return Exhibits(
        pictures=tuple(_picture(part, _content(reader, part.sha256)) for part in _sent_parts(reader, run)),
        texts=tuple(_text(item, _content(reader, item.sha256)) for item in templates),
        quota=_quota(reader, run),
        inputs=inputs,
        approval=reader.approval_for(run.key),
    )


def _sent_parts(reader: LedgerReader, run: RunInfo) -> list[StaticPart]:
    """Files as they were sent, which for a picture is not the file of the workspace; of drawn ones a single example."""
    laid_out = (part for layout in reader.layouts(run.key) for part in layout)
    files = {
        part.sha256: part for part in laid_out if isinstance(part, StaticPart) and part.content_type != "text/plain"
    }
    shown = list(files.values())[:_PICTURES]
    if (drawn := reader.drawn_example(run.key)) and (data := _content(reader, drawn)) is not None:
        shown.append(StaticPart("image/png", "qr.png (one of many, each recipient has another)", drawn, len(data)))
    return shown


def _content(reader: LedgerReader, sha256: str) -> bytes | None:
    try:
        return reader.blob(sha256).data
    except (MmsflowError, KeyError):
        return None


def _picture(part: StaticPart, data: bytes | None) -> Picture:
    name = part.filename
    if data is None:
        return Picture(name, part.size_bytes, "", "its content is no longer kept in the ledger")
    kind = next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), "")
    if not kind:
        return Picture(name, len(data), "", "not a picture that this page can show")
    if len(data) > _PICTURE_LIMIT_BYTES:
        return Picture(name, len(data), "", "too large to be shown here")
    return Picture(name, len(data), f"data:{kind};base64,{base64.b64encode(data).decode()}", "")


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
