"""Which messages are worth a look: one pass over all of them, in memory that does not grow with the list."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mmsflow.message.model import DrawnPart, Layout, PlannedMessage, StaticPart

MOST_LAYOUTS = 12
"""Distinct sets of attachments that are shown; of more, their number is told."""

_MOST_VARIANTS = 26
# Controls, what turns the reading direction, what has no width, and what has no meaning outside one program. The joiner
# U+200D is left out: it makes one emoji of several.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\uffff\ud800-\uf8ff]"
)


@dataclass(slots=True)
class _Span:
    """The least and the greatest of a measure, each with the first message that has it."""

    least: tuple[int, PlannedMessage]
    greatest: tuple[int, PlannedMessage]


@dataclass(slots=True)
class Sample:
    """The messages to be shown.

    Attributes:
        chosen: message and reasons, by its position in the list; in the order of their choice.
        variants: how many messages each variant has.
        layouts: how many distinct sets of attachments there are, and how many of them are shown.
        largest_bytes: of the largest message, drawn parts left out.
    """

    chosen: dict[int, tuple[PlannedMessage, list[str]]] = field(default_factory=dict)
    variants: Counter[str] = field(default_factory=Counter)
    layouts: int = 0
    layouts_shown: int = 0
    largest_bytes: int = 0

    def choose(self, message: PlannedMessage, reason: str) -> None:
        """Show this message, too; a message that is shown already gets one more reason."""
        self.chosen.setdefault(message.ordinal, (message, []))[1].append(reason)


class Sampler:
    """Takes every message once and keeps the few that are worth a look."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._sample = Sample()
        self._spans: dict[str, _Span] = {}
        self._fixed: dict[int, int] = {}
        self._layouts: list[PlannedMessage] = []
        self._variants: dict[str, PlannedMessage] = {}
        self._unseen: PlannedMessage | None = None

    def add(self, message: PlannedMessage) -> None:
        """Take the next message in the order of sending."""
        sample = self._sample
        if len(sample.chosen) < self._first:
            sample.choose(message, "first")
        sample.variants[message.variant] += 1
        if len(self._variants) < _MOST_VARIANTS:
            self._variants.setdefault(message.variant, message)
        # A draft hands out one object for each distinct layout, so its identity stands for it.
        if id(message.layout) not in self._fixed:
            self._fixed[id(message.layout)] = _fixed_bytes(message.layout)
            if len(self._layouts) < MOST_LAYOUTS:
                self._layouts.append(message)
        texts = (message.subject, *_rendered(message))
        self._measure("subject", len(message.subject), message)
        self._measure("text", sum(map(len, texts[1:])), message)
        self._measure("unusual", _unusual(texts), message)
        if self._unseen is None and any(map(_UNSEEN.search, texts)):
            self._unseen = message
        own_bytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
        self._measure("size", self._fixed[id(message.layout)] + own_bytes, message)

    def _measure(self, name: str, value: int, message: PlannedMessage) -> None:
        span = self._spans.get(name)
        if span is None:
            self._spans[name] = _Span((value, message), (value, message))
        elif value > span.greatest[0]:
            span.greatest = (value, message)
        elif value < span.least[0]:
            span.least = (value, message)

    def sample(self) -> Sample:
        """What was chosen of all messages so far."""
        sample = self._sample
        for name, (least, greatest) in _REASONS.items():
            span = self._spans.get(name)
            if span is None or span.least[0] == span.greatest[0]:
                continue  # all alike: none of them is the longest
            if least:
                sample.choose(span.least[1], least)
            sample.choose(span.greatest[1], greatest)
        if self._unseen:
            sample.choose(self._unseen, "characters that cannot be seen")
        if len(self._variants) > 1 or "" not in self._variants:
            for name, message in self._variants.items():
                sample.choose(message, f"variant {name}")
        if len(self._layouts) > 1:
            for place, message in enumerate(self._layouts, 1):
                sample.choose(message, f"attachments {place} of {len(self._fixed)}")
        sample.layouts, sample.layouts_shown = len(self._fixed), len(self._layouts)
        sample.largest_bytes = self._spans["size"].greatest[0] if self._spans else 0
        return sample


def oddities(texts: Iterable[str]) -> tuple[str, ...]:
    """Characters that cannot be seen, but change what is seen, as ``U+202E RIGHT-TO-LEFT OVERRIDE``; no more than 8."""
    found = sorted({character for text in texts for character in _UNSEEN.findall(text)})
    return tuple(f"U+{ord(each):04X} {unicodedata.name(each, 'without a name')}" for each in found[:8])


def _fixed_bytes(layout: Layout) -> int:
    return sum(part.size_bytes for part in layout if isinstance(part, StaticPart))


def _rendered(message: PlannedMessage) -> Sequence[str]:
    """Texts that a person reads; the digests of drawn parts stand among ``texts``, too."""
    if not any(isinstance(part, DrawnPart) for part in message.layout):
        return message.texts
    own = (part for part in message.layout if not isinstance(part, StaticPart))
    return [text for part, text in zip(own, message.texts, strict=False) if not isinstance(part, DrawnPart)]


def _unusual(texts: Sequence[str]) -> int:
    """Characters beyond the alphabets of Europe's west and middle, which not every handset has a picture of."""
    return sum(character > "\u017f" for text in texts if not text.isascii() for character in text)


# The measure's least and greatest; an empty reason chooses nothing.
_REASONS = {
    "subject": ("shortest subject", "longest subject"),
    "unusual": ("", "most unusual characters"),
    "text": ("shortest text", "longest text"),
    "size": ("", "largest message"),
}
