"""The few distinct layouts of a ledger's messages, read once each."""

from __future__ import annotations

from sqlalchemy import Connection, select

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import decode_layout, decode_texts
from mmsflow.ledger.schema import layouts, messages
from mmsflow.message.model import DrawnPart, Layout, StaticPart


def layouts_of(connection: Connection, key: int) -> list[Layout]:
    """The distinct layouts of a run's messages, in order of first use."""
    rows = connection.execute(select(layouts.c.layout).where(layouts.c.run_key == key).order_by(layouts.c.key))
    return [decode_layout(text) for text in rows.scalars()]


def drawn_example(connection: Connection, key: int) -> str:
    """Hex SHA-256 of one part that was drawn for one recipient of a run; empty where none was drawn."""
    query = select(layouts.c.key, layouts.c.layout).where(layouts.c.run_key == key).order_by(layouts.c.key)
    for layout_key, text in connection.execute(query).all():
        own = [part for part in decode_layout(text) if not isinstance(part, StaticPart)]
        at = next((index for index, part in enumerate(own) if isinstance(part, DrawnPart)), None)
        if at is None:
            continue
        first = select(messages.c.texts).where(messages.c.run_key == key, messages.c.layout_key == layout_key).limit(1)
        if (texts := connection.execute(first).scalar()) is not None:
            return decode_texts(texts)[at]
    return ""


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
                raise LedgerError(
                    f"the ledger has no message layout {key}", "Restore it from a backup.", cause="ledger_damaged"
                )
            self._known[key] = decode_layout(text)
        return self._known[key]
