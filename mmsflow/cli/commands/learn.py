"""``mmsflow doctor --learn``: what the gateway really answers, tried on a handset of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from mmsflow.cli.asking import ask_first
from mmsflow.cli.output import print_json, say, tell, warn
from mmsflow.cli.session import Session
from mmsflow.errors import GatewayRefused, UsageError
from mmsflow.ledger.stop_file import StopFile
from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.wiring import ledger_file, open_gateway, reading_ledger
from mmsflow.workflow.learn import Learned, Learner, sender_of, write_learned
from mmsflow.workflow.learning import FORMS
from mmsflow.workflow.run import Interrupted
from mmsflow.workflow.stopping import refuse_stopped
from mmsflow.workflow.trial import own_handsets

FOLDER = "learned"


def learn(to: Sequence[str], sender: str, *, yes: bool, as_json: bool) -> int:
    """Try the gateway out; returns the exit code: 4 when no form of a message was accepted."""
    session = Session.start()
    settings = session.settings
    if len(to) != 1:
        raise UsageError("whose handset is to be tried is not said", "add --to NUMBER, one number, your own")
    (number,) = own_handsets(to, session.workspace, settings.suppression)
    sender = sender or sender_of(session.workspace)
    with reading_ledger(settings) as ledger:
        refuse_stopped(ledger, settings.quota_timezone)
    host = "the built-in simulator, in this process" if settings.in_process else settings.base_url
    say(f"gateway   {host}, account {settings.account}")
    say(f"to        {mask_msisdn(number)}, from {sender}: {len(FORMS)} messages, one in each form")
    say("they use up the quota and cost what messages cost; they stand in no ledger and no history")
    ask_first("Send them?", yes=yes, done="send them", declined="nothing was sent")
    learner = Learner(
        lambda headers: open_gateway(replace(settings, attachment_headers=headers), session.clock),
        session.clock,
        StopFile(ledger_file(settings)),
        say,
    )
    interrupted = False
    try:
        asyncio.run(learner.learn(number, sender))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        path = _kept(session, learner.learned, [number, number[1:], number[3:], *_credentials(session)])
    if interrupted:
        say("interrupted; what came until then is kept")
    _show(learner.learned, path, as_json=as_json)
    if interrupted:
        return Interrupted.exit_code
    return 0 if learner.learned.accepted else GatewayRefused.exit_code


def _credentials(session: Session) -> list[str]:
    client_id, secret = session.settings.credentials
    return [] if session.settings.profile == "simulator" else [client_id, secret.reveal()]


def _kept(session: Session, learned: Learned, private: Sequence[str]) -> str:
    """Where the answers are kept; empty where there is none, or it cannot be written, which hides nothing else."""
    if not learned.envelopes:
        return ""
    try:
        folder = session.workspace / ".mmsflow" / FOLDER
        host = session.settings.base_url.split("://", 1)[-1]  # the account would name the client id
        return str(write_learned(learned, folder, host=host, private=private))
    except OSError as error:
        warn(f"what was learned cannot be kept: {error.strerror or error}")
        return ""


def _show(learned: Learned, path: str, *, as_json: bool) -> None:
    found = learned.differences()
    if as_json:
        named = [{"text": each.text, "fix": each.fix} for each in found]
        document = {"accepted": learned.accepted, "not_final": len(learned.waiting), "differences": named, "kept": path}
        print_json(document)
        return
    tell("everything is as documented" if not found else "not as documented, or left open there:")
    for each in found:
        tell(f"- {each.text}")
        if each.fix:
            tell(f"  fix  {each.fix}")
    if learned.waiting:
        tell(f"{len(learned.waiting)} of {learned.accepted} have no final status yet; run it again later")
    if path:
        say(f"kept      {path}, numbers and ids masked")
