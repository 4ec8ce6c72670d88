"""What the page holds besides the sample: a bounded search, bounded pictures, and JSON that cannot break out."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO

import pytest
from PIL import Image

from mmsflow.audience.model import Recipient
from mmsflow.message.model import DrawnPart, Layout, PlannedMessage, StaticPart, TextPart
from mmsflow.showing import album as albums
from mmsflow.showing import search
from mmsflow.showing.album import Album
from mmsflow.showing.page import embedded_json
from mmsflow.showing.reading import shown_message
from mmsflow.showing.search import Names, SearchIndex


def picture(shade: int) -> bytes:
    out = BytesIO()
    Image.new("L", (8, 4), shade).save(out, "PNG")
    return out.getvalue()


class Store:
    """Bytes by digest; what was asked for is counted."""

    def __init__(self) -> None:
        self.by_digest: dict[str, bytes] = {}
        self.reads = 0

    def keep(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.by_digest[digest] = data
        return digest

    def __call__(self, sha256: str) -> bytes:
        self.reads += 1
        return self.by_digest[sha256]


def planned(ordinal: int, layout: Layout = (), texts: tuple[str, ...] = (), subject: str = "s") -> PlannedMessage:
    return PlannedMessage(ordinal, "lists/a.csv", ordinal + 1, "+48501102030", subject, layout, texts)


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "]]>", "&lt;", "\u2028", '"\\', "\x00\x7f"])
def test_json_in_the_page_cannot_end_its_element_and_reads_back_the_same(text: str) -> None:
    embedded = str(embedded_json({"a": [text]}))
    assert not set("<>&\u2028\u2029\x00\x7f") & set(embedded)
    assert json.loads(embedded) == {"a": [text]}


def test_each_picture_is_embedded_once_and_what_has_no_room_is_counted() -> None:
    store = Store()
    digests = [store.keep(picture(shade)) for shade in range(albums.MOST_PICTURES + 3)]
    album = Album(store)
    for digest in digests * 2:
        album.take(digest, "image/png")
    assert len(album.pictures) == albums.MOST_PICTURES
    assert album.left_out == set(digests[-3:])
    assert (album.pictures[digests[0]].width, album.pictures[digests[0]].height) == (8, 4)
    assert store.reads == albums.MOST_PICTURES


def test_pictures_stay_within_the_pages_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    digests = [store.keep(picture(shade)) for shade in (0, 90)]
    monkeypatch.setattr(albums, "MOST_BYTES", len(picture(0)) + 1)
    album = Album(store)
    for digest in digests:
        album.take(digest, "image/png")
    assert list(album.pictures) == digests[:1]


def test_bytes_that_no_browser_could_show_are_not_embedded() -> None:
    store = Store()
    album = Album(store)
    album.take(store.keep(b"\x89PNG\r\n\x1a\n broken"), "image/png")
    assert (album.pictures, album.left_out) == ({}, set())


def test_the_search_covers_the_first_rows_that_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_ROWS", 3)
    index = SearchIndex({}, show_numbers=False)
    for ordinal in range(1, 9):
        index.add(planned(ordinal))
    assert [row[0] for row in index.rows] == [2, 3, 4]


def test_the_search_ends_at_the_first_text_that_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_CHARACTERS", 500)
    index = SearchIndex({}, show_numbers=False)
    for ordinal, size in enumerate((10, 10, 900, 10), 1):
        index.add(planned(ordinal, (TextPart("a.txt"),), ("x" * size,)))
    assert [row[0] for row in index.rows] == [2, 3]  # no gap: what it covers is "the first N"


def test_names_come_from_the_columns_that_usually_hold_them_and_numbers_in_them_are_masked() -> None:
    names = Names()
    cells = {"Imię": "Łucja", "NAZWISKO": "Żak +48 501 102 030", "code": "K1", "Last name": ""}
    names([Recipient(1, "lists/a.csv", 2, "+48501102030", cells)])
    index = SearchIndex(names.by_ordinal, show_numbers=False)
    index.add(planned(1))
    assert index.rows[0][2:4] == ["…030", "Łucja Żak …030"]


def test_names_are_kept_for_the_first_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_ROWS", 3)
    names = Names()
    for start in (1, 3, 5):
        names([Recipient(n, "a", n, "+48501102030", {"name": "x"}) for n in (start, start + 1)])
    assert list(names.by_ordinal) == [1, 2, 3]


def test_a_drawn_picture_is_shown_for_samples_and_others_are_found_without_it() -> None:
    store = Store()
    first, second = store.keep(picture(1)), store.keep(picture(2))
    fixed = store.keep(b"Odpisz STOP")
    layout: Layout = (
        DrawnPart("image/png", "qr.png"),
        TextPart("a.txt"),
        StaticPart("text/plain", "stop.txt", fixed, 11),
    )
    messages = [planned(1, layout, (first, "Ola")), planned(2, layout, (second, "Jan"))]
    shown = shown_message(messages[0], ["first"], store, show_numbers=False)
    assert [(part.kind, part.text) for part in shown.parts] == [
        ("picture", ""),
        ("text", "Ola"),
        ("text", "Odpisz STOP"),
    ]
    assert shown.size_bytes == 1 + len(picture(1)) + 3 + 11
    album, index = Album(store), SearchIndex({}, show_numbers=False)
    album.take(shown.parts[0].sha256, "image/png")
    for message in messages:
        index.add(message)
    document = index.document(album, store, 1000)
    assert list(document["pictures"]) == [first]  # type: ignore[call-overload]
    assert [row[8] for row in index.rows] == [first, second]
    assert document["layouts"] == [
        [
            ["qr.png", "image/png", -1, "", ""],
            ["a.txt", "text/plain", -1, "", ""],
            ["stop.txt", "text/plain", 11, fixed, "Odpisz STOP"],
        ]
    ]
