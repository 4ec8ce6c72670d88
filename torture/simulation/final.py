"""What must hold when a story is over: each message against the gateway's record, the ledger against itself."""

from __future__ import annotations

from mmsflow.mms.status import TRANSITIONS, MessageState
from torture.simulation.disk import Disk
from torture.simulation.gateway import GatewayModel, Post
from torture.simulation.replies import FINAL_WORDS, NOT_FOUND
from torture.simulation.scenario import Scenario
from torture.simulation.watch import Watch

_S = MessageState
_AFTER_ACCEPTANCE = frozenset({_S.ACCEPTED, _S.DELIVERED, _S.FAILED, _S.EXPIRED, _S.UNDETERMINED})
_NEVER_LEFT = frozenset({_S.NOT_SENT, _S.SUPPRESSED, _S.READY, _S.REJECTED})
_JUDGED = frozenset({_S.REJECTED, _S.ACCEPTED_NOID, _S.UNKNOWN})
_MAYBE = frozenset({_S.UNKNOWN, _S.ACCEPTED_NOID})
_CUT = frozenset({"crash", "cut_off"})
_TO_THE_JOURNAL_SECONDS = 6.0  # while the ledger is out of order it is tried every 5 s at least
_BY_PERSON = frozenset({"said_sent", "said_not_sent"})


def check_end(scenario: Scenario, disk: Disk, gateway: GatewayModel, watch: Watch) -> None:
    """Say everything that is wrong to ``watch``."""
    _Final(scenario, disk, gateway, watch).check()


