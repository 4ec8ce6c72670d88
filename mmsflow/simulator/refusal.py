"""The operator's error model: an HTTP status, a code, and a JSON body with code, message and description.

401/41, 403/53 and the three keys are in the operator's document; 20-28, 40, 42, 60, 61, 1 and 5 are the common model
of the same operator's other APIs. The codes beside 406, 413 and 415 are a guess of ours: look at the status there.
"""

from __future__ import annotations

_MESSAGES: dict[int, tuple[int, str]] = {
    1: (500, "Internal error"),
    5: (503, "Temporarily unavailable"),
    21: (400, "Missing body"),
    22: (400, "Invalid body"),
    23: (400, "Missing body field"),
    24: (400, "Invalid body field"),
    25: (400, "Missing header"),
    26: (400, "Invalid header value"),
    27: (400, "Missing query-string parameter"),
    28: (400, "Invalid query-string parameter value"),
    40: (401, "Missing credentials"),
    41: (401, "Invalid credentials"),
    42: (401, "Expired credentials"),
    51: (403, "Forbidden requester"),
    53: (403, "Too many requests"),
    60: (404, "Resource not found"),
    61: (405, "Method not allowed"),
    62: (406, "Not acceptable"),
    66: (413, "Request entity too large"),
    68: (415, "Unsupported media type"),
}


class Refusal(Exception):
    """A request that the gateway does not carry out.

    Args:
        code: the operator's code; it fixes HTTP status and message.
        description: what is wrong with this request, one sentence; numbers are masked.
    """

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _MESSAGES[self.code][0]

    def as_json(self) -> dict[str, int | str]:
        """The body of the reply."""
        return {"code": self.code, "message": _MESSAGES[self.code][1], "description": self.description}


def masked(text: str) -> str:
    """``text`` with all but the last three digits of a number hidden, and no longer than 40 characters."""
    kept = sum(char.isdigit() for char in text) - 3
    shown: list[str] = []
    for char in text[:40]:
        if char.isdigit():
            shown.append("•" if kept > 0 else char)
            kept -= 1
        else:
            shown.append(char)
    return "".join(shown)
