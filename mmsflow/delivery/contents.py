"""From a stored message back to what goes on the wire; attachments in use are kept."""

from __future__ import annotations

from collections.abc import Iterator

from mmsflow.gateway.model import OutgoingMessage
from mmsflow.ledger.model import ReadyMessage, RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.message.model import DrawnPart, StaticPart, TextPart
from mmsflow.mms.content import Part

# A part has 280 KiB at most, so this bounds the memory of campaigns with a picture for each recipient.
_PARTS_KEPT = 64


class Contents:
    """Builds outgoing messages of one run."""

    def __init__(self, ledger: LedgerReader, run: RunInfo) -> None:
        self._ledger = ledger
        self._run = run
        self._parts: dict[StaticPart, Part] = {}

    def outgoing(self, message: ReadyMessage) -> OutgoingMessage:
        """The message with its parts' bytes, as frozen when the run started."""
        texts = iter(message.texts)
        parts = tuple(self._part(part, texts) for part in message.layout)
        run = self._run
        return OutgoingMessage(message.msisdn, message.subject, run.sender, run.priority, run.delivery_report, parts)

    def _part(self, part: StaticPart | TextPart | DrawnPart, texts: Iterator[str]) -> Part:
        if isinstance(part, StaticPart):
            return self._static(part)
        if isinstance(part, TextPart):
            return Part("text/plain", part.filename, next(texts).encode("utf-8"))
        # Nobody else gets it, so it is not kept.
        sha256 = next(texts)
        return Part(part.content_type, part.filename, self._ledger.blob(sha256).data, sha256)

    def _static(self, part: StaticPart) -> Part:
        known = self._parts.get(part)
        if known is None:
            blob = self._ledger.blob(part.sha256)
            known = self._parts[part] = Part(part.content_type, part.filename, blob.data, part.sha256)
            if len(self._parts) > _PARTS_KEPT:
                del self._parts[next(iter(self._parts))]
        return known
