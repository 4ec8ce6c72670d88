"""What the service manager hears, over a real datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmsflow.clock import ManualClock
from mmsflow.daemon.systemd import Notifier, keep_watch

from .operating_board import START


class Manager:
    """A service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    @property
    def heard(self) -> list[str]:
        said = []
        while True:
            try:
                said.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return said

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["a path", "an abstract name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "a path" else f"@mmsflow-test-{os.getpid()}"
    opened = Manager(address)
    yield opened
    opened.close()


def test_it_hears_when_we_are_ready_what_goes_on_and_when_we_stop(manager: Manager) -> None:
    notifier = Notifier.of({"NOTIFY_SOCKET": manager.address})

    notifier.ready("2 campaigns")
    notifier.status("one line\nREADY=0")
    notifier.stopping()

    assert manager.heard == [
        "READY=1\nSTATUS=2 campaigns\n",
        "STATUS=one line READY=0\n",
        "STOPPING=1\nSTATUS=stopping\n",
    ]


async def test_it_hears_that_we_are_alive_at_half_of_its_time_and_only_while_we_are(manager: Manager) -> None:
    import asyncio

    clock, alive = ManualClock(START), [True]
    notifier = Notifier.of({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "20000000"})
    watching = asyncio.create_task(keep_watch(notifier, clock, lambda: alive[0]))
    await clock.advance(29)
    lively = manager.heard
    alive[0] = False
    await clock.advance(60)

    assert lively == ["WATCHDOG=1\n"] * 3
    assert manager.heard == []
    watching.cancel()


def test_it_is_asked_for_patience_while_the_loop_is_held_up_and_only_then(manager: Manager) -> None:
    notifier = Notifier.of({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "60000000"})

    notifier.patient(True)
    notifier.patient(False)
    Notifier.of({"NOTIFY_SOCKET": manager.address}).patient(True)

    assert manager.heard == ["WATCHDOG_USEC=1800000000\nWATCHDOG=1\n", "WATCHDOG_USEC=60000000\nWATCHDOG=1\n"]


@pytest.mark.parametrize(
    "more", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}]
)
async def test_without_a_watchdog_of_ours_there_is_nothing_to_keep(manager: Manager, more: dict[str, str]) -> None:
    await keep_watch(Notifier.of({"NOTIFY_SOCKET": manager.address, **more}), ManualClock(START), lambda: True)

    assert manager.heard == []


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/notify", "@nobody-listens-here"])
def test_a_manager_that_is_not_there_is_no_reason_to_stop(address: str) -> None:
    Notifier.of({"NOTIFY_SOCKET": address}).ready("all is well")
