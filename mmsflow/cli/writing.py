"""The commands for whoever writes a campaign: check it, preview it, plan it; nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmsflow.cli.options import BEGIN, AsJson, CampaignFile, Rejects, ShowNumbers

writing = typer.Typer()


@writing.command(rich_help_panel=BEGIN)
def check(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILES]...", help="Campaign files; default: all of the workspace.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Invalid, duplicate and excluded rows are errors too.")
    ] = False,
    rejects: Rejects = None,
    json: AsJson = False,
) -> int:
    """Validate campaigns, lists, templates and media, offline: every error at once, each with its place."""
    from mmsflow.cli.commands.check import check as command

    return command(files or [], rejects, strict=strict, as_json=json)


@writing.command(rich_help_panel=BEGIN)
def preview(
    file: CampaignFile,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="How many of the first messages to show.")] = 3,
    to: Annotated[str, typer.Option(metavar="NUMBER", help="Show this recipient's message only.")] = "",
    row: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Show the message of this row only, of each list.")
    ] = None,
    html: Annotated[
        str, typer.Option(metavar="FILE", help="Write one page with handsets and a search, instead of showing here.")
    ] = "",
    show_numbers: ShowNumbers = False,
    json: AsJson = False,
) -> int:
    """Show what handsets would show: the first messages, and the longest and oddest ones. Sends nothing."""
    from mmsflow.cli.commands.preview import PreviewOptions
    from mmsflow.cli.commands.preview import preview as command

    return command(file, PreviewOptions(limit, to, row, html, show_numbers, json))


@writing.command(rich_help_panel=BEGIN)
def plan(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A campaign file; default: the calendar of all campaigns.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="PLAN", help="Save the plan, to be run exactly or refused.")
    ] = None,
    rejects: Rejects = None,
    days: Annotated[
        int, typer.Option(metavar="N", min=1, max=366, help="Without FILE: how many days ahead to look.")
    ] = 14,
    json: AsJson = False,
) -> int:
    """Query the quota and show waves, dates, exclusions by reason and warnings. Sends nothing.

    Without FILE: every scheduled time and unfinished run of the workspace, all against the one quota they share.
    """
    if file is not None:
        from mmsflow.cli.commands.plan import plan as command

        return command(file, out, rejects, as_json=json)
    if out or rejects:
        from mmsflow.errors import UsageError

        raise UsageError("--out and --rejects are for the plan of one campaign", "name its file")
    from mmsflow.cli.commands.agenda import agenda

    return agenda(days, as_json=json)
