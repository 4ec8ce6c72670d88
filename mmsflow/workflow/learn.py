"""Trying a gateway out on one's own handset: the counter, a message in each form, its status until it is final."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mmsflow.campaign.load import load_campaign
from mmsflow.clock import Clock
from mmsflow.errors import GatewayRefused, GatewayUnavailable, InvalidInput, PlanRefused, UsageError
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import OutgoingMessage
from mmsflow.ledger.stop_file import ALL_STOPPED, START_ALL, StopFile
from mmsflow.mms.content import Part
from mmsflow.mms.private_files import make_private_folder, write_private
from mmsflow.secret import blotted
from mmsflow.workflow.learning import FORMS, Difference, Envelope, differences, masked_body

LONGEST_WAIT = 180.0  # seconds for delivery reports
_FIRST_LOOK, _LONGEST_LOOK = 2.0, 15.0
_TEXT = "mmsflow: a test message"

OpenGateway = Callable[[str], AbstractAsyncContextManager[GatewayClient]]
"""Opens the gateway with a value of ``attachment_headers``."""


@dataclass(slots=True)
class Learned:
    """What was learned so far; good at any moment, also when it is broken off.

    Attributes:
        envelopes: every answer, in order.
        waiting: ids whose status is not final, each with the form of its message.
        began_at: aware.
    """

    began_at: datetime
    envelopes: list[Envelope] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        return sum(bool(each.gateway_id) for each in self.envelopes if each.call == "send")

    def differences(self) -> list[Difference]:
        """Name what is not as documented."""
        return differences(self.envelopes, self.began_at.date())


class Learner:
    """Tries one gateway out.

    Args:
        open_gateway: see ``OpenGateway``.
        stop_file: of the ledger: nothing is sent while all sending is stopped.
        tell: told of each step, one line.
    """

    def __init__(
        self, open_gateway: OpenGateway, clock: Clock, stop_file: StopFile, tell: Callable[[str], None]
    ) -> None:
        self._open, self._clock, self._stop_file, self._tell = open_gateway, clock, stop_file, tell
        self.learned = Learned(clock.now())

    async def learn(self, number: str, sender: str) -> None:
        """Send one message in each form to ``number``, E.164, and follow them; ``learned`` grows meanwhile.

        Raises:
            GatewayRefused, GatewayUnavailable: no token or no counter can be had; nothing was sent.
            PlanRefused: all sending is stopped.
        """
        async with self._open("full") as gateway:
            await self._limit(gateway, must=True)
            await self._limit(gateway)
            for form in ("json", "full"):
                await self._send(gateway, form, number, sender)
            async with self._open("minimal") as minimal:
                await self._send(minimal, "minimal", number, sender)
            await self._limit(gateway)
            await self._follow(gateway)
            await self._limit(gateway)

    async def _limit(self, gateway: GatewayClient, *, must: bool = False) -> None:
        try:
            reply = await gateway.limit(tries=1)
        except (GatewayRefused, GatewayUnavailable) as error:
            if must:
                raise
            self.learned.envelopes.append(Envelope("limit", 0, b"", text=error.message))
            return
        counters = (reply.used, reply.available)
        found = Envelope("limit", 200, reply.body, counters=counters, reset_on=reply.reset_on)
        self.learned.envelopes.append(found)
        self._tell(f"counter   {reply.used} used, {reply.available} available, reset {reply.raw_date or 'not said'}")

    async def _send(self, gateway: GatewayClient, form: str, number: str, sender: str) -> None:
        if (stop := self._stop_file.read()) is not None:
            raise PlanRefused(stop.reason, START_ALL, cause=ALL_STOPPED)
        parts = () if form == "json" else (Part("text/plain", "test.txt", _TEXT.encode()),)
        evidence = await gateway.send(OutgoingMessage(number, _TEXT, sender, "Normal", True, parts))
        code = f" (code {evidence.code})" if evidence.code else ""
        text = f"{evidence.text}{code}" if evidence.text else ""
        self.learned.envelopes.append(
            Envelope("send", evidence.http_status, evidence.body, form, evidence.gateway_id, text)
        )
        if evidence.gateway_id:
            self.learned.waiting[evidence.gateway_id] = form
        said = "accepted" if evidence.gateway_id else f"not accepted: {text or 'no id'}"
        self._tell(f"send      {FORMS[form]}: {said}")

    async def _follow(self, gateway: GatewayClient) -> None:
        """Ask until every status is final, or for as long as is bearable."""
        ends, look = self._clock.monotonic() + LONGEST_WAIT, _FIRST_LOOK
        shown: dict[str, str] = {}
        while self.learned.waiting and self._clock.monotonic() < ends:
            await self._clock.sleep(look)
            look = min(_LONGEST_LOOK, 1.5 * look)
            for gateway_id, form in list(self.learned.waiting.items()):
                found = await self._status(gateway, gateway_id, form)
                if found.is_final:
                    del self.learned.waiting[gateway_id]
                if shown.get(gateway_id) != found.text:
                    shown[gateway_id] = found.text
                    self._tell(f"status    {FORMS[form]}: {found.text}{'' if found.is_final else ', waiting'}")

    async def _status(self, gateway: GatewayClient, gateway_id: str, form: str) -> Envelope:
        reply = await gateway.status(gateway_id)
        status = reply.status
        found = Envelope(
            "status",
            reply.http_status,
            reply.body,
            form,
            gateway_id,
            status.raw if status else reply.text or "no status in the answer",
            is_known=status.known if status else True,
            is_final=status is not None and status.state is not None,
        )
        self.learned.envelopes.append(found)
        return found


def write_learned(learned: Learned, folder: Path, *, host: str, private: Sequence[str]) -> Path:
    """Keep the answers, masked, in ``folder`` (0700) in a file of their own (0600); its path.

    Args:
        host: which gateway.
        private: texts that must not be in it: handsets, the client id.

    Raises:
        OSError: it cannot be written.
    """
    hidden = [*private, *(each.gateway_id for each in learned.envelopes)]
    calls = [
        {
            "call": each.call,
            "form": each.form,
            "http_status": each.http_status,
            "understood": blotted(masked_body(each.text.encode(), hidden)),
            "body": blotted(masked_body(each.body, hidden)),
        }
        for each in learned.envelopes
    ]
    named = [
        {"difference": blotted(masked_body(each.text.encode(), hidden)), "fix": each.fix}
        for each in learned.differences()
    ]
    document = {
        "at": learned.began_at.isoformat(timespec="seconds"),
        "host": host,
        "differences": named,
        "calls": calls,
    }
    make_private_folder(folder)
    path = folder / f"{learned.began_at:%Y%m%dT%H%M%SZ}.json"
    write_private(path, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    return path


def sender_of(workspace: Path) -> str:
    """Name the sender that the workspace's campaigns agree on.

    Raises:
        UsageError: they do not, or there is none.
    """
    senders = set()
    for path in sorted((workspace / "campaigns").glob("*.yaml")):
        try:
            senders.add(load_campaign(path, workspace).campaign.sender)
        except InvalidInput:
            continue
    if len(senders) == 1:
        return senders.pop()
    found = f"the campaigns name several: {', '.join(sorted(senders))}" if senders else "no campaign names one"
    raise UsageError(f"which sender is to be tried is not known: {found}", "add --sender NAME, as the contract has it")
