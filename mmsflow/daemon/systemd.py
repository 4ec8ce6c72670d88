"""What the service manager is told: ready, what goes on, stopping, still alive (sd_notify(3)); nothing without one."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from mmsflow.clock import Clock

PATIENCE_SECONDS = 1800.0  # what a run of tens of millions of rows takes to freeze, or its ledger to be rewritten


@dataclass(frozen=True, slots=True)
class Notifier:
    """The way to the service manager.

    Attributes:
        address: its datagram socket, a path, or a name in the abstract namespace after ``@``; empty without one.
        watchdog: seconds within which it wants to hear that we are alive; None where it does not ask.
    """

    address: str = ""
    watchdog: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Notifier:
        """As ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` say."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls()
        micros = environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        asked = ours and micros.isdecimal() and int(micros) > 0
        return cls(address, int(micros) / 1e6 if asked else None)

    def ready(self, status: str) -> None:
        """Start-up is over."""
        self._send(f"READY=1\nSTATUS={_line(status)}\n")

    def status(self, text: str) -> None:
        """What goes on, one line for people."""
        self._send(f"STATUS={_line(text)}\n")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1\nSTATUS=stopping\n")

    def alive(self) -> None:
        """We are alive."""
        self._send("WATCHDOG=1\n")

    def patient(self, patient: bool) -> None:
        """We cannot say that we are alive for a while, or can again: the loop is held up by work that we know of."""
        if self.watchdog is not None:
            seconds = max(PATIENCE_SECONDS, self.watchdog) if patient else self.watchdog
            self._send(f"WATCHDOG_USEC={seconds * 1e6:.0f}\nWATCHDOG=1\n")

    def _send(self, text: str) -> None:
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        # A service manager that does not listen is no reason to send no messages.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            way.setblocking(False)
            way.sendto(text.encode(), address)


async def keep_watch(notifier: Notifier, clock: Clock, alive: Callable[[], bool]) -> None:
    """Say that we are alive at half of the time that is asked for, as long as ``alive`` says so; until cancelled."""
    while notifier.watchdog is not None:
        if alive():
            notifier.alive()
        await clock.sleep(notifier.watchdog / 2)


def _line(text: str) -> str:
    return " ".join(text.split())
