"""The nouns of what blocks sending: a blocker with its stable cause, and what a person has decided about it."""

from __future__ import annotations

from dataclasses import dataclass

from mmsflow.errors import PlanRefused


@dataclass(frozen=True, slots=True)
class Blocker:
    """A reason why nothing is sent before a person has decided.

    Attributes:
        cause: stable word for ``--json``, metrics and notices.
        message: what blocks, one sentence.
        fix: what a person can do or say.
    """

    cause: str
    message: str
    fix: str

    def as_error(self) -> PlanRefused:
        """Make the refusal that a command ends with."""
        return PlanRefused(self.message, self.fix, cause=self.cause)

    def as_json(self) -> dict[str, str]:
        """Give the shape that ``--json`` shows."""
        return {"cause": self.cause, "message": self.message, "fix": self.fix}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a person has said with the command at hand.

    Attributes:
        adopt: this ledger is the one from now on.
        again: everybody gets the campaign once more.
        other_content: what looks like another campaign's unfinished run is meant to be sent beside it.
    """

    adopt: bool = False
    again: bool = False
    other_content: bool = False


OTHER_FILE = "campaign_of_another_file"
"""Cause: the campaign's runs were made from another file, which is still there and has the same campaign name."""

NOTHING_DECIDED = Decided()
