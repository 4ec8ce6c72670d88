"""What handsets would show: the first messages, and the ones most likely to look wrong. Nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.errors import UsageError
from mmsflow.mms.private_files import write_private
from mmsflow.showing.album import Album
from mmsflow.showing.model import ShownMessage
from mmsflow.showing.reading import shown_message
from mmsflow.showing.sample import Sample, Sampler
from mmsflow.showing.search import SearchIndex
from mmsflow.workflow.prepare import Prepared


@dataclass(frozen=True, slots=True)
class Wish:
    """Which messages somebody wants to see.

    Attributes:
        first: how many of the first, at least 0.
        number: E.164; only the message to this number when given.
        row: only messages of rows with this number, one for each list, when given.
        show_numbers: leave the recipient's own number in subject and texts as it is.
    """

    first: int = 3
    number: str = ""
    row: int | None = None
    show_numbers: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """The messages to be shown, and what is known of all of them.

    Attributes:
        shown: in the order of their choice, no row twice.
        sample: counts over the whole list.
    """

    shown: tuple[ShownMessage, ...]
    sample: Sample


def preview(prepared: Prepared, wish: Wish, index: SearchIndex | None = None) -> Preview:
    """The first messages and the extremes of the whole list; those that were asked for when there are any.

    Args:
        prepared: from ``prepare``; its draft is open.
        wish: what to show.
        index: takes every message, too.

    Raises:
        UsageError: no message goes to the number or row that was asked for.
    """
    sampler, asked = Sampler(wish.first), Sample()
    for message in prepared.draft.stored_messages():
        sampler.add(message)
        if index:
            index.add(message)
        if (wish.number or wish.row is not None) and (
            wish.number in {"", message.msisdn} and wish.row in {None, message.row}
        ):
            asked.choose(message, "asked for")
    sample = sampler.sample()
    if wish.number or wish.row is not None:
        if not asked.chosen:
            what = "goes to that number" if wish.number else f"is made of row {wish.row}"
            raise UsageError(f"no message of this campaign {what}", "`mmsflow check` shows why rows are set aside")
        sample.chosen, sample.layouts_shown = asked.chosen, sample.layouts
    chosen = sample.chosen.values()
    numbers = wish.show_numbers
    shown = tuple(
        shown_message(message, reasons, prepared.content, show_numbers=numbers) for message, reasons in chosen
    )
    return Preview(shown, sample)


def write_page(prepared: Prepared, seen: Preview, index: SearchIndex, path: Path, *, now: datetime) -> None:
    """Write the page for its owner only, whole or not at all.

    Args:
        prepared: from ``prepare``; its draft is open.
        seen, index: from ``preview`` with this index.
        path: a new file, or an earlier preview that is replaced.
        now: the instant it is dated with.

    Raises:
        UsageError: something else stands there, or it cannot be written.
    """
    from mmsflow.showing.page import MARK, Page, render

    _refuse_to_replace(path, MARK)
    campaign, draft = prepared.loaded.campaign, prepared.draft
    zone = ZoneInfo(campaign.schedule.timezone)
    album = _album_of(prepared, seen)
    budget = campaign.message.budget.size_bytes
    search = index.document(album, prepared.content, budget)
    page = Page(
        campaign=campaign.campaign,
        description=campaign.description,
        sender=campaign.sender,
        file=prepared.loaded.shown_path,
        at=now.astimezone(zone),
        handset_time=(campaign.schedule.start_instant or now).astimezone(zone).strftime("%H:%M"),
        budget_bytes=budget,
        messages=draft.messages,
        rows=draft.rows,
        set_aside=draft.reasons,
        examples=draft.examples,
        warnings=prepared.warnings,
        variants=seen.sample.variants,
        layouts=seen.sample.layouts,
        layouts_shown=seen.sample.layouts_shown,
        largest_bytes=max([seen.sample.largest_bytes, *(each.size_bytes for each in seen.shown)]),
        shown=seen.shown,
        album=album,
        search=search,
        searched=len(index.rows),
        show_numbers=index.show_numbers,
    )
    try:
        write_private(path, render(page))
    except OSError as error:
        raise UsageError(
            f"{path}: the page cannot be written: {error.strerror}",
            "name a file in a folder of your own with --html",
            cause="file_not_written",
        ) from error


def _album_of(prepared: Prepared, seen: Preview) -> Album:
    album = Album(prepared.content)
    for message in seen.shown:
        for part in message.parts:
            if part.kind == "picture":
                album.take(part.sha256, part.content_type)
    return album


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2000)


def _refuse_to_replace(path: Path, mark: str) -> None:
    """An earlier preview may be replaced; a campaign file that was named by mistake may not."""
    fix = "name a new file with --html, such as preview.html"
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", fix)
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder", "make it first, or " + fix)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageError(f"{path}: is no regular file", fix)
    try:
        earlier = not path.exists() or mark.encode() in _beginning(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", fix) from error
    if not earlier:
        raise UsageError(f"{path}: stands there already and is no earlier preview", fix)
