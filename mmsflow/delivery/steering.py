"""What people and signals ask of whoever sends: to pause, to go on, to cancel, to stop, to look again."""

from __future__ import annotations

import asyncio

from mmsflow.ledger.model import PausedBy


class Steering:
    """Wishes, noted at any time from the event loop; whoever sends looks at them before each step.

    Args:
        wake: set with every wish that changes the next step.

    Attributes:
        is_active: whether there is something to send, or about to be.
        cancelled: a person has cancelled the run.
        stopping: nothing more is to be begun by this process.
        held: who paused the run and why; None when nobody did.
        must_reread: messages may have become ready behind the sender's back.
    """

    def __init__(self, wake: asyncio.Event) -> None:
        self._wake = wake
        self._more = asyncio.Event()
        self._finished = False
        self.is_active = True
        self.cancelled = self.stopping = self.must_reread = False
        self.held: tuple[PausedBy, str] | None = None

    def stop(self) -> None:
        """Claim nothing more; what is on the wire is settled, then sending ends."""
        self.stopping = True
        self.finish()
        self._wake.set()

    def finish(self) -> None:
        """Wait for nothing more once everything is sent."""
        self._finished = True
        self._more.set()

    async def more(self) -> bool:
        """Once everything is sent: wait until a person decides to send something again; False when it is over."""
        await self._more.wait()
        self._more.clear()
        return self.is_active or not self._finished

    def pause(self, by: PausedBy, reason: str) -> None:
        """Settle what is on the wire and stay idle until ``resume``."""
        self.held = (by, reason)
        self._wake.set()

    def resume(self) -> None:
        """Go on after ``pause``."""
        self.held = None
        self._wake.set()

    def nudge(self) -> None:
        """Look again now at what holds for everybody, such as a stop of all sending."""
        self._wake.set()

    def cancel(self) -> None:
        """Settle what is on the wire; the rest is not sent at all, whatever else would have stopped it."""
        self.cancelled = True
        self._wake.set()

    def look_again(self) -> None:
        """Messages may have become ready behind the sender's back."""
        self.must_reread = True
        self.is_active = not self.stopping
        self._more.set()
        self._wake.set()
