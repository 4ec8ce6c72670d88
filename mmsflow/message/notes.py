"""What is remarkable about rendered messages without being wrong: counted, with the first row of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmsflow.audience.model import Recipient
from mmsflow.campaign.wording import masked
from mmsflow.message.links import Alarm, Found, alarms_in
from mmsflow.mms.content import SUBJECT_SHOWN_CHARACTERS, shown_length

_MEANINGS = {
    Alarm.SHORTENER: ("links through a public URL shortener", "operators refuse those: link to a domain of yours"),
    Alarm.BRAND: ("links to a host that looks like a well-known brand", "readers and filters take it for a fraud"),
    Alarm.SCRIPTS: ("links to a host with letters of several alphabets", "write it in Latin letters"),
    Alarm.PUNYCODE: ("links to a host that is written as punycode", "handsets may show it either way"),
    Alarm.CREDENTIALS: ("links with a user name before the host", "it hides where the link leads: remove it"),
    Alarm.ADDRESS: ("links to a bare IP address", "give the server a name"),
    Alarm.PLAIN: ("links without encryption (http)", "use https"),
    Alarm.WORD: ("words that mix Latin letters with others that look like them", "type them again"),
    Alarm.INVISIBLE: ("characters that nobody sees", "remove them: filters take them for a disguise"),
}


@dataclass(slots=True)
class _Kind:
    what: str
    where: str
    ordinal: int
    rows: int = 0


class Notes:
    """Remarks on the messages of one campaign.

    Attributes:
        long_subjects: how many subjects are longer than handsets show.
        first_long: the first such row.
    """

    def __init__(self) -> None:
        self.long_subjects = 0
        self.first_long: Recipient | None = None
        self._alarms: dict[Alarm, _Kind] = {}

    def look(self, recipient: Recipient, subject: str, texts: Sequence[str]) -> None:
        """Note what is remarkable about one row's message."""
        if len(subject) > SUBJECT_SHOWN_CHARACTERS and shown_length(subject) > SUBJECT_SHOWN_CHARACTERS:
            self.long_subjects += 1
            if self.first_long is None or recipient.ordinal < self.first_long.ordinal:
                self.first_long = recipient
        found = alarms_in(subject)
        for text in texts:
            found += alarms_in(text)
        if found:
            self._count(found, f"{recipient.source} row {recipient.row}", recipient.ordinal)

    def look_at_shared(self, text: str, where: str) -> None:
        """Note what is remarkable about a text that is the same for everybody, or about a template's own words.

        Args:
            where: the file or key that it stands in.
        """
        self._count(alarms_in(text), where, 0, rows=0)

    def sentences(self) -> list[str]:
        """One warning for each kind."""
        return [*self._about_length(), *self._about_alarms()]

    def _count(self, found: Sequence[Found], where: str, ordinal: int, rows: int = 1) -> None:
        for alarm, what in {each.alarm: each.what for each in reversed(found)}.items():
            kind = self._alarms.setdefault(alarm, _Kind(what, where, ordinal))
            kind.rows += rows
            if ordinal < kind.ordinal:  # the arms of a batch come one after the other
                kind.what, kind.where, kind.ordinal = what, where, ordinal

    def _about_length(self) -> list[str]:
        if not self.first_long:
            return []
        noun = "subject is" if self.long_subjects == 1 else "subjects are"
        return [
            f"{self.long_subjects} {noun} longer than {SUBJECT_SHOWN_CHARACTERS} characters, "
            f"which some handsets cut (the first: {self.first_long.source} row {self.first_long.row})"
        ]

    def _about_alarms(self) -> list[str]:
        sentences = []
        for alarm in Alarm:
            if kind := self._alarms.get(alarm):
                what, advice = _MEANINGS[alarm]
                count = f"{kind.rows} {'message has' if kind.rows == 1 else 'messages have'} " if kind.rows else ""
                sentences.append(f"{count}{what} (the first, in {kind.where}: {masked(kind.what)}); {advice}")
        return sentences
