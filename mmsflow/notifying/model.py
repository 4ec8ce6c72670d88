"""The nouns of notices on their way out: a letter, the channels that take it, and why one was not taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mmsflow.errors import MmsflowError
from mmsflow.ledger.operation import NoticeKind
from mmsflow.mms.status import Bucket


@dataclass(frozen=True, slots=True)
class Letter:
    """One notice, ready for any channel; it holds no phone number in full and no text of a message.

    Attributes:
        id: the same in every attempt and by every channel, so that a receiver can tell a repeat.
        at: when the notice was made, aware, UTC.
        kind: why people are told; ``test`` for a letter that only tries the channels.
        campaign, run: empty where it is about none.
        text, advice: what happened and what to do, one sentence each; advice may be empty.
        rows: of the run's lists; 0 without a run.
        buckets: rows by bucket as they stand now; empty without a run.
        link: where a person finds more; empty when not known.
        cause: why people are told, a word for programs; empty where nothing is wrong.
    """

    id: str
    at: datetime
    kind: NoticeKind | str
    campaign: str
    run: str
    text: str
    advice: str
    rows: int
    buckets: Mapping[Bucket, int]
    link: str
    cause: str = ""


class Channel(Protocol):
    """A way out for letters.

    Attributes:
        name: as ``NoticePost.channel`` has it, ``webhook`` or ``mail``.
        target: where it leads, for people; no credentials and no path, which may be a secret.
    """

    name: str
    target: str

    async def send(self, letter: Letter) -> str:
        """Hand a letter over, within a deadline.

        Returns:
            A remark to keep, such as that some addresses were refused; mostly empty.

        Raises:
            NotPosted: it was not taken.
        """
        ...


class NotPosted(MmsflowError):
    """A letter was not taken.

    Args:
        for_good: the receiver wants no further attempt.
    """

    exit_code = 5
    cause = "notice_not_posted"

    def __init__(self, message: str, advice: str = "", *, for_good: bool = False) -> None:
        super().__init__(message, advice)
        self.for_good = for_good
