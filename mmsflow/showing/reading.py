"""A planned message as it is shown: texts in place, sizes, the recipient's number masked inside them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from mmsflow.message.model import DrawnPart, PlannedMessage, StaticPart
from mmsflow.mms.msisdn import mask_in_text
from mmsflow.showing.model import ShownMessage, ShownPart
from mmsflow.showing.sample import oddities

Content = Callable[[str], bytes]
"""The bytes of a part by its hex SHA-256."""


def shown_message(
    message: PlannedMessage, reasons: Sequence[str], content: Content, *, show_numbers: bool
) -> ShownMessage:
    """The message with its parts as handsets would show them."""

    def seen(text: str) -> str:
        return text if show_numbers else mask_in_text(text, message.msisdn)

    texts = iter(message.texts)
    parts = []
    for part in message.layout:
        if isinstance(part, StaticPart):
            text = content(part.sha256).decode("utf-8", "replace") if part.content_type == "text/plain" else ""
            parts.append(ShownPart(part.filename, part.content_type, part.size_bytes, part.sha256, seen(text)))
        elif isinstance(part, DrawnPart):
            digest = next(texts)
            parts.append(ShownPart(part.filename, part.content_type, len(content(digest)), digest))
        else:
            raw = next(texts)
            data = raw.encode("utf-8", "surrogatepass")
            digest = hashlib.sha256(data).hexdigest()
            parts.append(ShownPart(part.filename, "text/plain", len(data), digest, seen(raw)))
    subject_bytes = len(message.subject.encode("utf-8", "surrogatepass"))
    return ShownMessage(
        reasons=tuple(reasons),
        source=message.source,
        row=message.row,
        msisdn=message.msisdn,
        subject=seen(message.subject),
        parts=tuple(parts),
        size_bytes=subject_bytes + sum(part.size_bytes for part in parts),
        variant=message.variant,
        oddities=oddities([message.subject, *(part.text for part in parts)]),
    )
