"""The nouns of a preview: messages as handsets would show them."""

from __future__ import annotations

from dataclasses import dataclass

from mmsflow.mms.content import cut_subject


@dataclass(frozen=True, slots=True)
class ShownPart:
    """One part as a person sees it.

    Attributes:
        sha256: hex digest of its bytes.
        text: of a text part; empty for any other.
    """

    filename: str
    content_type: str
    size_bytes: int
    sha256: str
    text: str = ""

    @property
    def kind(self) -> str:
        """``picture``, ``text`` or ``other``."""
        return kind_of(self.content_type)


def kind_of(content_type: str) -> str:
    """What a handset makes of a part: ``picture``, ``text`` or ``other``."""
    if content_type.startswith("image/"):
        return "picture"
    return "text" if content_type == "text/plain" else "other"


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """One message as a handset would show it.

    Attributes:
        reasons: why this row is shown: ``first``, ``longest subject``, ``variant b`` … At least one.
        msisdn: E.164, in full.
        variant: of an A/B test; empty without one.
        oddities: characters that cannot be seen, each as ``U+202E RIGHT-TO-LEFT OVERRIDE``.
    """

    reasons: tuple[str, ...]
    source: str
    row: int
    msisdn: str
    subject: str
    parts: tuple[ShownPart, ...]
    size_bytes: int
    variant: str = ""
    oddities: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The first reason."""
        return self.reasons[0]

    @property
    def halves(self) -> tuple[str, str]:
        """The subject as every handset shows it, and the rest that some of them cut."""
        return cut_subject(self.subject)

    @property
    def cut(self) -> bool:
        """Whether some handsets cut its subject."""
        return bool(self.halves[1])
