"""What the page on notices promises receivers, held against what is sent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pages import blocks

from mmsflow.ledger.operation import NoticeKind
from mmsflow.mms.status import Bucket
from mmsflow.notifying.model import Letter
from mmsflow.notifying.webhook import payload, signature

PAGE = "docs/notifications.md"


def test_the_payload_is_the_one_in_the_example() -> None:
    (example,) = (block.text for block in blocks(PAGE) if block.kind == "json")
    letter = Letter(
        id="msg_1",
        at=datetime(2026, 12, 1, 8, 30, tzinfo=UTC),
        kind=NoticeKind.FINISHED,
        campaign="winter-sale",
        run="winter-sale-20261201-1",
        text="winter-sale-20261201-1 has ended: everything was sent.",
        advice="Look at its report.",
        rows=2_000,
        buckets={Bucket.DELIVERED: 1_950, Bucket.FAILED: 50},
        link="http://127.0.0.1:8474/runs/winter-sale-20261201-1",
    )
    assert json.loads(payload(letter)) == json.loads(example)


def test_the_receivers_few_lines_take_what_is_signed_and_nothing_else() -> None:
    (text,) = (block.text for block in blocks(PAGE) if block.kind == "python")
    space: dict[str, Any] = {}
    exec(text, space)
    verified: Callable[[Mapping[str, str], bytes, str], bool] = space["is_from_mmsflow"]
    now, body = str(int(time.time())), b'{"a": 1}'

    def headers(stamp: str) -> dict[str, str]:
        signed = signature(b"k" * 32, "msg_1", stamp, body)
        return {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signed}

    assert verified(headers(now), body, "k" * 32)
    assert verified(headers(now), body, "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=")
    assert not verified(headers(now), body + b" ", "k" * 32)
    assert not verified(headers(now), body, "j" * 32)
    assert not verified(headers(now) | {"webhook-id": "msg_2"}, body, "k" * 32)
    assert not verified(headers("1600000000"), body, "k" * 32)
