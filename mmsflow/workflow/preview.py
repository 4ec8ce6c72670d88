"""What handsets would show: the first messages, and the ones most likely to look wrong. Nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmsflow.message.model import DrawnPart, PlannedMessage, StaticPart
from mmsflow.mms.content import SUBJECT_SHOWN_CHARACTERS
from mmsflow.mms.msisdn import mask_in_text
from mmsflow.workflow.prepare import Prepared


@dataclass(frozen=True, slots=True)
class ShownPart:
    """One part as a person sees it: text parts with their text."""

    filename: str
    content_type: str
    size_bytes: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """One message as a handset would show it.

    Attributes:
        why: why this row is shown: ``first``, ``longest subject``, ``most unusual characters`` …
        cut: the subject is longer than handsets show.
    """

    why: str
    source: str
    row: int
    msisdn: str
    subject: str
    cut: bool
    parts: tuple[ShownPart, ...]
    size_bytes: int


def preview(prepared: Prepared, limit: int, number: str = "", *, show_numbers: bool = False) -> list[ShownMessage]:
    """The first ``limit`` messages and the extremes of the whole list, no row twice.

    Args:
        prepared: from ``prepare``.
        limit: how many of the first, at least 0.
        number: E.164; only messages to this number when given.
        show_numbers: leave the recipient's own number in subject and texts as it is.
    """
    chosen: dict[int, tuple[str, PlannedMessage]] = {}
    extremes: dict[str, tuple[float, PlannedMessage]] = {}
    for message in prepared.draft.stored_messages():
        if number:
            if message.msisdn == number:
                chosen[message.ordinal] = ("asked for", message)
            continue
        if len(chosen) < limit:
            chosen[message.ordinal] = ("first", message)
        for why, measure in _MEASURES.items():
            value = measure(message)
            if why not in extremes or value > extremes[why][0]:
                extremes[why] = (value, message)
    for why, (_, message) in extremes.items():
        chosen.setdefault(message.ordinal, (why, message))
    return [_shown(prepared, why, message, show_numbers=show_numbers) for why, message in chosen.values()]


def _text_length(message: PlannedMessage) -> float:
    return sum(map(len, message.texts))


_MEASURES: dict[str, Callable[[PlannedMessage], float]] = {
    "longest subject": lambda message: len(message.subject),
    "shortest subject": lambda message: -len(message.subject),
    "most unusual characters": lambda message: sum(
        ord(letter) > 0x17F for letter in message.subject + "".join(message.texts)
    ),
    "longest text": _text_length,
    "shortest text": lambda message: -_text_length(message),
}


def _shown(prepared: Prepared, why: str, message: PlannedMessage, *, show_numbers: bool) -> ShownMessage:
    def seen(text: str) -> str:
        return text if show_numbers else mask_in_text(text, message.msisdn)

    texts = iter(message.texts)
    parts = []
    for part in message.layout:
        if isinstance(part, StaticPart):
            text = prepared.content(part.sha256).decode("utf-8", "replace") if part.content_type == "text/plain" else ""
            parts.append(ShownPart(part.filename, part.content_type, part.size_bytes, text))
        elif isinstance(part, DrawnPart):
            parts.append(ShownPart(part.filename, part.content_type, len(prepared.content(next(texts)))))
        else:
            text = next(texts)
            parts.append(ShownPart(part.filename, "text/plain", len(text.encode()), seen(text)))
    return ShownMessage(
        why=why,
        source=message.source,
        row=message.row,
        msisdn=message.msisdn,
        subject=seen(message.subject),
        cut=len(message.subject) > SUBJECT_SHOWN_CHARACTERS,
        parts=tuple(parts),
        size_bytes=len(message.subject.encode()) + sum(part.size_bytes for part in parts),
    )
