"""Phone numbers: from what people type to E.164, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BadNumber:
    """Why a cell holds no number that an MMS can be sent to.

    Attributes:
        code: a short name of the reason, such as ``landline``; stable, for counting.
        explanation: a sentence for people, naming what would mend it.
    """

    code: str
    explanation: str


def parse_msisdn(raw: str) -> str | BadNumber:
    """Read a Polish mobile number as ``+48`` and nine digits."""
    raise NotImplementedError


def mask_msisdn(msisdn: str) -> str:
    """A number with only its last three digits readable: ``+48•••••• 030`` → ``…030``."""
    raise NotImplementedError
