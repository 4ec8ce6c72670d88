"""What the page's search looks through: the first messages, as compact as they can be, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from mmsflow.audience.columns import simple_name
from mmsflow.audience.model import Recipient
from mmsflow.message.model import DrawnPart, Layout, PlannedMessage, StaticPart
from mmsflow.mms.content import cut_subject
from mmsflow.mms.msisdn import mask_in_text, mask_msisdn
from mmsflow.showing.album import Album
from mmsflow.showing.reading import Content

MOST_ROWS = 5_000
MOST_CHARACTERS = 6_000_000
MOST_LAYOUTS = 500
_LONGEST_NAME = 80

# As people name the columns of a person's name, without case, accents, spaces and signs.
# fmt: off
_NAME_COLUMNS = frozenset({
    "name", "firstname", "forename", "givenname", "lastname", "surname", "familyname", "fullname", "customer",
    "imie", "nazwisko", "imieinazwisko", "imienazwisko", "nazwiskoiimie", "nazwiskoimie", "nazwa", "klient",
})
# fmt: on


class Names:
    """Names of the first recipients, out of the columns that usually hold them; hand it to ``prepare`` as ``seen``."""

    def __init__(self) -> None:
        self.by_ordinal: dict[int, str] = {}

    def __call__(self, recipients: Sequence[Recipient]) -> None:
        for recipient in recipients[: MOST_ROWS - len(self.by_ordinal)]:
            cells = (str(value).strip() for column, value in recipient.vars.items() if _is_name(column))
            self.by_ordinal[recipient.ordinal] = " ".join(filter(None, cells))[:_LONGEST_NAME]


@cache
def _simple(column: str) -> str:
    return simple_name(column)


def _is_name(column: str) -> bool:
    return _simple(column) in _NAME_COLUMNS


class SearchIndex:
    """The first messages of a campaign for the page's search."""

    def __init__(self, names: Mapping[int, str], *, show_numbers: bool) -> None:
        self._names = names
        self.show_numbers = show_numbers
        self._characters = 0
        self._full = False
        self._sources: dict[str, int] = {}
        self._layouts: dict[Layout, int] = {}
        self.rows: list[list[object]] = []

    def add(self, message: PlannedMessage) -> None:
        """Take the next message while there is room; from the first one that finds none on, all are left out."""
        if self._full:
            return
        new_layout = message.layout not in self._layouts
        self._characters += len(message.subject) + sum(map(len, message.texts)) + 80
        if (
            len(self.rows) >= MOST_ROWS
            or self._characters > MOST_CHARACTERS
            or (new_layout and len(self._layouts) >= MOST_LAYOUTS)
        ):
            self._full = True
            return
        self.rows.append(self._row(message))

    def _row(self, message: PlannedMessage) -> list[object]:
        def seen(text: str) -> str:
            return text if self.show_numbers else mask_in_text(text, message.msisdn)

        return [
            message.row,
            self._sources.setdefault(message.source, len(self._sources)),
            message.msisdn if self.show_numbers else mask_msisdn(message.msisdn),
            seen(self._names.get(message.ordinal, "")),
            *cut_subject(seen(message.subject)),
            self._layouts.setdefault(message.layout, len(self._layouts)),
            message.variant,
            *map(seen, message.texts),
        ]

    def document(self, album: Album, content: Content, budget_bytes: int) -> dict[str, object]:
        """Everything that the page's script needs; the pictures of the indexed messages go into the album.

        A row is: row, source, number, name, subject shown, subject cut, layout, variant, then a text for each own part.
        A part is: file name, content type, bytes, digest of a picture, text; the bytes of an own part are -1.
        """
        layouts = [[_part(part, album, content) for part in layout] for layout in self._layouts]
        keys = {sha256: [each.key, each.width, each.height] for sha256, each in album.pictures.items()}
        return {
            "budget": budget_bytes,
            "sources": list(self._sources),
            "layouts": layouts,
            "pictures": keys,
            "rows": self.rows,
        }


def _part(part: object, album: Album, content: Content) -> list[object]:
    if isinstance(part, StaticPart):
        if part.content_type.startswith("image/"):
            album.take(part.sha256, part.content_type)
        text = content(part.sha256).decode("utf-8", "replace") if part.content_type == "text/plain" else ""
        return [part.filename, part.content_type, part.size_bytes, part.sha256, text]
    if isinstance(part, DrawnPart):
        return [part.filename, part.content_type, -1, "", ""]
    return [getattr(part, "filename", ""), "text/plain", -1, "", ""]
