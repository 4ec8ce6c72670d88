"""A daemon tells people: its notices leave the process, signed, once each."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import time
from pathlib import Path

from security.receivers import receiving

from mmsflow.ledger.store import LedgerReader

from .console import Console
from .daemons import DAEMON, let_it_be_due, running
from .independent_gateway import PATIENCE, IndependentGateway
from .workspace import numbers

LOOK_SECONDS = 0.02
KEY = "a secret of this test alone"


def until_noted(workspace: Path) -> None:
    """Return as soon as no notice is to go out any more: one whose daemon ends before it has noted the reply goes again."""
    with LedgerReader.open(f"sqlite:///{workspace / '.mmsflow' / 'ledger.db'}") as ledger:
        for _ in range(int(PATIENCE / LOOK_SECONDS)):
            if ledger.next_post_at() is None:
                return
            time.sleep(LOOK_SECONDS)
    raise AssertionError("the notice is not noted as sent")


def test_a_finished_run_is_told_once_by_a_signed_webhook_that_holds_no_number(
    console: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    let_it_be_due(workspace)
    with receiving() as receiver:
        with (workspace / "mmsflow.toml").open("a", encoding="utf-8") as settings:
            settings.write(f'webhook_url = "{receiver.url}"\nwebhook_secret = "{KEY}"\n')
        for _ in range(2):  # the second one finds everything told
            with running(console, *DAEMON) as (process, said):
                said.until("daemon_ready")
                assert receiver.arrived.wait(PATIENCE)
                until_noted(workspace)
                process.send_signal(signal.SIGTERM)
                said.until("daemon_stopped")
                assert process.wait(30) == 0

        assert gateway.numbers == numbers(5)
        ((headers, body),) = receiver.requests
    notice = json.loads(body)
    assert (notice["data"]["kind"], notice["data"]["buckets"]) == ("finished", {"delivered": 5})
    assert not any(number[3:] in body.decode() for number in numbers(5))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mark = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mark}"
