"""``mmsflow plan`` without a file: the calendar of the whole workspace."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mmsflow.cli.output import print_json, say, show_findings, tell
from mmsflow.cli.progress import counting
from mmsflow.cli.session import Session
from mmsflow.errors import Finding, InvalidInput
from mmsflow.gateway.model import QuotaReply
from mmsflow.plan.agenda_view import Outlook, outlook_as_json, outlook_as_text
from mmsflow.wiring import open_gateway, reading_ledger, reset_rules
from mmsflow.workflow.agenda import look_ahead, sized
from mmsflow.workflow.guarantees import campaign_files
from mmsflow.workflow.prepare import Prepared, prepare


def agenda(days: int, *, as_json: bool) -> int:
    """Show what the coming days hold; returns the exit code, 3 where a campaign file is wrong."""
    session = Session.start()
    paths = campaign_files(session.workspace)
    if not paths:
        fix = "`mmsflow init DIR` makes one"
        raise InvalidInput([Finding("campaigns/", 0, 0, "this workspace has no campaign files", fix)])
    outlook = _look(session, paths, days, quiet=as_json)
    zone = reset_rules(session.settings).zone
    if as_json:
        print_json(outlook_as_json(outlook, zone))
    else:
        tell(outlook_as_text(outlook, zone))
    show_findings(list(outlook.faulty))
    if outlook.faulty:
        say("note  a daemon that knows an earlier, good version of such a file keeps that in force, unseen here")
    if not as_json:
        say()
        say("nothing was sent; `mmsflow plan FILE` shows one campaign in detail")
    return 3 if outlook.faulty else 0


def _look(session: Session, paths: list[Path], days: int, *, quiet: bool) -> Outlook:
    def prepare_one(path: Path) -> Prepared:
        with counting(f"rendering {path.name}", quiet=quiet) as progress:
            intake = session.intake()
            return prepare(path, session.workspace, progress=progress, fitting=progress.fitting, intake=intake)

    campaigns, faulty = sized(paths, prepare_one)
    reply = asyncio.run(_quota(session))
    with reading_ledger(session.settings) as ledger:
        return look_ahead(
            campaigns,
            faulty,
            reply,
            ledger,
            settings=session.settings,
            resets=reset_rules(session.settings),
            now=session.clock.now(),
            days=days,
        )


async def _quota(session: Session) -> QuotaReply:
    async with open_gateway(session.settings, session.clock) as gateway:
        return await gateway.limit()
