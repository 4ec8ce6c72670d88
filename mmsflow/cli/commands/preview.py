"""``mmsflow preview``: messages as handsets would show them, in the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap

from mmsflow.cli.output import paint, print_json, say, tell, warn
from mmsflow.cli.progress import counting
from mmsflow.cli.session import Session
from mmsflow.errors import UsageError
from mmsflow.mms.content import DEFAULT_BUDGET_BYTES, KIB, SUBJECT_SHOWN_CHARACTERS
from mmsflow.mms.msisdn import BadNumber, mask_msisdn, parse_msisdn
from mmsflow.plan.intake import intake_as_text, intake_of
from mmsflow.workflow.prepare import prepare
from mmsflow.workflow.preview import ShownMessage, ShownPart
from mmsflow.workflow.preview import preview as choose

_BAR = 30


def preview(file: str, limit: int, to: str, *, show_numbers: bool, as_json: bool) -> int:
    """Show messages of a campaign; returns the exit code."""
    session, path = Session.for_file(file)
    number = ""
    if to:
        msisdn = parse_msisdn(to)
        if isinstance(msisdn, BadNumber):
            raise UsageError(f"--to cannot be read as a number: {msisdn.explanation}")
        number = msisdn
    with counting("rendering", quiet=as_json) as progress:
        prepared = prepare(path, session.workspace, progress=progress, intake=session.intake())
    with prepared.draft:
        shown = choose(prepared, limit, number, show_numbers=show_numbers)
        if number and not shown:
            raise UsageError(
                "no message of this campaign goes to that number", "`mmsflow check` shows why rows are set aside"
            )
        if as_json:
            print_json(
                {
                    "campaign": prepared.loaded.campaign.campaign,
                    "messages": [_json(each, show_numbers) for each in shown],
                    "warnings": list(prepared.warnings),
                }
            )
            return 0
        for message in shown:
            tell(_text(message, prepared.loaded.campaign.sender, show_numbers))
        tell(intake_as_text(intake_of(prepared.draft)))
        for warning in prepared.warnings:
            warn(warning)
        say(f"{len(shown)} of {prepared.draft.messages} messages shown; nothing was sent")
    return 0


def _json(message: ShownMessage, show_numbers: bool) -> dict[str, object]:
    return {
        "why": message.why,
        "source": message.source,
        "row": message.row,
        "number": message.msisdn if show_numbers else mask_msisdn(message.msisdn),
        "subject": message.subject,
        "cut": message.cut,
        "size_bytes": message.size_bytes,
        "parts": [
            {
                "filename": part.filename,
                "content_type": part.content_type,
                "size_bytes": part.size_bytes,
                "text": part.text,
            }
            for part in message.parts
        ],
    }


def _text(message: ShownMessage, sender: str, show_numbers: bool) -> str:
    width = min(76, shutil.get_terminal_size().columns - 2)
    number = message.msisdn if show_numbers else mask_msisdn(message.msisdn)
    head = f"{message.source} row {message.row} → {number}  ({message.why})"
    lines = [f"┌─ {paint(head, 'strong', sys.stdout)}"]
    lines.append(f"│ {sender}: {_subject(message)}")
    for part in message.parts:
        lines += ["│", *_part(part, width)]
    share = message.size_bytes / DEFAULT_BUDGET_BYTES
    bar = "█" * round(share * _BAR) + "·" * (_BAR - round(share * _BAR))
    lines.append(f"└─ {bar} {message.size_bytes / KIB:.1f} of {DEFAULT_BUDGET_BYTES // KIB} KiB")
    return "\n".join(lines) + "\n"


def _subject(message: ShownMessage) -> str:
    if not message.subject:
        return "(no subject)"
    if not message.cut:
        return message.subject
    at, length = SUBJECT_SHOWN_CHARACTERS, len(message.subject)
    cut = paint("✂", "warning", sys.stdout)
    return f"{message.subject[:at]}{cut}{message.subject[at:]}  ({length} characters)"


def _part(part: ShownPart, width: int) -> list[str]:
    name = f"│ [{part.content_type} {part.filename}, {part.size_bytes / KIB:.1f} KiB]"
    lines = [wrapped for line in part.text.splitlines() for wrapped in textwrap.wrap(line, width - 4) or [""]]
    return [name, *(f"│   {line}" for line in lines)]
