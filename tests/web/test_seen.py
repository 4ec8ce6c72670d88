"""A notice that nothing else settles is put away by whoever has seen it."""

from __future__ import annotations

from . import scene
from .client import Client


def test_the_notice_of_a_skipped_time_is_put_away_by_a_button_and_others_have_none(owner: Client) -> None:
    page = owner.get("/").text
    assert page.count('action="/seen"') == 1
    assert f'name="notice" value="{scene.SKIPPED}"' in page
    reply = owner.post("/seen", {"notice": scene.SKIPPED})
    assert (reply.status, reply.headers["location"]) == (303, "/")
    page = owner.get("/").text
    assert "doubtful was not sent at 9:00" not in page
    assert "messages were maybe sent to" in page
