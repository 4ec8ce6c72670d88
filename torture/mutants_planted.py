"""The mistakes that are planted: what each of them would mean, and the text that makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake.

    Attributes:
        name: what the code would do wrong.
        module: path below the project's root.
        old, new: the replacement; ``old`` is in the module exactly once.
        tests: where other lines of defence hide a mistake from the simulation, the tests that show it, below the
            project's root.
    """

    name: str
    module: str
    old: str
    new: str
    tests: str = ""


_FLIGHT = "mmsflow/delivery/flight.py"
_STEPS = "mmsflow/delivery/steps.py"
_POLLER = "mmsflow/delivery/poller.py"
_POLL_OUTCOMES = "mmsflow/delivery/poll_outcomes.py"
_RETRY = "mmsflow/gateway/retry.py"
_CLIENT = "mmsflow/gateway/client.py"
_MESSAGES = "mmsflow/ledger/messages.py"
_SETTLING = "mmsflow/ledger/settling.py"
_POLLS = "mmsflow/ledger/polls.py"

MUTANTS = (
    Mutant(
        "send before intent",
        _FLIGHT,
        "            taken = set(self.commit([message.id for message in messages]))\n",
        "            taken = {message.id for message in messages}\n"
        "            later = asyncio.get_running_loop().call_later\n"
        "            later(0.05, self.commit, [message.id for message in messages])\n",
    ),
    Mutant(
        "crash makes ready",
        _MESSAGES,
        'update(messages).where(*sending).values(state=MessageState.UNKNOWN.value, reason=_CRASHED, code="crash")',
        'update(messages).where(*sending).values(state=MessageState.READY.value, reason=_CRASHED, code="crash")',
    ),
    Mutant(
        "no answer makes ready",
        _RETRY,
        '        return _settled(MessageState.UNKNOWN, evidence.text or "no answer after the request had begun")',
        '        return _again(Action.BACK_OFF, evidence.text or "no answer after the request had begun")',
    ),
    Mutant(
        "server error makes ready",
        _RETRY,
        "    if status >= 500:\n        return _settled(MessageState.UNKNOWN, reason)",
        "    if status >= 500:\n        return _again(Action.BACK_OFF, reason)",
    ),
    Mutant(
        "a 2xx without an id makes ready",
        _RETRY,
        "    return _settled(\n        MessageState.ACCEPTED_NOID, _said(",
        "    return _again(\n        Action.BACK_OFF, _said(",
    ),
    Mutant(
        "lease is not checked",
        _MESSAGES,
        "    if row is None or row.fence != fence:",
        "    if row is None:",
    ),
    Mutant(
        "outcome of another fence",
        _SETTLING,
        "    in_time = old is MessageState.SENDING and same_try and message.fence == fence\n",
        "    in_time = old is MessageState.SENDING and same_try\n",
        tests="tests/unit/ledger/test_evidence.py",
    ),
    Mutant(
        "outcome of another attempt",
        _SETTLING,
        "    same_try = message.attempt == outcome.attempt",
        "    same_try = True",
        tests="tests/contract/ledger/test_ledger_states.py",
    ),
    Mutant(
        "quota is not counted down",
        _STEPS,
        "        self._quota.take(granted)\n",
        "",
    ),
    Mutant(
        "not_after is ignored",
        _STEPS,
        "        if self._rules.not_after and now >= self._rules.not_after:\n"
        "            return self._end_unsent(*_TOO_LATE)\n",
        "",
    ),
    Mutant(
        "final states change",
        _POLLS,
        "    if message.state is not MessageState.ACCEPTED:",
        "    if message.state not in (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.FAILED):",
    ),
    Mutant(
        "an unanswered question means failed",
        _POLL_OUTCOMES,
        'return PollResult(poll.id, now, None, "", text, again, detail, _code(reply))',
        'return PollResult(poll.id, now, MessageState.FAILED, "", text, None, detail, _code(reply))',
    ),
    Mutant(
        "not found at once means failed",
        _POLL_OUTCOMES,
        "    if status.not_found and now >= poll.accepted_at + grace:",
        "    if status.not_found:",
    ),
    Mutant(
        "401 is retried for ever",
        _CLIENT,
        "        if exchange.http_status != 401:\n            return exchange\n"
        "        token = await self._tokens.replace(token)\n"
        "        return await self._ask(method, url, token, headers or [], chunks or [])",
        "        while exchange.http_status == 401:\n            token = await self._tokens.replace(token)\n"
        "            exchange = await self._ask(method, url, token, headers or [], chunks or [])\n"
        "        return exchange",
    ),
    Mutant(
        "more intents than in flight",
        "mmsflow/delivery/account.py",
        "self.gate.width(self._in_flight) - self.under_way",
        "self.gate.width(self._in_flight + 2) - self.under_way",
    ),
    Mutant(
        "outcomes lost on drain",
        _STEPS,
        'until nothing is on the wire any more."""\n        self._flight.commit()\n',
        'until nothing is on the wire any more."""\n',
    ),
    Mutant(
        "cut off means ready",
        _FLIGHT,
        'MessageState.UNKNOWN, now, reason=_CUT_OFF, code="cut_off")',
        'MessageState.READY, now, reason=_CUT_OFF, code="cut_off")',
    ),
    Mutant(
        "an acceptance without evidence",
        _RETRY,
        "    if evidence.gateway_id:\n",
        "    if evidence.gateway_id or not evidence.body:\n",
    ),
    Mutant(
        "the start is ignored",
        _STEPS,
        "        if now >= opens:\n",
        "        if now:\n",
    ),
    Mutant(
        "those that came back are forgotten",
        _STEPS,
        "            self._ahead.forget()  # those that came back to be tried again stand before what was read last\n",
        "            pass\n",
    ),
    Mutant(
        "a failed commit forgets outcomes",
        _FLIGHT,
        "        outcomes = self._outcomes[:]\n",
        "        outcomes, self._outcomes = self._outcomes, []\n",
    ),
    Mutant(
        "the journal is not replayed",
        "mmsflow/ledger/takeover.py",
        "    _write_back(connection, witnessed)\n    before",
        "    before",
    ),
    Mutant(
        "the journal is not written",
        _FLIGHT,
        "            self._witness(outcomes)\n",
        "            pass\n",
    ),
    Mutant(
        "what was never begun stays on the wire",
        _FLIGHT,
        "            self._unbegun += [self._never_begun(message) for message in messages]\n",
        "",
    ),
    Mutant(
        "a failed commit begins all the same",
        _FLIGHT,
        "            self._unbegun += [self._never_begun(message) for message in messages]\n            raise\n",
        "            taken = {message.id for message in messages}\n",
    ),
    Mutant(
        "the canary holds nobody back",
        "mmsflow/delivery/admission.py",
        "        return [message for message in ready if message.id <= last]",
        "        return list(ready)",
    ),
    Mutant(
        "the share of failures is not looked at",
        _STEPS,
        "        if (halt := self._admission.brake()) is not None:\n            return self._stop_for(halt)\n",
        "",
    ),
    Mutant(
        "lists are read once only",
        "mmsflow/delivery/refusals.py",
        "            if not self._known.is_current():\n                self._known = None\n",
        "",
    ),
    Mutant(
        "a pause is forgotten",
        _STEPS,
        "        if self.held is not None:\n            return self._blocked(LONGEST_NAP, *self.held)\n",
        "",
    ),
    Mutant(
        "resent without being asked to",
        "mmsflow/delivery/resending.py",
        " if self._rules.resend_unknown else None",
        "",
    ),
    Mutant(
        "a copy put back is not told from the ledger that went on",
        "mmsflow/ledger/copies.py",
        "    return reach is None or witness.event > reach\n",
        "    return False\n",
        tests="tests/contract/ledger/test_ledger_copies.py",
    ),
    Mutant(
        "a run under another account is not asked about",
        "mmsflow/workflow/other_account.py",
        " is Relation.UNKNOWN\n    ]",
        " is None\n    ]",
        tests="tests/unit/workflow/test_other_account.py",
    ),
    Mutant(
        "a ledger that vanished is sent with",
        "mmsflow/ledger/sending_guard.py",
        "        self._database.presence.look()\n",
        "",
        tests="tests/contract/ledger/test_ledger_copies.py",
    ),
    Mutant(
        "a few ids are taken for the account",
        _POLLER,
        "        if doubted and self._gate.suspicion.is_confirmed_by([poll.id for poll in due]):\n",
        "        if self._gate.suspicion.is_shared:\n",
        tests="tests/unit/delivery/test_poll_outcomes.py",
    ),
    Mutant(
        "an id of several messages tells a fate",
        "mmsflow/ledger/shared_ids.py",
        "    shared = _shared(connection, key, accepted)\n",
        "    shared = _shared(connection, key, accepted)[:0]\n",
        tests="tests/unit/delivery/test_shared_ids.py",
    ),
    Mutant(
        "the share of doubt is not looked at",
        "mmsflow/delivery/halt.py",
        "        if too_doubtful:\n",
        "        if False:\n",
        tests="tests/unit/delivery/test_doubt.py",
    ),
    Mutant(
        "a stall counts as waiting",
        "mmsflow/gateway/stalls.py",
        "        if end > now:\n",
        "        if False:\n",
        tests="tests/unit/gateway/test_stalls.py",
    ),
    Mutant(
        "a connection that broke is trusted again at once",
        "mmsflow/gateway/keepalive.py",
        "        if now < self._banned_until:\n            return None\n",
        "",
        tests="tests/unit/gateway/test_keepalive.py",
    ),
)
