"""What a status question without an answer says: of its own id, or of the whole account. Pure: no time, no I/O.

A gateway that is out of order fails for every id, a bad id fails alone. So a failure is the id's own, unless several
ids have it with no answer for another id between them, and others that are asked to make sure have it too.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from mmsflow.delivery.schedule import next_poll
from mmsflow.gateway.model import StatusReply
from mmsflow.ledger.model import DuePoll, PollResult
from mmsflow.mms.status import MessageState

SEVERAL = 3  # ids that fail with no status told in between: others are asked to make sure
SAMPLE = 4  # so many others
GIVEN_UP = 3  # questions in vain at or after a message's deadline

_BODY_KEPT = 1000
_LIMIT = 53
_SHARED = frozenset({401, 403, 408, 425, 429})
_LONGEST_ASKED_SECONDS = 900.0
# Past the deadline: a tenth of `until`, between these at first; doubled after each question in vain.
_AGAIN = timedelta(seconds=1), timedelta(seconds=30)
_LONGEST_AGAIN = timedelta(minutes=5)
# How long a gateway that answers nothing is waited for once the last deadline has passed: a quarter of `until`.
_PATIENCE = timedelta(minutes=1), timedelta(minutes=15)


class Blame(StrEnum):
    """Whose failure a question without an answer is."""

    NOBODY = "nobody"  # a status was told
    MESSAGE = "message"  # its id's own, however many ids have it
    SHARED = "shared"  # the account's when several ids have it, else its id's own
    ACCOUNT = "account"  # the account's: without a token no question can be asked


def blame(reply: StatusReply) -> Blame:
    """Say whose failure one answer is, seen for itself."""
    if reply.status is not None:
        return Blame.NOBODY
    if reply.not_asked:
        return Blame.ACCOUNT
    if reply.http_status == 0 or reply.http_status >= 500 or reply.http_status in _SHARED:
        return Blame.SHARED
    return Blame.MESSAGE


def is_refusal(reply: StatusReply) -> bool:
    """Whether the answer says that we may not ask."""
    return reply.http_status == 401 or (reply.http_status == 403 and reply.code != _LIMIT)


class Suspicion:
    """The ids that failed as an account does, since the gateway last answered for any id."""

    def __init__(self) -> None:
        self._refusals: dict[int, int] = {}

    def note(self, message_id: int, reply: StatusReply) -> None:
        """Learn from one answer."""
        match blame(reply):
            case Blame.NOBODY | Blame.MESSAGE:
                self._refusals.clear()
            case Blame.SHARED if is_refusal(reply):
                self._refusals[message_id] = self._refusals.get(message_id, 0) + 1
            case Blame.SHARED:
                self._refusals[message_id] = 0

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._refusals

    @property
    def is_shared(self) -> bool:
        """Whether several ids have failed, so that others must be asked before the account is blamed."""
        return len(self._refusals) >= SEVERAL

    @property
    def is_refusal(self) -> bool:
        """Whether all of them were refused."""
        return bool(self._refusals) and all(self._refusals.values())

    def is_confirmed_by(self, asked: Collection[int]) -> bool:
        """Whether those that were asked to make sure have failed too."""
        return self.is_shared and bool(asked) and all(number in self._refusals for number in asked)

    def refuses_all(self, outstanding: int) -> bool:
        """Whether there are no ids but those that were refused, each of them twice."""
        return outstanding <= len(self._refusals) and all(times >= 2 for times in self._refusals.values())


def patience(until: timedelta) -> timedelta:
    """How long a gateway that answers nothing is waited for once the deadline of every message has passed."""
    shortest, longest = _PATIENCE
    return min(longest, max(shortest, until / 4))


def said(reply: StatusReply) -> str:
    """What an answer without a status was, for people: the HTTP status and text, or what went wrong on the wire."""
    if not reply.http_status:
        return reply.text or "no answer"
    code = f" (code {reply.code})" if reply.code else ""
    return f"{reply.http_status}{code}: {reply.text}" if reply.text else f"{reply.http_status}{code} without a status"


def judge(
    poll: DuePoll, reply: StatusReply, *, now: datetime, until: timedelta, grace: timedelta, in_vain: int = 0
) -> PollResult:
    """Say what one answer means for its message.

    A question that brought no answer settles nothing, not even at the deadline: it is asked again.

    Args:
        until: polling deadline, counted from acceptance.
        grace: how long an unknown id counts as "asked too early".
        in_vain: questions without an answer that were asked of it past its deadline before.
    """
    detail: dict[str, object] = {"http": reply.http_status, "body": reply.body[:_BODY_KEPT].decode("utf-8", "replace")}
    if reply.status is None:
        return _unanswered(poll, reply, now, until, in_vain, detail)
    status = reply.status
    if status.unused:
        detail["also_said"] = list(status.unused)
    if status.state is not None:
        reason = "" if status.state is MessageState.DELIVERED else f"{status.raw}: {status.meaning}"
        return PollResult(poll.id, now, status.state, status.raw, reason, None, detail)
    if status.not_found and now >= poll.accepted_at + grace:
        return PollResult(
            poll.id, now, MessageState.FAILED, status.raw, f"{status.raw}: {status.meaning}", None, detail
        )
    again_at = next_poll(poll.accepted_at, until, poll.polls + 1, now)
    if again_at is None:
        reason = f"no delivery report until the deadline; last status: {status.raw}"
        return PollResult(poll.id, now, MessageState.UNDETERMINED, status.raw, reason, None, detail)
    return PollResult(poll.id, now, None, status.raw, status.meaning, again_at, detail)


def _unanswered(
    poll: DuePoll, reply: StatusReply, now: datetime, until: timedelta, in_vain: int, detail: dict[str, object]
) -> PollResult:
    text, again = f"asked in vain: {said(reply)}", next_poll(poll.accepted_at, until, poll.polls + 1, now)
    if again is None:
        text = past_deadline(poll, reply)
        again = now + _after_silence(until, in_vain)
    if reply.retry_after_seconds is not None:
        again = max(again, now + timedelta(seconds=min(reply.retry_after_seconds, _LONGEST_ASKED_SECONDS)))
    return PollResult(poll.id, now, None, "", text, again, detail, _code(reply))


def _code(reply: StatusReply) -> str:
    """A short reason for counting: ``404/60``, ``500``, ``no_answer``."""
    if not reply.http_status:
        return "no_answer"
    return f"{reply.http_status}/{reply.code}" if reply.code else str(reply.http_status)


def past_deadline(poll: DuePoll, reply: StatusReply) -> str:
    """Why a message has no final status although its deadline has passed, for people."""
    times = f"{poll.polls + 1} times" if poll.polls else "once"
    if poll.status:
        return f"no final status until the deadline: asked {times}, last status {poll.status}; then {said(reply)}"
    return f"asked in vain {times} until the deadline; last answer: {said(reply)}"


def _after_silence(until: timedelta, in_vain: int) -> timedelta:
    """How long after a question without an answer, past the deadline, the next one comes."""
    shortest, longest = _AGAIN
    first = min(longest, max(shortest, until / 10))
    return min(_LONGEST_AGAIN, first * float(2 ** min(in_vain, 20)))
