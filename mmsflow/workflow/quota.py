"""Which calls the operator counts against the quota beside sending: found out by asking, not from a document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mmsflow.gateway.client import GatewayClient

CALLS = 5
_NO_MESSAGE = "mmsflow-quota-measurement"


class Cost(StrEnum):
    """What a kind of call takes of the quota."""

    FREE = "free"
    COUNTS = "counts"
    UNCLEAR = "unclear"  # the counter moved otherwise: somebody else sent meanwhile, or it was reset


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found out.

    Attributes:
        status: questions for a delivery status.
        limit: questions for the counter itself.
        answered: how many of the status questions were answered.
        used: the counter at the start, after the questions for it, and after those for a status.
    """

    status: Cost
    limit: Cost
    answered: int
    used: tuple[int, int, int]


async def measure_quota(gateway: GatewayClient, calls: int = CALLS) -> Measured:
    """Ask for the counter ``calls`` times, then for the status of a message that does not exist, and compare.

    At most ``2 * calls + 2`` requests of the quota are used up by it, should all of them count.

    Raises:
        GatewayRefused, GatewayUnavailable: as the client says.
    """
    first = (await gateway.limit()).used
    second = first
    for _ in range(calls):
        second = (await gateway.limit()).used
    answered = 0
    for _ in range(calls):
        answered += (await gateway.status(_NO_MESSAGE)).http_status > 0
    third = (await gateway.limit()).used
    limit = cost_of(second - first, calls)
    own = {Cost.FREE: 0, Cost.COUNTS: 1}.get(limit)
    status = Cost.UNCLEAR if own is None or answered < calls else cost_of(third - second - own, calls)
    return Measured(status, limit, answered, (first, second, third))


def cost_of(moved: int, calls: int) -> Cost:
    """What so many calls cost each, when the counter moved by ``moved`` meanwhile."""
    return {0: Cost.FREE, calls: Cost.COUNTS}.get(moved, Cost.UNCLEAR)
