"""Whose turn it is among runs that could send right now: the highest priority first, equals by weight. Pure.

Start-time fair queueing (Goyal, Vin, Cheng 1996): every permit carries a tag, tags of a run stand ``1 / weight``
apart, the least tag goes next. Who had nothing to send meanwhile comes back with the tag of those who had, so an
unused share is lent for good: nobody pays it back, and nobody saves it up.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Turn:
    """The place of one run in the order.

    Attributes:
        priority: the highest goes first, whatever the tags say.
        weight: part of what goes to runs of the same priority, above 0.
        order: breaks ties; who came first.
        wants: it could send right now, if permits are left for it.
        tag: of its next permit.
    """

    priority: int
    weight: int
    order: int = 0
    wants: bool = False
    tag: float = 0.0

    @property
    def place(self) -> tuple[int, float, int]:
        """What runs are ordered by; the least goes first."""
        return (-self.priority, self.tag, self.order)


@dataclass(slots=True)
class Order:
    """The order of all runs: remembers how far each priority has come.

    Attributes:
        reached: by priority, the tag that who comes now begins with.
    """

    reached: dict[int, float] = field(default_factory=dict)

    def enter(self, turn: Turn) -> None:
        """It could send from now on."""
        turn.wants = True
        turn.tag = max(turn.tag, self.reached.get(turn.priority, 0.0))

    def advance(self, turn: Turn, permits: int, equals: Sequence[Turn]) -> None:
        """It takes so many permits, beside others of its priority that could send as well."""
        if permits:
            least = min((each.tag for each in equals), default=turn.tag)
            self.reached[turn.priority] = max(self.reached.get(turn.priority, 0.0), min(turn.tag, least))
            turn.tag += permits / turn.weight


def share_of(turn: Turn, permits: int, equals: Sequence[Turn]) -> int:
    """How many of the next ``permits`` are its own, when each goes to the least tag; all of them without equals."""
    if not equals:
        return permits
    tags = [(each.tag, each.order, each.weight, each is turn) for each in (turn, *equals)]
    heapq.heapify(tags)
    mine = 0
    for _ in range(permits):
        tag, order, weight, own = tags[0]
        mine += own
        heapq.heapreplace(tags, (tag + 1 / weight, order, weight, own))
    return mine
