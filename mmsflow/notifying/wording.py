"""What a notice says: its subject and its text, for people who read them on a telephone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, timezone

from mmsflow.campaign.wording import masked
from mmsflow.ledger.operation import NoticeKind
from mmsflow.mms.status import Bucket
from mmsflow.notifying.model import Letter

TEST = "test"
_LONGEST = 500
_LONGEST_SUBJECT = 150
_HEADS: Mapping[str, str] = {
    NoticeKind.FINISHED: "finished",
    NoticeKind.PAUSED: "paused",
    NoticeKind.NEEDS_PERSON: "needs you",
    TEST: "a test of this channel",
}
_UTC = timezone(timedelta(0), "UTC")


def plain(text: str) -> str:
    """``text`` on one line, with whatever looks like a phone number down to its last three digits."""
    return masked(text, _LONGEST)


def subject_of(letter: Letter) -> str:
    """One line: ``mmsflow: winter-sale-20261201-1 finished``."""
    about = letter.run or letter.campaign
    head = _HEADS[letter.kind]
    return masked(f"mmsflow: {about} {head}" if about else f"mmsflow: {head}", _LONGEST_SUBJECT)


def text_of(letter: Letter) -> str:
    """What happened, the rows by bucket, what to do, and where to find more."""
    paragraphs = [plain(letter.text), _counts(letter), plain(letter.advice), letter.link, _footer(letter)]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def buckets_of(letter: Letter) -> dict[str, int]:
    """Rows by the bucket's name, without empty buckets."""
    return {bucket.value: rows for bucket, rows in letter.buckets.items() if rows}


def _counts(letter: Letter) -> str:
    named = [(Bucket(name).value.replace("_", " "), rows) for name, rows in buckets_of(letter).items()]
    if not named:
        return ""
    named.append(("rows of the lists", letter.rows))
    width = max(len(f"{rows:,}") for _, rows in named)
    return "\n".join(f"{rows:>{width},} {name}" for name, rows in named)


def _footer(letter: Letter) -> str:
    facts = [f"campaign {letter.campaign}"] if letter.campaign else []
    facts += [f"run {letter.run}"] if letter.run else []
    facts += [f"cause {letter.cause}"] if letter.cause else []
    facts.append(letter.at.astimezone(_UTC).strftime("%Y-%m-%d %H:%M:%S %Z"))
    return "-- \n" + ", ".join(facts)
