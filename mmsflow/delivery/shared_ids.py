"""When ids that the gateway gave to several messages stop a run. Pure."""

from __future__ import annotations

from mmsflow.delivery.halt import Halt, tripped

MOST_SHARED = 5


def too_many_shared(shared: int) -> Halt | None:
    """The halt where the gateway goes on giving one id to several messages.

    Args:
        shared: messages of the run that were found to share their id since it was taken up.
    """
    if shared < MOST_SHARED:
        return None
    text = f"the gateway gave {shared} messages an id that another message has as well: their fate cannot be told"
    advice = "look for a proxy that keeps replies, and ask the operator; running again goes on with the rest"
    return tripped(text, advice, cause="shared_ids")
