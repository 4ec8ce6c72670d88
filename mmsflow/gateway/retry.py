"""When a POST is safe to repeat: the evidence of one attempt in, one decision out. Pure.

The request carries no client message id, so it is not idempotent: a message goes back to ``ready`` only where the
request provably never left, or where the answer itself says that it was not processed. All else is ``unknown``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mmsflow.gateway.model import Evidence, Wire
from mmsflow.mms.status import MessageState

CODE_UNAVAILABLE = 5  # operator's error model: temporarily unavailable
CODE_LIMIT = 53  # operator's error model: too many requests, the quota's as well as a short window's

_NOT_THIS_RECIPIENT = frozenset({404, 405, 406, 415})
_REFUSED_MESSAGE = frozenset({400, 413, 422})
_LATER = frozenset({408, 425, 429})
_LONGEST_OWN_WAIT = 60.0  # seconds
# These redirects ask for the same request elsewhere. 302 and 303 may follow a request that was carried out.
_MOVED = frozenset({301, 307, 308})


class Action(StrEnum):
    """What the sender does besides moving the message."""

    NONE = "none"
    BACK_OFF = "back_off"  # the gateway is out of reach: wait, exponentially longer each time
    HOLD_ACCOUNT = "hold_account"  # the gateway asked for time: nothing goes out on this account meanwhile
    ASK_QUOTA = "ask_quota"  # used up: wait for the reset; not used up: a rate limit, slow down
    PAUSE_GATEWAY = "pause_gateway"  # an answer that no document names: a person should look
    PAUSE_CREDENTIALS = "pause_credentials"  # exit 4
    PAUSE_CONFIGURATION = "pause_configuration"  # wrong URL or set-up, not a wrong recipient; exit 4


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What the gateway profile adds to the rules.

    Attributes:
        not_processed_statuses: HTTP statuses that this gateway promises to mean "not processed".
        longest_wait_seconds: cap on what a Retry-After may ask for.
    """

    not_processed_statuses: frozenset[int] = frozenset()
    longest_wait_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the message, and of the run.

    Attributes:
        state: the message's new state.
        action: what the sender does besides.
        spends_attempt: whether one of the campaign's attempts is used up.
        delay_seconds: what the gateway asked for, capped; None where the sender's own back-off holds.
        reason: for people; empty when all went well.
    """

    state: MessageState
    action: Action
    spends_attempt: bool
    delay_seconds: float | None
    reason: str


def decide(evidence: Evidence, policy: RetryPolicy = RetryPolicy()) -> Decision:
    """Judge one attempt by its wire evidence and the answer, never by an exception's class."""
    if evidence.wire is Wire.NOT_BEGUN:
        return _never_left(evidence)
    if evidence.wire is Wire.BEGUN:
        return _settled(MessageState.UNKNOWN, evidence.text or "no answer after the request had begun")
    if 200 <= evidence.http_status < 300:
        return _taken(evidence)
    return _answered(evidence, policy)


def backoff_seconds(attempt: int, random: float, *, first_seconds: float = 1.0, cap_seconds: float = 120.0) -> float:
    """Seconds to wait after failure number ``attempt`` (from 1): doubling, capped, the upper half jittered.

    Args:
        attempt: consecutive failures so far.
        random: a number from 0 up to 1 that the caller draws.
        first_seconds: the longest first wait, above 0.
        cap_seconds: the longest wait of all; half of it is the shortest once the cap is reached.
    """
    longest = min(cap_seconds, first_seconds * 2.0 ** min(max(attempt, 1) - 1, 60))
    return longest * (0.5 + 0.5 * random)


def own_wait_seconds(attempt: int) -> float:
    """Give the seconds that a message waits beyond the account's hold after failure number ``attempt`` (from 1).

    After a failure of the account a single message finds out whether the gateway is back. One that the gateway never
    takes must not be that message each time, or nobody else is ever tried.
    """
    return 0.0 if attempt < 2 else min(_LONGEST_OWN_WAIT, 2.0 ** (attempt - 2))


def _never_left(evidence: Evidence) -> Decision:
    if evidence.misconfigured:
        return _again(Action.PAUSE_CONFIGURATION, evidence.text)
    if evidence.credentials_refused:
        return _again(Action.PAUSE_CREDENTIALS, evidence.text)
    return _again(Action.BACK_OFF, evidence.text)


def _taken(evidence: Evidence) -> Decision:
    if evidence.refused_in_body:
        return _settled(MessageState.REJECTED, _said(evidence, "the gateway refused the message's parameters"))
    if evidence.gateway_id:
        return _settled(MessageState.ACCEPTED, "")
    return _settled(
        MessageState.ACCEPTED_NOID, _said(evidence, f"the gateway answered {evidence.http_status} without a usable id")
    )


def _answered(evidence: Evidence, policy: RetryPolicy) -> Decision:
    status = evidence.http_status
    reason = _said(evidence, f"the gateway answered {status}")
    asked = _capped(evidence.retry_after_seconds, policy)
    if status == 401:
        return _again(Action.PAUSE_CREDENTIALS, reason)
    if status == 403:
        limit = evidence.code == CODE_LIMIT
        return _again(Action.ASK_QUOTA if limit else Action.PAUSE_CREDENTIALS, reason, asked if limit else None)
    if status in _REFUSED_MESSAGE:
        return _settled(MessageState.REJECTED, reason)
    if status in _NOT_THIS_RECIPIENT or status in _MOVED:
        return _again(Action.PAUSE_CONFIGURATION, reason)
    if status in _LATER or (status == 503 and (evidence.code == CODE_UNAVAILABLE or asked is not None)):
        return _again(Action.HOLD_ACCOUNT, reason, asked)
    return _of_unknown_fate(status, reason, policy)


def _of_unknown_fate(status: int, reason: str, policy: RetryPolicy) -> Decision:
    if status in policy.not_processed_statuses:
        return Decision(MessageState.READY, Action.BACK_OFF, status != 503, None, reason)
    if 300 <= status < 400:
        return Decision(MessageState.UNKNOWN, Action.PAUSE_CONFIGURATION, True, None, reason)
    if status >= 500:
        return _settled(MessageState.UNKNOWN, reason)
    return Decision(MessageState.UNKNOWN, Action.PAUSE_GATEWAY, True, None, reason)


def _settled(state: MessageState, reason: str) -> Decision:
    return Decision(state, Action.NONE, True, None, reason)


def _again(action: Action, reason: str, delay_seconds: float | None = None) -> Decision:
    return Decision(MessageState.READY, action, False, delay_seconds, reason)


def _said(evidence: Evidence, what: str) -> str:
    code = f" (code {evidence.code})" if evidence.code else ""
    return f"{what}{code}: {evidence.text}" if evidence.text else what + code


def _capped(seconds: float | None, policy: RetryPolicy) -> float | None:
    return None if seconds is None else min(max(seconds, 0.0), policy.longest_wait_seconds)
