"""Which channels the settings ask for; a channel that is set up by half is an error that names what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmsflow.clock import SystemClock
from mmsflow.errors import UsageError
from mmsflow.ledger.operation import NoticeKind
from mmsflow.notifying.channels import channel_names, channels_of
from mmsflow.secret import Secret
from mmsflow.settings import Settings

WEBHOOK: dict[str, Any] = {"webhook_url": "https://hooks.example/x", "webhook_secret": Secret("k" * 32)}
MAIL: dict[str, Any] = {"mail_host": "mail.example", "mail_from": "a@example.com", "mail_to": ("b@example.com",)}


def channels(**given: Any) -> list[tuple[str, str]]:
    settings = Settings(workspace=Path("/nowhere"), **given)
    return [(channel.name, channel.target) for channel in channels_of(settings, SystemClock())]


def test_what_is_set_up_is_built_and_says_where_it_leads_without_what_may_be_secret() -> None:
    assert channels() == []
    assert channels(**WEBHOOK, **MAIL) == [("webhook", "hooks.example"), ("mail", "1 address by mail.example")]


@pytest.mark.parametrize(
    ("given", "missing"),
    [({**WEBHOOK, name: type(WEBHOOK[name])("")}, name) for name in WEBHOOK]
    + [({**MAIL, name: type(MAIL[name])()}, name) for name in MAIL]
    + [({**MAIL, "mail_user": "x"}, "mail_password"), ({**MAIL, "mail_password": Secret("x")}, "mail_user")],
)
def test_a_channel_that_is_set_up_by_half_is_refused(given: dict[str, Any], missing: str) -> None:
    with pytest.raises(UsageError, match=f"{missing}.* (is|are) not"):
        channels(**given)


def test_only_the_kinds_that_people_want_go_out() -> None:
    settings = Settings(workspace=Path("/nowhere"), notify=("needs_person",), **WEBHOOK, **MAIL)
    assert channel_names(settings, NoticeKind.NEEDS_PERSON) == ("webhook", "mail")
    assert channel_names(settings, NoticeKind.FINISHED) == ()
    assert channel_names(Settings(workspace=Path("/nowhere")), NoticeKind.FINISHED) == ()
