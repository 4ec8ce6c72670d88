"""What the simulated gateway can do to a request, and what mmsflow must conclude from it.

The conclusions are written down here once more, by hand and from the gateway's description, so that the simulation
does not take them from the code it judges.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmsflow.mms.status import MessageState

ACCEPTED = frozenset({MessageState.ACCEPTED})
NOID = frozenset({MessageState.ACCEPTED_NOID})
REJECTED = frozenset({MessageState.REJECTED})
AGAIN = frozenset({MessageState.READY})
MAYBE = frozenset({MessageState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Reply:
    """What becomes of one POST.

    Attributes:
        means: the states that the message may be in once the reply is judged.
        received: whether the gateway carries the message on; None for either.
        begun: whether anything left.
        status: HTTP status, 0 for none.
        body: ``{id}`` stands for the message's id.
        cut: the connection breaks within the body.
        silent: no reply ever; the total deadline ends it.
        retry_after: the header.
    """

    means: frozenset[MessageState]
    received: bool | None = False
    begun: bool = True
    status: int = 0
    body: str = ""
    cut: bool = False
    silent: bool = False
    retry_after: str = ""


def _error(code: int, text: str = "so it is") -> str:
    return f'{{"code": {code}, "message": "{text}", "description": "by design"}}'


TAKEN = Reply(ACCEPTED, True, status=200, body='{"authenticationId": "{id}"}')
USED_UP = Reply(AGAIN, status=403, body=_error(53))
NO_CONNECTION = Reply(AGAIN, begun=False)
TOKEN_REFUSED = Reply(AGAIN, status=401, body=_error(42))

POSTS: dict[str, Reply] = {
    "no connection": NO_CONNECTION,
    "hangs up, not received": Reply(MAYBE, False),
    "hangs up, received": Reply(MAYBE, True),
    "silent, not received": Reply(MAYBE, False, silent=True),
    "silent, received": Reply(MAYBE, True, silent=True),
    "cut within the body": Reply(NOID, True, status=200, body='{"authentic', cut=True),
    "200 without a body": Reply(NOID, True, status=200),
    "200 without an id": Reply(NOID, True, status=200, body='{"deliveryStatus": "DeliveredToNetwork"}'),
    "200 of a proxy": Reply(NOID, None, status=200, body="<html><body>hello</body></html>"),
    "200 and refused": Reply(
        REJECTED, False, status=200, body='{"authenticationId":"x","deliveryStatus":"Bad request"}'
    ),
    "202 taken": Reply(ACCEPTED, True, status=202, body='{"id": "{id}", "deliveryStatus": "DeliveredToNetwork"}'),
    "400": Reply(REJECTED, False, status=400, body=_error(20)),
    "413": Reply(REJECTED, False, status=413, body="too large"),
    "422": Reply(REJECTED, False, status=422),
    "401": TOKEN_REFUSED,
    "403 forbidden": Reply(AGAIN, False, status=403, body=_error(50)),
    "403 too fast": Reply(AGAIN, False, status=403, body=_error(53)),
    "404": Reply(AGAIN, False, status=404, body=_error(60)),
    "405": Reply(AGAIN, False, status=405, body=_error(61)),
    "415": Reply(AGAIN, False, status=415),
    "408": Reply(AGAIN, False, status=408),
    "429": Reply(AGAIN, False, status=429, retry_after="7"),
    "429 at once": Reply(AGAIN, False, status=429, retry_after="0"),
    "503 busy": Reply(AGAIN, False, status=503, body=_error(5)),
    "503 later": Reply(AGAIN, False, status=503, retry_after="12"),
    "503 later, unreadably": Reply(AGAIN, False, status=503, retry_after="in a while"),
    "503 later, by a fraction": Reply(AGAIN, False, status=503, retry_after="1.5"),
    "503": Reply(MAYBE, None, status=503, body="<html>unavailable</html>"),
    "500": Reply(MAYBE, None, status=500, body=_error(1)),
    "502": Reply(MAYBE, None, status=502),
    "504": Reply(MAYBE, True, status=504),
    "302": Reply(MAYBE, None, status=302),
    "307": Reply(AGAIN, False, status=307),
    "418": Reply(MAYBE, None, status=418),
}
"""By name; ``TAKEN`` beside."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a status question: ``word`` is said, or the request comes to this."""

    status: int = 200
    body: str = ""
    word: str = ""
    begun: bool = True
    retry_after: str = ""


STATUSES: dict[str, Answer] = {
    "no connection": Answer(0, begun=False),
    "hangs up": Answer(0),
    "500": Answer(500, "<html>"),
    "429": Answer(429, retry_after="9"),
    "too fast": Answer(403, _error(53)),
    "forbidden": Answer(403, _error(50)),
    "token refused": Answer(401, _error(42)),
    "nothing": Answer(200, "{}"),
    "garbage": Answer(200, '\x00{"status'),
    "not found": Answer(404, '{"status": "Message ID Not found"}', word="Message ID Not found"),
    "new word": Answer(200, '{"status": "Na dwoje babka wróżyła"}', word="Na dwoje babka wróżyła"),
    "two words": Answer(200, '{"status": "Success", "deliveryReport": "MessageWaiting"}', word="MessageWaiting"),
    "an echo": Answer(200, '{"status": "Success", "subject": "Retrieved"}', word="Success"),
    "a contradiction": Answer(
        200, '{"status": "Rejected", "deliveryReport": "Retrieved"}', word="Rejected / Retrieved"
    ),
    "nested": Answer(200, '[{"deliveryInfo": {"status": "MessageWaiting"}}]', word="MessageWaiting"),
    "uncertain": Answer(200, '{"status": "delivery-uncertain"}', word="delivery-uncertain"),
}

FINAL_WORDS: dict[str, MessageState] = {
    "Retrieved": MessageState.DELIVERED,
    "DELIVERED TO TERMINAL": MessageState.DELIVERED,
    "Rejected": MessageState.FAILED,
    "Address Error": MessageState.FAILED,
    "server-error": MessageState.FAILED,
    "Expired": MessageState.EXPIRED,
}
NOT_FOUND = "Message ID Not found"
