"""The preview's page: one file that needs nothing else, of the same look as the report.

Its policy names the only style and the only script by hash, and allows no address but ``data:``. Everything that comes
from lists and templates goes through autoescaping, or travels as JSON and is shown as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.mms.status import Bucket
from mmsflow.report.page import VISIBLE_CONTROLS, house_style, policy_hash
from mmsflow.report.wording import BUCKET_WORDS, REASON_WORDS, counted, masked
from mmsflow.showing.album import MOST_BYTES, MOST_PICTURES, Album
from mmsflow.showing.model import ShownMessage

MARK = '<meta name="generator" content="mmsflow preview">'
"""Stands near the beginning of every such page, so that an earlier one is known again."""

_SLIVER = 3.0  # the least width of a part in the bar, in thousandths of the budget, so that a short text is seen


@dataclass(frozen=True, slots=True)
class Page:
    """What the page tells.

    Attributes:
        at: when it was made, in the campaign's zone; handsets show its time, or that of the campaign's start.
        messages, rows: messages to be sent, and rows of all lists.
        set_aside: rows by (bucket, short reason).
        examples: the first row's reason for each of these.
        variants: messages by variant; one without a name when there is no test.
        layouts, layouts_shown: distinct sets of attachments, and how many of them are among ``shown``.
        largest_bytes: of the largest message.
        search: what the script looks through (see search.SearchIndex.document).
    """

    campaign: str
    description: str
    sender: str
    file: str
    at: datetime
    handset_time: str
    budget_bytes: int
    messages: int
    rows: int
    set_aside: Mapping[tuple[Bucket, str], int]
    examples: Mapping[tuple[Bucket, str], str]
    warnings: Sequence[str]
    variants: Mapping[str, int]
    layouts: int
    layouts_shown: int
    largest_bytes: int
    shown: Sequence[ShownMessage]
    album: Album
    search: Mapping[str, object]
    searched: int
    show_numbers: bool


@dataclass(frozen=True, slots=True)
class Intake:
    """Rows that ended alike before anything is sent."""

    bucket: str
    words: str
    rows: int


def render(page: Page) -> str:
    """The whole page, without anything that cannot be written as UTF-8."""
    style, script = house_style() + _resource("preview.css"), _resource("preview.js")
    text = (
        _environment()
        .get_template("preview.html.j2")
        .render(
            page=page,
            mark=Markup(MARK),  # noqa: S704 -- our own text
            intake=_intake(page),
            style=Markup(style),  # noqa: S704 -- our own file
            script=Markup(script),  # noqa: S704 -- our own file
            style_hash=policy_hash(style),
            script_hash=policy_hash(script),
            data=embedded_json(page.search),
            number=str if page.show_numbers else mask_msisdn,
            words_of_others=str if page.show_numbers else masked,
            tested=len(page.variants) > 1 or "" not in page.variants,
            most_pictures=MOST_PICTURES,
            most_megabytes=MOST_BYTES // 1_000_000,
        )
    )
    return text.encode("utf-8", "replace").decode()


def embedded_json(document: object) -> Markup:
    """JSON for a ``<script type="application/json">``: no text in it can end the element or begin a comment."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029\x7f":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 -- without < and &, there is nothing left that HTML could read


def _intake(page: Page) -> list[Intake]:
    rows = [Intake(BUCKET_WORDS[Bucket.PENDING].name, "Will get a message.", page.messages)]
    order = list(BUCKET_WORDS)
    for (bucket, code), count in sorted(page.set_aside.items(), key=lambda each: (order.index(each[0][0]), -each[1])):
        words = REASON_WORDS.get(code) or page.examples.get((bucket, code), "")
        shown = words if page.show_numbers else masked(words)
        rows.append(Intake(BUCKET_WORDS[bucket].name, shown or code.replace("_", " "), count))
    return rows


@dataclass(frozen=True, slots=True)
class Piece:
    """One part's piece of the size bar, in thousandths of the budget."""

    kind: str
    x: float
    width: float


def _bar(message: ShownMessage, budget_bytes: int) -> list[Piece]:
    subject_bytes = message.size_bytes - sum(part.size_bytes for part in message.parts)
    pieces: list[Piece] = []
    x = 0.0
    for kind, size in [("subject", subject_bytes), *((part.kind, part.size_bytes) for part in message.parts)]:
        if size:
            width = min(max(_SLIVER, 1000 * size / budget_bytes), 1000 - x)
            pieces.append(Piece(kind, round(x, 2), round(width, 2)))
            x += width
    return pieces


def size(count_bytes: int) -> str:
    """A size as ``812 B``, ``97.2 KiB`` or ``280 KiB``."""
    return f"{count_bytes} B" if count_bytes < 1024 else f"{count_bytes / 1024:,.1f}".removesuffix(".0") + " KiB"


def _seen(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return value.translate(VISIBLE_CONTROLS)
    return value


def _resource(name: str) -> str:
    return (files("mmsflow.showing") / "templates" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    environment.filters.update(size=size, count=lambda number: f"{number:,}")
    environment.globals.update(bar=_bar, counted=counted)
    return environment
