"""The daemon as a process: takes the ledger, runs the director and what stands beside it, stops when it is told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from mmsflow.clock import Clock
from mmsflow.daemon.alarm import SchedulerAlarm
from mmsflow.daemon.board import Board
from mmsflow.daemon.director import Director
from mmsflow.daemon.following import Follower
from mmsflow.daemon.health import STALLED_SECONDS, silent_seconds
from mmsflow.daemon.logs import Log
from mmsflow.daemon.places import files_of, place_of
from mmsflow.daemon.systemd import Notifier, keep_watch
from mmsflow.daemon.watch import Watch
from mmsflow.errors import LedgerError, RunHeld
from mmsflow.ledger.operation import Notice
from mmsflow.ledger.requests import DAEMON
from mmsflow.ledger.store import Ledger
from mmsflow.notifying.model import Channel
from mmsflow.notifying.outbox import post_notices
from mmsflow.settings import Settings
from mmsflow.wiring import open_gateway, reading_ledger, writing_ledger

TRY_SECONDS = 1.0
STATUS_SECONDS = 10.0

Page = Callable[[Board], AbstractAsyncContextManager[str]]
"""Serves the web page over a board; gives its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the daemon runs with.

    Attributes:
        settings, clock, log: in force.
        notifier: the way to the service manager.
        channels: by which notices go out.
        page: serves the web page; None for none.
        ready: called with the page's address, empty without a page, when everything is up.
        waits: while another process holds the ledger, wait for it.
    """

    settings: Settings
    clock: Clock
    log: Log
    notifier: Notifier
    channels: Sequence[Channel]
    page: Page | None
    ready: Callable[[str], None]
    waits: bool = False


@dataclass(slots=True)
class Stopping:
    """What signals have asked for.

    Attributes:
        asked: set by the first one.
        cut: a second one came: nothing is waited for.
        cut_off: what the second one calls.
        reread: what SIGHUP calls.
    """

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False
    cut_off: Callable[[], None] = lambda: None
    reread: Callable[[], None] = lambda: None


async def serve(service: Service) -> bool:
    """Run until a signal asks to stop.

    Returns:
        Whether it ended gracefully; False when a second signal cut it off.

    Raises:
        RunHeld: another process holds the ledger, and it is not waited for.
        UsageError: the web page cannot be served as it is set.
        LedgerError: the ledger cannot be opened.
    """
    stopping = Stopping()
    with _heeding(service, stopping), ExitStack() as stack:
        ledger = await _take(service, stopping, stack)
        if ledger is not None:
            await _operate(service, ledger, stopping)
    service.log.on_event("daemon_stopped", {"gracefully": not stopping.cut})
    return not stopping.cut


async def _take(service: Service, stopping: Stopping, stack: ExitStack) -> Ledger | None:
    """The ledger for writing, as soon as nobody else holds it; None when we are to stop before."""
    told = False
    while not stopping.asked.is_set():
        try:
            return stack.enter_context(writing_ledger(service.settings, service.clock, DAEMON))
        except RunHeld as held:
            if not service.waits:
                raise
            if not told:
                service.log.on_event("daemon_waiting", {"reason": held.message})
                service.notifier.status(f"waiting: {held.message}")
            told = True
        await _passed(service.clock, stopping.asked, TRY_SECONDS)
    return None


async def _passed(clock: Clock, stop: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(clock.sleep(seconds))]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()


async def _operate(service: Service, ledger: Ledger, stopping: Stopping) -> None:
    settings, clock, log = service.settings, service.clock, service.log
    wake = asyncio.Event()

    def told(name: str, facts: Mapping[str, object]) -> None:
        log.on_event(name, facts)
        if name == "notice":
            wake.set()

    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(open_gateway(settings, clock))
        watch = Watch(settings.workspace, clock)
        follower = Follower(partial(reading_ledger, settings), log, ledger.newest_step())
        hold = service.notifier.patient
        director = Director(
            settings, ledger, gateway, clock, SchedulerAlarm(), watch=watch, on_event=told, on_hold=hold
        )
        stopping.cut_off, stopping.reread = director.cut_off, director.files_changed
        address = await stack.enter_async_context(service.page(director)) if service.page else ""
        beside = [
            asyncio.create_task(follower.follow(clock)),
            asyncio.create_task(keep_watch(service.notifier, clock, lambda: _is_alive(director))),
            asyncio.create_task(_keep_status(service, director)),
            asyncio.create_task(_post(service, ledger, director, wake, address)),
        ]
        log.on_event("daemon_ready", {"page": address})
        service.notifier.ready(_status(director))
        service.ready(address)
        try:
            await director.run(stopping.asked)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            with suppress(LedgerError):
                follower.catch_up()


async def _post(service: Service, ledger: Ledger, board: Board, wake: asyncio.Event, address: str) -> None:
    """Send notices out by the channels that are set."""
    names = service.settings.web_names
    page = f"https://{names[0]}/" if address and names else address

    def link(notice: Notice) -> str:
        return page + place_of(notice.said, files_of(board.cards())) if page else ""

    def trouble(text: str) -> None:
        service.log.on_event("notice_not_sent", {"reason": text})

    await post_notices(ledger, service.clock, service.channels, wake, link=link, trouble=trouble)


def _is_alive(board: Board) -> bool:
    return silent_seconds(board) <= STALLED_SECONDS


async def _keep_status(service: Service, board: Board) -> None:
    while True:
        await service.clock.sleep(STATUS_SECONDS)
        service.notifier.status(_status(board))


def _status(board: Board) -> str:
    cards = board.cards()
    runs = sum(len(card.runs) for card in cards)
    dues = [card.next_due for card in cards if card.next_due is not None]
    following = f"; next due {min(dues).isoformat(timespec='minutes')}" if dues else ""
    return f"campaign files: {len(cards)}; runs carried out: {runs}{following}"


@contextmanager
def _heeding(service: Service, stopping: Stopping) -> Iterator[None]:
    """First SIGTERM or SIGINT: stop gently. Second: cut off what is on the wire. Third: as if nobody heeded it."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.asked.is_set():
            stopping.cut = True
            stopping.cut_off()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
            return
        stopping.asked.set()
        service.notifier.stopping()

    def reread() -> None:
        service.log.on_event("files_reread", {})
        stopping.reread()

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: reread}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
