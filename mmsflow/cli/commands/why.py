"""``mmsflow why``: one recipient's story over all runs."""

from __future__ import annotations

import sys

from mmsflow.cli.output import paint, print_json, say, tell
from mmsflow.cli.session import Session
from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.history import stories_as_json


def why(number: str, *, show_numbers: bool, as_json: bool) -> int:
    """Tell the story; returns the exit code."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        document = stories_as_json(ledger, number, show_numbers=show_numbers)
    msisdn = str(document["number"])
    shown = msisdn if show_numbers else mask_msisdn(msisdn)
    document["number"] = shown
    if as_json:
        print_json(document)
        return 0
    stories = document["stories"]
    assert isinstance(stories, list)
    if not stories:
        tell(f"{shown} is in no run of this workspace")
    for story in stories:
        tell(_tell(story, shown))
    if purged := document["purged_runs"]:
        runs = "1 run" if purged == 1 else f"{purged} runs"
        say(f"of {runs} it is not known any more: personal data were removed")
    return 0


def _tell(story: dict[str, object], shown: str) -> str:
    head = f"{shown} in {story['run']}: {str(story['bucket']).replace('_', ' ')}"
    lines = [
        paint(head, "strong", sys.stdout),
        f"  from {story['source']} row {story['row']}, account {story['account']}",
    ]
    approval = story["approval"]
    if isinstance(approval, dict):
        lines.append(f"  approved by {approval['by']}, {str(approval['at']).replace('T', ' ')}")
    if story["subject"]:
        lines.append(f"  subject: {story['subject']}")
    consent = story["consent"]
    assert isinstance(consent, dict)
    if consent:
        lines.append(f"  consent: {', '.join(f'{column} = {cell}' for column, cell in consent.items())}")
    events = story["events"]
    assert isinstance(events, list)
    if story["reason"] and not events:
        lines.append(f"  {story['reason']}")
    for event in events:
        why_so = f": {event['reason']}" if event["reason"] else ""
        attempt = f" (attempt {event['attempt']})" if event["attempt"] else ""
        at = str(event["at"]).replace("T", " ")
        lines.append(f"  {at}  {event['from'] or 'planned'} → {event['to']}{attempt}{why_so}")
    if story["gateway_id"]:
        lines.append(f"  the gateway's id: {story['gateway_id']}")
    return "\n".join(lines) + "\n"
