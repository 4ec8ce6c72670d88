"""What must hold while a story goes on: at every POST, and when a process ends."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta

from mmsflow.delivery.thresholds import Canary, StopIf
from mmsflow.engine.embedded import Ended
from mmsflow.errors import IllegalTransition, MmsflowError
from mmsflow.ledger.codec import to_instant
from mmsflow.mms.status import MessageState
from torture.simulation.disk import Disk
from torture.simulation.gateway import Post
from torture.simulation.lists import OptOutList
from torture.simulation.loop import WallClock
from torture.simulation.process import Process
from torture.simulation.replies import TOKEN_REFUSED
from torture.simulation.scenario import Scenario

_LISTS_SECONDS = 1.1  # lists are looked at once a second


class Violation(Exception):
    """A promise was broken in a way that ends the story."""


class Watch:
    """Keeps its own account of a story, and says what should not be.

    Attributes:
        violations: what was said.
        kills, takeovers, cut_off, deaf: what excuses a message of unknown fate: processes killed, runs taken from
            living ones, requests cut off by a second signal, journals that failed together with the ledger.
        jumps: of the time of day.
        resumes: how often a person lifted a pause, also another one's.
        killed_at: seconds, by the process's number.
        decided: what people decided, by number.
        alive: whether a process carries the run out now.
        cancel_asked, cancelled_at: a person asked to cancel; the newest event when they were told that it is done.
    """

    def __init__(self, scenario: Scenario, disk: Disk, clock: WallClock, opt_outs: OptOutList | None) -> None:
        self._scenario, self._disk, self._clock, self._opt_outs = scenario, disk, clock, opt_outs
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.kills = self.takeovers = self.cut_off = self.deaf = self.jumps = self.resumes = 0
        self.killed_at: dict[int, float] = {}
        self.decided: dict[str, list[MessageState]] = defaultdict(list)
        self.cancel_asked = False
        self.cancelled_at: int | None = None
        self.alive: Callable[[], bool] = bool
        self.posts: dict[str, list[Post]] = defaultdict(list)
        self._open: dict[str, list[tuple[Post, Process]]] = defaultdict(list)
        self._permits: dict[int, int] = defaultdict(int)
        self._times: dict[int, list[float]] = defaultdict(list)

    def say(self, text: str) -> None:
        """Keep a violation; the story goes on."""
        if text not in self.violations:
            self.violations.append(text)

    def post_begins(self, post: Post, process: Process) -> None:
        """The first byte of a POST leaves: its intent must be durable by now, and nothing may forbid it."""
        who = f"…{post.msisdn[-3:]}"
        self._check_intent(who, post)
        self._check_alone(who, post, process)
        self._check_time(who, post)
        self._check_pace(post)
        self._check_quota(who, post)
        self._check_brakes(who, post)
        self.posts[post.msisdn].append(post)
        self.counts["posts"] += 1

    def _check_intent(self, who: str, post: Post) -> None:
        post.attempt = intents = self.intents(post.msisdn)
        same = [one for one in self.posts[post.msisdn] if one.attempt == intents]
        if not intents or (same and same[-1].reply is not TOKEN_REFUSED):
            self.say(f"{who} is POSTed without a durable intent: {intents} intents, {len(same)} POSTs since the last")
        if len(same) > 1:
            self.say(f"{who} is POSTed again and again after 401")
        sending = self._count("SELECT count(*) FROM messages WHERE state = 'sending'")
        if sending > self._scenario.in_flight:
            self.say(f"{sending} intents are open, in_flight is {self._scenario.in_flight}")

    def _check_alone(self, who: str, post: Post, process: Process) -> None:
        still = [pair for pair in self._open[post.msisdn] if pair[0].seen is None and pair[1].alive]
        if still:
            self.say(f"{who} is POSTed while an earlier POST of it is under way")
        self._open[post.msisdn] = [*still, (post, process)]

    def _check_time(self, who: str, post: Post) -> None:
        # The intent counts, not the POST: a token may have had to be fetched in between.
        intended = self._count(
            "SELECT max(e.at) FROM events e JOIN messages m ON m.id = e.message_id "
            "WHERE m.msisdn = ? AND e.new = 'sending'",
            post.msisdn,
        )
        rules = self._scenario.rules
        at = to_instant(intended)
        if rules.not_after and at >= rules.not_after:
            self.say(f"{who} is sent after not_after")
        if at < rules.start:
            self.say(f"{who} is sent before its start")
        since = self._opt_outs.since(int(post.msisdn[3:])) if self._opt_outs else None
        if (
            since is not None
            and not self.jumps
            and at > self._scenario.start + timedelta(seconds=since + _LISTS_SECONDS)
        ):
            self.say(f"{who} is sent after it opted out")

    def _check_pace(self, post: Post) -> None:
        rate = self._scenario.rules.per_second
        times = self._times[post.process]
        times.append(post.begun_at)
        window = 10.0
        recent = sum(at > post.begun_at - window for at in times)
        if rate and recent > rate * (window + 0.1) + 1 + 2 * self._scenario.in_flight:
            self.say(f"{recent} POSTs within {window:g} s at a rate of {rate:g}/s")

    def _check_quota(self, who: str, post: Post) -> None:
        earlier = self.posts[post.msisdn]
        if earlier and earlier[-1].reply is TOKEN_REFUSED and earlier[-1].process == post.process:
            return  # the same attempt once more, or one that the gateway has told us more about since
        self._permits[post.process] -= 1
        if self._permits[post.process] < 0:
            self.say(f"{who} is sent beyond what the quota's counter allowed")

    def _check_brakes(self, who: str, post: Post) -> None:
        rules = self._scenario.rules
        if rules.canary is None and rules.stop_if is None:
            return
        if self._count("SELECT count(*) FROM events WHERE message_id IS NULL AND detail LIKE '%\"breaker\"%'"):
            return  # it has tripped once, and a person went on all the same
        if rules.canary is not None:
            self._check_canary(who, post, rules.canary)
        if rules.stop_if is not None:
            self._check_failures(who, post, rules.stop_if)

    def _check_canary(self, who: str, post: Post, canary: Canary) -> None:
        first = self._disk.ask("SELECT msisdn, state FROM messages ORDER BY id LIMIT ?", canary.first)
        if post.msisdn in {msisdn for msisdn, _ in first}:
            return
        counted = [state for _, state in first if state not in ("not_sent", "suppressed")]
        if counted.count("delivered") < len(counted) * canary.min_delivered:
            self.say(f"{who} is sent while the canary stands at {counted}")

    def _check_failures(self, who: str, post: Post, stop_if: StopIf) -> None:
        intended = self._count("SELECT sent_at FROM messages WHERE msisdn = ?", post.msisdn) or 0
        left = self._count("SELECT count(*) FROM messages WHERE sent_at < ?", intended)
        failed = self._count(
            "SELECT count(*) FROM messages WHERE state IN ('failed', 'rejected') AND final_at < ?", intended
        )
        # Those beside it may still have been uncertain when it was decided.
        if left - self._scenario.in_flight >= stop_if.after and failed > left * stop_if.failed:
            self.say(f"{who} is sent after {failed} of {left} had failed")

    def limit_told(self, process: int, available: int) -> None:
        """A process has asked for the quota; until it asks again it may begin so many."""
        self._permits[process] = available - self._scenario.rules.quota.reserve

    def question(self, process: int) -> None:
        """A status question is asked."""
        self.counts["questions"] += 1
        times = self._times[-process]
        times.append(self._clock.monotonic())
        rate, window = self._scenario.poll_per_second, 10.0
        recent = sum(at > times[-1] - window for at in times)
        # Each may be asked once more after a 401, and as many as are asked at once may have waited for a token.
        if recent > 2 * (rate * (window + 0.1) + 1 + 8):
            self.say(f"{recent} status questions within {window:g} s, the budget is {rate:g}/s")
        if len(times) > 500:
            del times[:-250]

    def process_ended(self, stops: int, ended: Ended | MmsflowError) -> None:
        """A process has ended by itself: what was on the wire is settled, unless it was cut off or has lost the run."""
        if isinstance(ended, IllegalTransition):
            self.say(f"an illegal move was tried: {ended}")
        if isinstance(ended, MmsflowError) or stops > 1 or self.takeovers:
            return
        sending = self._count("SELECT count(*) FROM messages WHERE state = 'sending'")
        if sending:
            self.say(f"a process ended in order and left {sending} messages on the wire")

    def intents(self, msisdn: str) -> int:
        """How many times the ledger says that a POST of this number was about to begin."""
        return self._count(
            "SELECT count(*) FROM events e JOIN messages m ON m.id = e.message_id "
            "WHERE m.msisdn = ? AND e.new = 'sending' AND e.old = 'ready'",
            msisdn,
        )

    def last_event(self) -> int:
        """The number of the newest step in the ledger's history."""
        return self._count("SELECT max(id) FROM events") or 0

    def held(self) -> tuple[int, int, int, int]:
        """A person was told that the run is paused; what ``still_held`` wants to know later."""
        return self.last_event(), self.kills, self.takeovers, self.resumes

    def still_held(self, mark: tuple[int, int, int, int]) -> None:
        """Nothing may have been begun since ``held``; a new process, or another one's word, means that it goes on."""
        since, *lifts = mark
        if lifts == [self.kills, self.takeovers, self.resumes]:
            begun = self._count("SELECT count(*) FROM events WHERE new = 'sending' AND old = 'ready' AND id > ?", since)
            if begun:
                self.say(f"{begun} messages were begun while the run was paused by a person")

    def _count(self, sql: str, *parameters: object) -> int:
        rows = self._disk.ask(sql, *parameters)
        return rows[0][0] if rows else 0
