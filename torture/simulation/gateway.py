"""The simulated gateway: what it received for each number, what it said about it, and the watch it keeps over us.

It stands outside of every process: what it has received stays received, whoever is killed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from zoneinfo import ZoneInfo

from mmsflow.mms.status import MessageState
from torture.simulation.loop import VirtualLoop, WallClock
from torture.simulation.replies import (
    ACCEPTED,
    FINAL_WORDS,
    NO_CONNECTION,
    NOT_FOUND,
    POSTS,
    STATUSES,
    TAKEN,
    TOKEN_REFUSED,
    USED_UP,
    Answer,
    Reply,
)
from torture.simulation.scenario import Scenario

_WARSAW = ZoneInfo("Europe/Warsaw")
_NEVER = float("inf")


@dataclass(slots=True)
class Submission:
    """A message that the gateway has received.

    Attributes:
        reported_at: when its handset reports; never for some.
        said: every status word that was given for it.
        last_not_found: when its id was last said to be unknown.
    """

    gateway_id: str
    msisdn: str
    received_at: float
    word: str
    reported_at: float
    said: set[str] = field(default_factory=set)
    last_not_found: float = 0.0


@dataclass(slots=True)
class Post:
    """One POST as it was begun, and the reply that its process saw.

    Attributes:
        process: number of the process.
        attempt: how many intents of the message the ledger showed when it began.
        seen, seen_at: None until the reply, or its absence, was seen.
    """

    msisdn: str
    process: int
    begun_at: float
    reply: Reply
    gateway_id: str = ""
    attempt: int = 0
    seen: frozenset[MessageState] | None = None
    seen_at: float = 0.0


class GatewayModel:
    """One account at the gateway.

    Attributes:
        calm: the storm is over; everything is taken at once and answered truly.
        posts, submissions: the record, in the order of events.
    """

    def __init__(self, scenario: Scenario, random: Random, loop: VirtualLoop, clock: WallClock) -> None:
        self._scenario, self._random, self._loop, self._clock = scenario, random, loop, clock
        self.calm = False
        self.posts: list[Post] = []
        self.submissions: dict[str, Submission] = {}
        self._token_ends: dict[str, float] = {}
        self.used = 0
        self.capacity = scenario.quota.available
        self.taken_by_others = 0
        self.resets = 0
        midnight = clock.now().astimezone(_WARSAW).replace(hour=0, minute=0, second=0, microsecond=0)
        self._reset_on = midnight + timedelta(days=1)

    @property
    def dark(self) -> bool:
        """Whether nothing answers at the moment."""
        start, end = self._scenario.weather.dark
        return not self.calm and start <= self._loop.time() < end

    def calm_down(self) -> None:
        """From now on nothing goes wrong any more, and the quota is ample."""
        self.calm = True
        self.capacity = self.used + 10_000

    def take_for_others(self, requests: int) -> None:
        """Somebody else uses the account."""
        self.used = min(self.capacity, self.used + requests)
        self.taken_by_others += requests

    def trouble(self) -> bool:
        """Whether a token or limit call fails this time."""
        return self.dark or (not self.calm and self._random.random() < self._scenario.weather.trouble)

    def delay(self) -> float:
        """Seconds that a reply takes."""
        return self._random.choice((0.02, 0.3, 3.0)) * self._random.random()

    def post(self, token: str) -> Reply:
        """What is going to become of a POST that is about to begin."""
        self._roll_over()
        if self.dark:
            return NO_CONNECTION
        if not self._valid(token):
            return TOKEN_REFUSED
        if self.used >= self.capacity:
            return USED_UP
        if self.calm:
            return TAKEN
        names, weights = zip(*self._scenario.weather.posts, strict=True)
        name = self._random.choices(names, weights)[0]
        return TAKEN if name == "taken" else POSTS[name]

    def begun(self, post: Post) -> None:
        """A request has left its process; from here on nothing about it can be taken back."""
        self.posts.append(post)
        received = post.reply.received
        if received is None:
            received = self._random.random() < 0.5
        if received or self._scenario.quota.counts_refused:
            self.used = min(self.capacity, self.used + 1)
        if not received:
            return
        post.gateway_id = f"id-{len(self.submissions) + 1}-{self._scenario.seed}"
        self.submissions[post.gateway_id] = Submission(
            post.gateway_id,
            post.msisdn,
            self._loop.time(),
            self._random.choice((*FINAL_WORDS, "Retrieved", "Retrieved", "Retrieved")),
            self._loop.time() + self._reports_after(),
        )

    def _reports_after(self) -> float:
        until = self._scenario.rules.poll_until.total_seconds()
        return (
            _NEVER
            if self._random.random() < 0.15
            else until * self._random.choice((0.1, 0.5, 1.2)) * self._random.random()
        )

    def status(self, gateway_id: str, token: str) -> Answer:
        """The answer to one status question."""
        if self.dark:
            return STATUSES["no connection"]
        if not self._valid(token):
            return STATUSES["token refused"]
        answer = self._true_word(gateway_id)
        if not self.calm:
            names, weights = zip(*self._scenario.weather.statuses, strict=True)
            name = self._random.choices(names, weights)[0]
            answer = answer if name == "word" else STATUSES[name]
        if answer.word and gateway_id in self.submissions:
            self.submissions[gateway_id].said.add(answer.word)
            if answer.word == NOT_FOUND:
                self.submissions[gateway_id].last_not_found = self._loop.time()
        return answer

    def _true_word(self, gateway_id: str) -> Answer:
        known = self.submissions.get(gateway_id)
        if known is None:
            return STATUSES["not found"]
        word = "Success"
        if self._loop.time() >= known.reported_at:
            word = known.word
            if self._scenario.weather.flips and known.said & FINAL_WORDS.keys():
                word = self._random.choice((*FINAL_WORDS, "Success", NOT_FOUND))
        return Answer(200, json.dumps({"status": word}), word)

    def limit(self, token: str) -> Answer:
        """The answer to a question for the quota."""
        self._roll_over()
        if self._scenario.quota.others and not self.calm:
            self.take_for_others(self._random.choice((0, 0, 1, 3)))
        if not self._valid(token):
            return STATUSES["token refused"]
        dates = {"tomorrow": self._reset_on, "past": self._reset_on - timedelta(days=1), "none": None}
        date = dates[self._scenario.quota.date]
        told: dict[str, object] = {"used": str(self.used), "available": str(self.capacity - self.used)}
        if date is not None:
            told["date"] = date.strftime("%a %b %d %Y")
        return Answer(200, json.dumps(told))

    def token(self) -> Answer:
        """A new token."""
        token = f"token-{len(self._token_ends) + 1}"
        life = self._scenario.weather.token_seconds
        self._token_ends[token] = self._loop.time() + (life or 120.0)
        told: dict[str, object] = {"access_token": token}
        if life is not None:
            told["expires_in"] = str(int(life))
        return Answer(200, json.dumps(told))

    def _valid(self, token: str) -> bool:
        return self._loop.time() < self._token_ends.get(token, 0.0)

    def _roll_over(self) -> None:
        if self._clock.now() >= self._reset_on:
            self._reset_on += timedelta(days=1)
            self.resets += 1
            self.used = 0

    def received(self, msisdn: str) -> list[Submission]:
        """What was received for a number."""
        return [submission for submission in self.submissions.values() if submission.msisdn == msisdn]

    def accepted_ids(self, msisdn: str) -> set[str]:
        """The ids that were handed out for a number."""
        return {post.gateway_id for post in self.posts if post.msisdn == msisdn and post.reply.means == ACCEPTED}