class _Final:
    def __init__(self, scenario: Scenario, disk: Disk, gateway: GatewayModel, watch: Watch) -> None:
        self._scenario, self._disk, self._gateway, self._watch = scenario, disk, gateway, watch
        self._say, self._counts = watch.say, watch.counts
        self._cut = 0

    def check(self) -> None:
        rows = self._disk.ask("SELECT id, msisdn, state, gateway_id, code, attempt FROM messages")
        for number, msisdn, state, gateway_id, code, attempt in rows:
            found = MessageState(state)
            resends = self._check_history(number, msisdn, found, attempt)
            self._check_message(msisdn, found, code, resends)
            if found in _AFTER_ACCEPTANCE and code not in _BY_PERSON:
                self._check_report(msisdn, found, gateway_id)
            self._counts[f"state_{state}"] += 1
        self._counts["messages"] += len(rows)
        if len(rows) != self._scenario.messages:
            self._say(f"{len(rows)} of {self._scenario.messages} messages are there")
        self._check_cuts()
        self._check_run()
        for problem in self._disk.audit(1):
            self._say(f"verify: {problem}")

    def _check_message(self, msisdn: str, state: MessageState, code: str, resends: int) -> None:
        who = f"…{msisdn[-3:]} ({state}, {code})"
        received = len(self._gateway.received(msisdn))
        self._counts["received"] += received
        self._counts["resent"] += resends
        self._counts["duplicates"] += max(0, received - 1 - resends)
        if received > 1 + resends:
            self._say(f"{who} was received {received} times with {resends} resends")
        if state in (_S.READY, _S.SENDING):
            self._say(f"{who} is stuck")
        if state in _NEVER_LEFT and code not in _BY_PERSON and received > resends:
            self._say(f"{who} was received")
        posts = self._watch.posts[msisdn]
        seen = posts[-1].seen if posts else None
        if state in _JUDGED and code not in _CUT and (seen is None or state not in seen):
            self._say(f"{who}: its last POST came to {seen and set(seen)}")
        self._cut += state in _MAYBE and code in _CUT
        if state in _MAYBE and code == "crash" and seen is not None:
            self._check_witnessed(who, msisdn, posts[-1])
        self._check_ending(who, msisdn, state, code)

    def _check_witnessed(self, who: str, msisdn: str, last: Post) -> None:
        """What a process had seen for a while before it was killed is in the ledger or in the journal."""
        watch = self._watch
        killed_at = watch.killed_at.get(last.process)
        if killed_at is None or watch.takeovers or watch.deaf:
            return
        if watch.intents(msisdn) > last.attempt:
            return  # Killed between a later intent and its POST: no reply to that one was ever seen.
        if killed_at > last.seen_at + _TO_THE_JOURNAL_SECONDS:
            self._say(f"{who}: its reply was seen {killed_at - last.seen_at:.1f} s before the kill")

    def _check_ending(self, who: str, msisdn: str, state: MessageState, code: str) -> None:
        if state is _S.NOT_SENT:
            allowed = {"not_after": self._scenario.rules.not_after, "cancelled": self._watch.cancel_asked}
            if not allowed.get(code, _S.NOT_SENT in self._watch.decided[msisdn]):
                self._say(f"{who} was given up for no reason")
        if state is _S.SUPPRESSED and (
            self._scenario.opt_outs is None
            or int(msisdn[-6:]) not in {ordinal for ordinal, _ in self._scenario.opt_outs.when}
        ):
            self._say(f"{who} was left out without an opt-out")

    def _check_report(self, msisdn: str, state: MessageState, gateway_id: str) -> None:
        who = f"…{msisdn[-3:]} ({state})"
        if gateway_id not in self._gateway.accepted_ids(msisdn):
            self._say(f"{who} has the id {gateway_id!r}, which the gateway never gave it")
            return
        said = self._gateway.submissions[gateway_id].said
        told = {FINAL_WORDS[word] for word in said & FINAL_WORDS.keys()}
        if state is _S.ACCEPTED:
            if self._scenario.delivery_report:
                self._say(f"{who} still waits for its report")
        elif state is _S.UNDETERMINED:
            # What was said to a process that could not write it down any more is lost; the next answer may say less.
            watch = self._watch
            lossless = not (watch.kills or watch.takeovers or watch.cut_off or self._scenario.weather.flips)
            if told and lossless:
                self._say(f"{who}, but the gateway said {sorted(said)}")
        elif state not in told and not (state is _S.FAILED and NOT_FOUND in said):
            self._say(f"{who}, but the gateway said {sorted(said)}")
        elif state is _S.FAILED and state not in told:
            self._check_not_found(who, gateway_id)

    def _check_not_found(self, who: str, gateway_id: str) -> None:
        submission = self._gateway.submissions[gateway_id]
        grace = min(self._scenario.grace, self._scenario.rules.poll_until).total_seconds()
        if submission.last_not_found < submission.received_at + grace - 1.0 and not self._watch.jumps:
            self._say(f"{who}: its id was not found, but only within the time of grace")

    def _check_history(self, number: int, msisdn: str, state: MessageState, attempt: int) -> int:
        """The history leads to where the message is; how often it was sent again after it was maybe sent."""
        at, intents, resends = _S.READY, 0, 0
        for old, new in self._disk.ask("SELECT old, new FROM events WHERE message_id = ? ORDER BY id", number):
            if old == new:
                continue
            if old != at or MessageState(new) not in TRANSITIONS[MessageState(old)]:
                self._say(f"message {number} goes from {at} by {old} to {new}")
            intents += new == "sending"
            resends += at in _MAYBE and new == "ready"
            at = MessageState(new)
        if at is not state:
            self._say(f"message {number} is {state}, its history ends with {at}")
        if intents != attempt:
            self._say(f"message {number} has {attempt} attempts and {intents} intents")
        allowed = self._watch.decided[msisdn].count(_S.READY) + self._scenario.rules.resend_unknown
        if resends > allowed:
            self._say(f"message {number} was sent again {resends} times, {allowed} were allowed")
        return resends

    def _check_cuts(self) -> None:
        watch = self._watch
        self._counts["unknown_by_cut"] += self._cut
        cuts = watch.kills + watch.takeovers + watch.cut_off + watch.deaf
        if self._cut > cuts * self._scenario.in_flight:
            self._say(f"{self._cut} messages are maybe sent after {cuts} cuts, {self._scenario.in_flight} in flight")

    def _check_run(self) -> None:
        (state,) = self._disk.ask("SELECT state FROM runs")[0]
        counted = self._disk.ask("SELECT DISTINCT state, code FROM messages")
        if state == "cancelled" and self._watch.cancel_asked:
            expected = "cancelled"
        elif {"unknown", "accepted_noid"} & {each for each, _ in counted}:
            expected = "done_with_unknown"
        else:
            expected = "expired" if ("not_sent", "not_after") in counted else "done"
        if state != expected:
            self._say(f"the run is {state} at the end, it should be {expected}")
        if self._watch.cancelled_at is not None:
            begun = self._disk.ask(
                "SELECT count(*) FROM events WHERE new = 'sending' AND old = 'ready' AND id > ?",
                self._watch.cancelled_at,
            )[0][0]
            if begun:
                self._say(f"{begun} messages were begun after a person was told that the run is cancelled")
