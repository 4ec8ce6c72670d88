"""Whether an idle connection may carry another request. Pure: time comes as an argument.

A server that closes a connection just as we write on it leaves a POST of unknown fate. How long a server, or a proxy
or firewall before it, keeps idle connections is nowhere said, so it is learned from what happens.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

ENOUGH = 5  # survived idle times that make such a time ordinary
_GROWTH = 2.0  # up to so many times what survived is ordinary as well
_SHORTEST_SECONDS = 0.004  # below it nothing is told apart
_FIRST_BAN_SECONDS = 60.0
_BAN_GROWTH = 4.0
_LONGEST_BAN_SECONDS = 3600.0
_FORGOTTEN_SECONDS = 6 * 3600.0  # a break so long ago says nothing about the next one


@dataclass(slots=True, eq=False)
class Reuse:
    """One idle connection that carries another request.

    Attributes:
        idle_seconds: how long it was idle.
    """

    idle_seconds: float


class KeepAlive:
    """Learns for one host how long its connections may be idle.

    An idle time is ordinary once five connections have survived one half as long. A connection that was idle for
    longer is a trial, and there is one trial at a time. After a break on a reused connection none is reused for a
    minute, then for longer each time, and learning begins anew.

    Args:
        learns: False reuses every connection.
    """

    def __init__(self, *, learns: bool = True) -> None:
        self._learns = learns
        self._survived: list[float] = []  # the longest idle times that were survived, ascending
        self._ordinary_seconds = 0.0
        self._told_seconds: float | None = None
        self._on_trial: Reuse | None = None
        self._banned_until = 0.0
        self._breaks = 0

    def take(self, idle_seconds: float, now: float) -> Reuse | None:
        """Judge whether a connection may be reused; ``survived``, ``broke`` or ``ended`` follows on what is returned.

        Args:
            idle_seconds: how long it was idle.
            now: monotonic seconds.

        Returns:
            None where it is not to be reused.
        """
        if self._told_seconds is not None and idle_seconds > self._told_seconds:
            return None
        if not self._learns:
            return Reuse(idle_seconds)
        if now < self._banned_until:
            return None
        trial = idle_seconds > self._ordinary_seconds
        if trial and self._on_trial is not None:
            return None
        reuse = Reuse(idle_seconds)
        if trial:
            self._on_trial = reuse
        return reuse

    def survived(self, reuse: Reuse) -> None:
        """Note a reply on a reused connection."""
        self.ended(reuse)
        full = len(self._survived) == ENOUGH
        if full and reuse.idle_seconds <= self._survived[0]:
            return  # the usual case
        insort(self._survived, reuse.idle_seconds)
        if full:
            del self._survived[0]
        if len(self._survived) == ENOUGH:
            self._ordinary_seconds = max(_SHORTEST_SECONDS, _GROWTH * self._survived[0])

    def broke(self, reuse: Reuse, now: float) -> None:
        """Note that a reused connection broke before any byte of a reply; of several at once the first one counts.

        Args:
            now: monotonic seconds.
        """
        self.ended(reuse)
        self._survived.clear()
        self._ordinary_seconds = 0.0
        if now < self._banned_until:
            return
        self._breaks = 1 if now > self._banned_until + _FORGOTTEN_SECONDS else self._breaks + 1
        ban = min(_LONGEST_BAN_SECONDS, _FIRST_BAN_SECONDS * _BAN_GROWTH ** min(self._breaks - 1, 10))
        self._banned_until = now + ban

    def ended(self, reuse: Reuse) -> None:
        """Note that a request on a reused connection ended without telling anything, by our own deadline say."""
        if self._on_trial is reuse:
            self._on_trial = None

    def told(self, header: str) -> None:
        """Keep to what the server says of itself: ``Keep-Alive: timeout=5``; what is not understood changes nothing."""
        for part in header.split(","):
            name, _, value = part.strip().partition("=")
            if name.strip().lower() == "timeout" and (digits := value.strip()).isascii() and digits.isdigit():
                seconds = min(int(digits[:9]), 86_400)
                self._told_seconds = seconds - 1.0 if seconds >= 2 else seconds / 2
