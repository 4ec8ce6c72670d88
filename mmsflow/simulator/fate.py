"""What becomes of an accepted message, and when: drawn from seed, number and how many times the number was sent to.

The order in which requests arrive does not matter, so a concurrent run is as reproducible as a serial one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from mmsflow.simulator.config import SimulatorConfig

NOT_FOUND = "Message ID Not found"
PARTIAL = "Partial success"


@dataclass(frozen=True, slots=True)
class Fate:
    """The final status, and the delay from acceptance until it can be read, in seconds."""

    status: str
    delay: float


def draw(config: SimulatorConfig, number: str, nth: int) -> Fate:
    """The fate of the nth message (from 1) to a number."""
    digest = hashlib.blake2b(f"{config.seed}|{number}|{nth}".encode(), digest_size=16).digest()
    luck, patience = (int.from_bytes(half, "big") / 2**64 for half in (digest[:8], digest[8:]))
    shortest, longest = config.delivery_delay
    status = config.fates.get(number) or _weighted(config, luck)
    return Fate(status, shortest + patience * (longest - shortest))


def _weighted(config: SimulatorConfig, luck: float) -> str:
    weighted = [(status, weight) for status, weight in config.mix.items() if weight > 0]
    mark = luck * sum(config.mix.values())
    for status, weight in weighted:
        mark -= weight
        if mark < 0:
            return status
    return weighted[-1][0]  # rounding


@dataclass(frozen=True, slots=True)
class Prospect:
    """What is written down about one address of an accepted message. Instants are epoch seconds."""

    delivery_report: bool
    received_at: float
    final_at: float
    fate: str


def status_now(config: SimulatorConfig, prospect: Prospect, now: float) -> str:
    """The status of one address at an instant."""
    if not prospect.delivery_report or now < prospect.received_at + config.not_found_for:
        return NOT_FOUND
    return config.pending_status if now < prospect.final_at else prospect.fate


def status_of_message(config: SimulatorConfig, prospects: Iterable[Prospect], now: float) -> str:
    """The one status that the gateway gives for an id: of all its addresses together."""
    statuses = {status_now(config, prospect, now) for prospect in prospects}
    if len(statuses) > 1:
        return PARTIAL
    return statuses.pop() if statuses else NOT_FOUND
