"""The few distinct layouts of a ledger's messages, read once each."""

from __future__ import annotations

from sqlalchemy import Connection, select

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import decode_layout
from mmsflow.ledger.schema import layouts
from mmsflow.message.model import Layout


class Layouts:
    """Layouts by key. They never change, so what was read once stays true."""

    def __init__(self) -> None:
        self._known: dict[int, Layout] = {}

    def get(self, connection: Connection, key: int) -> Layout:
        """One layout; messages that share it share the object.

        Raises:
            LedgerError: the ledger does not hold it, or not as a layout.
        """
        if key not in self._known:
            text = connection.execute(select(layouts.c.layout).where(layouts.c.key == key)).scalar()
            if text is None:
                raise LedgerError(f"the ledger has no message layout {key}", "Restore it from a backup.")
            self._known[key] = decode_layout(text)
        return self._known[key]
