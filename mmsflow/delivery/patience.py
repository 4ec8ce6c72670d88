"""When a sender that is told not to wait leaves. Pure.

A moment is waited out, or every hiccup of a network would end a scheduled command. Moments without end are not: a
gateway that asks for 4 s again and again would hold the command as surely as one that asks for an hour.
"""

from __future__ import annotations

LONGEST_SECONDS = 5.0  # a wait that is known to be longer ends it at once
TOGETHER_SECONDS = 30.0  # waits without any message getting through in between


class Patience:
    """Adds up the waits since the last message got through."""

    def __init__(self) -> None:
        self._waits_since: float | None = None

    def got_through(self) -> None:
        """The gateway took a message or refused it: waiting was worth it."""
        self._waits_since = None

    def is_over(self, seconds: float, now: float) -> bool:
        """Say whether to leave instead of waiting.

        Args:
            seconds: until something can be sent again, as far as is known; infinite where it is not.
            now: monotonic seconds.
        """
        if seconds > LONGEST_SECONDS:
            return True
        if self._waits_since is None:
            self._waits_since = now
        return now + seconds - self._waits_since > TOGETHER_SECONDS
