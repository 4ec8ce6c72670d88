"""A test message that is sent from a campaign's plan."""

from __future__ import annotations

from mmsflow.ledger.requests import Answer, Trial

from .client import Client
from .desk import Served

FILE = "campaigns/offer.yaml"


def test_the_plan_page_sends_a_test_and_leads_to_its_run(owner: Client, served_page: Served) -> None:
    page = owner.get(f"/plan?file={FILE}").text
    assert 'action="/test"' in page

    reply = owner.post("/test", {"file": FILE, "to": " +48 501 102 030, 601000001;; "})

    assert (reply.status, reply.headers["location"]) == (303, "/runs/offer-test-1")
    assert served_page.desk.trials[-1] == Trial(FILE, ("+48 501 102 030", "601000001"))
    assert "+48 501 102 030, 601000001" in owner.get(f"/plan?file={FILE}").text, "the next test has the same handsets"


def test_without_a_number_the_campaigns_own_handsets_are_meant(owner: Client, served_page: Served) -> None:
    owner.post("/test", {"file": FILE, "to": " , "})
    assert served_page.desk.trials[-1] == Trial(FILE)


def test_what_is_refused_is_said_on_the_plan(owner: Client, served_page: Served) -> None:
    served_page.desk.trial_answer = Answer("the test number …9 cannot be used: too short", refused=True)
    reply = owner.post("/test", {"file": FILE, "to": "9"})
    assert reply.headers["location"] == f"/plan?file={FILE}"
    assert "cannot be used: too short" in owner.get(reply.headers["location"]).text
