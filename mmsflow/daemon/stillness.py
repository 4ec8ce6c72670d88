"""Moments in which nothing is on the wire, for what holds the event loop up longer than a reply may be waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mmsflow.delivery.account import Account

LARGE = 5_000  # rows; to freeze so many holds the loop up for a fifth of a second or so


class Stillness:
    """Keeps the account quiet while the loop is held up.

    Without it the reply to a request could come in time and be read too late: the message would be "maybe sent".

    Args:
        account: whose requests are waited for, and held back meanwhile.
        on_hold: told True before the loop is held up, and False afterwards.
    """

    def __init__(self, account: Account, on_hold: Callable[[bool], None]) -> None:
        self._account, self._on_hold = account, on_hold

    @asynccontextmanager
    async def for_rows(self, rows: int) -> AsyncIterator[None]:
        """Around work on so many rows: a moment of stillness for many, nothing for a few."""
        if rows < LARGE:
            yield
            return
        async with self.moment():
            yield

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[None]:
        """Wait until nothing is on the wire; nothing is begun until the block ends."""
        async with self._account.quiet():
            self._on_hold(True)
            try:
                yield
            finally:
                self._on_hold(False)
