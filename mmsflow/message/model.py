"""The nouns of messages: a message planned for one recipient, and how its parts are laid out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StaticPart:
    """A part that several messages share by content; its bytes are kept once, by digest."""

    content_type: str
    filename: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text part that is rendered for each recipient; takes the next of the message's ``texts``."""

    filename: str


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """A part that is drawn for each recipient; takes the next of the message's ``texts``, its bytes' SHA-256."""

    content_type: str
    filename: str


Layout = tuple[StaticPart | TextPart | DrawnPart, ...]
"""The parts of a message in order. Few distinct layouts serve a whole run."""


@dataclass(frozen=True, slots=True)
class PlannedMessage:
    """One message to one number, fully rendered.

    Attributes:
        ordinal, source, row, msisdn: of the recipient's row (see audience.model).
        subject: rendered subject, may be empty.
        layout: its parts in order.
        texts: one for each TextPart (the rendered text) and DrawnPart (hex SHA-256 of its bytes) of the layout.
        variant: name of the A/B variant, empty without variants.
        consent, segments: as in audience.model.Recipient.
    """

    ordinal: int
    source: str
    row: int
    msisdn: str
    subject: str
    layout: Layout
    texts: tuple[str, ...] = ()
    variant: str = ""
    consent: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()

    @property
    def drawn(self) -> tuple[str, ...]:
        """Hex SHA-256 of each part that is drawn for this recipient."""
        own = (part for part in self.layout if not isinstance(part, StaticPart))
        return tuple(text for part, text in zip(own, self.texts, strict=True) if isinstance(part, DrawnPart))
