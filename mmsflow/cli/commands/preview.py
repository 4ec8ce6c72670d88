"""``mmsflow preview``: messages as handsets would show them, in the terminal or as one page."""

from __future__ import annotations

import shutil
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from mmsflow.cli.blocks import colours, drawn
from mmsflow.cli.output import draw, paint, print_json, say, tell, warn
from mmsflow.cli.progress import counting
from mmsflow.cli.session import Session
from mmsflow.errors import UsageError
from mmsflow.mms.content import KIB, shown_length
from mmsflow.mms.msisdn import BadNumber, mask_msisdn, parse_msisdn
from mmsflow.plan.intake import intake_as_text, intake_of
from mmsflow.showing.model import ShownMessage, ShownPart
from mmsflow.showing.search import Names, SearchIndex
from mmsflow.workflow.prepare import Prepared, prepare
from mmsflow.workflow.preview import Preview, Wish, write_page
from mmsflow.workflow.preview import preview as choose

_BAR = 30
_PIECES = {"picture": "█", "text": "▓", "other": "▒"}


@dataclass(frozen=True, slots=True)
class PreviewOptions:
    """What the command was asked for; ``to`` and ``html`` are empty when not given."""

    limit: int
    to: str = ""
    row: int | None = None
    html: str = ""
    show_numbers: bool = False
    as_json: bool = False


def preview(file: str, options: PreviewOptions) -> int:
    """Show messages of a campaign; returns the exit code."""
    session, path = Session.for_file(file)
    wish = Wish(options.limit, _number(options.to), options.row, options.show_numbers)
    names = Names() if options.html else None
    with counting("rendering", quiet=options.as_json) as progress:
        prepared = prepare(
            path,
            session.workspace,
            progress=progress,
            fitting=progress.fitting,
            seen=names,
            intake=session.intake(),
        )
    with prepared.draft:
        index = SearchIndex(names.by_ordinal, show_numbers=options.show_numbers) if names else None
        seen = choose(prepared, wish, index)
        page = Path(options.html) if index else None
        if index and page:
            write_page(prepared, seen, index, page, now=session.clock.now())
        if options.as_json:
            print_json(_document(prepared, seen, page, show_numbers=options.show_numbers))
            return 0
        if not page:
            for message in seen.shown:
                _show(message, prepared, show_numbers=options.show_numbers)
        _end(prepared, seen, page)
    return 0


def _number(to: str) -> str:
    msisdn = parse_msisdn(to) if to else ""
    if isinstance(msisdn, BadNumber):
        raise UsageError(f"--to cannot be read as a number: {msisdn.explanation}")
    return msisdn


def _end(prepared: Prepared, seen: Preview, page: Path | None) -> None:
    tell(intake_as_text(intake_of(prepared.draft)))
    for warning in prepared.warnings:
        warn(warning)
    say(f"{len(seen.shown)} of {prepared.draft.messages} messages shown; nothing was sent")
    if more := seen.sample.layouts - seen.sample.layouts_shown:
        say(f"{more} more sets of attachments are not shown; --row N and --to NUMBER show any message")
    if page:
        say("the page holds personal data, and is for your eyes only (0600)")
        tell(str(page))


def _document(prepared: Prepared, seen: Preview, page: Path | None, *, show_numbers: bool) -> dict[str, object]:
    budget = prepared.loaded.campaign.message.budget
    return {
        "campaign": prepared.loaded.campaign.campaign,
        "budget_bytes": budget.size_bytes,
        "html": str(page) if page else None,
        "warnings": list(prepared.warnings),
        "messages": [_json(each, show_numbers=show_numbers) for each in seen.shown],
        "layouts_not_shown": seen.sample.layouts - seen.sample.layouts_shown,
    }


def _json(message: ShownMessage, *, show_numbers: bool) -> dict[str, object]:
    return {
        "why": message.why,
        "reasons": list(message.reasons),
        "source": message.source,
        "row": message.row,
        "number": message.msisdn if show_numbers else mask_msisdn(message.msisdn),
        "variant": message.variant,
        "subject": message.subject,
        "cut": message.cut,
        "cut_off": message.halves[1],
        "size_bytes": message.size_bytes,
        "oddities": list(message.oddities),
        "parts": [
            {
                "filename": part.filename,
                "content_type": part.content_type,
                "size_bytes": part.size_bytes,
                "sha256": part.sha256,
                "text": part.text,
            }
            for part in message.parts
        ],
    }


def _show(message: ShownMessage, prepared: Prepared, *, show_numbers: bool) -> None:
    width = min(76, shutil.get_terminal_size().columns - 2)
    number = message.msisdn if show_numbers else mask_msisdn(message.msisdn)
    variant = f", variant {message.variant}" if message.variant else ""
    head = f"{message.source} row {message.row} → {number}{variant}  ({', '.join(message.reasons)})"
    tell(f"┌─ {paint(head, 'strong', sys.stdout)}")
    tell(f"│ {prepared.loaded.campaign.sender}: {_subject(message)}")
    for part in message.parts:
        tell("│")
        _part(part, prepared, width)
    if message.oddities:
        tell(f"│\n│ {paint('characters that cannot be seen', 'warning', sys.stdout)}: {', '.join(message.oddities)}")
    tell(f"└─ {_bar(message, prepared.loaded.campaign.message.budget.size_bytes)}\n")


def _bar(message: ShownMessage, budget_bytes: int) -> str:
    """The parts' share of the budget, a sign for each kind, and both sizes."""
    bar, filled_bytes = "", 0
    for part in message.parts:
        filled_bytes += part.size_bytes
        bar += _PIECES[part.kind] * (min(_BAR, round(filled_bytes / budget_bytes * _BAR)) - len(bar))
    return f"{bar.ljust(_BAR, '·')} {message.size_bytes / KIB:.1f} of {budget_bytes / KIB:g} KiB"


def _subject(message: ShownMessage) -> str:
    if not message.subject:
        return "(no subject)"
    if not message.cut:
        return message.subject
    shown, rest = message.halves
    return f"{shown}{paint('✂', 'warning', sys.stdout)}{rest}  ({shown_length(message.subject)} characters)"


def _part(part: ShownPart, prepared: Prepared, width: int) -> None:
    tell(f"│ [{part.content_type} {part.filename}, {part.size_bytes / KIB:.1f} KiB]")
    if part.kind == "picture" and (depth := colours(sys.stdout)):
        draw("│   ", drawn(prepared.content(part.sha256), width - 4, depth))
    for line in part.text.splitlines():
        for wrapped in textwrap.wrap(line, width - 4) or [""]:
            tell(f"│   {wrapped}")
