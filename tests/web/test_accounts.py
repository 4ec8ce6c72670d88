"""Somebody says on the page whether accounts are the same one, in both languages; who it was is kept."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage
from mmsflow.secret import Secret

from . import scene
from .client import Client
from .desk import Served, served

FILE = "campaigns/offer.yaml"
PLAN = f"/plan?file={FILE}"
MINE = "orange@127.0.0.1:9"
OLD = "old <b>contract</b>"
Serve = Callable[..., tuple[Client, Served]]


@dataclass
class Counter:
    """A gateway that says what is left, and nothing else."""

    async def limit(self) -> QuotaReply:
        return QuotaReply(0, 1000, None, "")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve the page of a workspace, of whose campaign the ledger has a run."""
    with ExitStack() as stack:

        def serving(account: str, client: str = "", **more: object) -> tuple[Client, Served]:
            def fill(ledger: Ledger) -> None:
                new = scene.a_run("offer-20261102-1", "", rows=1, messages=1)
                known = ledger.client_fingerprint(client) if client else ""
                message = PlannedMessage(1, "lists/people.csv", 2, "+48501000000", "Kod K0", ())
                ledger.freeze_run(replace(new, campaign="offer", account=account, client=known), [(message, 1)], [])

            folder = scene.write_workspace(tmp_path / "workspace", people=3)
            own = {"gateway": "orange", "gateway_url": "http://127.0.0.1:9", "client_id": "me"}
            settings = scene.settings_for(folder, **{**own, "client_secret": Secret("x"), **more})
            found = stack.enter_context(served(settings, fill))
            found.desk.gateway = Counter()  # type: ignore[assignment]
            return Client(found.url).signed_in(), found

        yield serving


def asked(page: str) -> str:
    found = re.search(r'name="asked" value="(\w{64})"', page)
    assert found is not None
    return found[1]


def offered(page: str) -> set[str]:
    return set(re.findall(r'name="answer" value="(\w+)"', page))


def kept(found: Served) -> dict[str, Any]:
    text = (found.desk.settings.workspace / "mmsflow.toml").read_text("utf-8")
    accounts: dict[str, Any] = tomllib.loads(text).get("accounts", {})
    return accounts


@pytest.mark.parametrize("answer", ["same", "separate"])
def test_a_plan_blocked_by_another_account_offers_both_answers_and_keeps_who_gave_one(
    serve: Serve, answer: str
) -> None:
    owner, found = serve(OLD)
    page = owner.get(PLAN).text
    assert offered(page) == {"same", "separate"}
    assert "old &lt;b&gt;contract" in page
    assert OLD not in page

    reply = owner.post("/account", {"file": FILE, "answer": answer, "asked": asked(page), "who": "Anna"})

    assert (reply.status, reply.headers["location"]) == (303, PLAN)
    assert kept(found)["answers"] == [{"old": OLD, "new": MINE, "answer": answer, "who": "Anna"}]
    page = owner.get(PLAN).text
    assert not offered(page)
    assert f"the answer is kept: {answer}" in page


def test_a_new_client_id_has_a_button_of_its_own(serve: Serve) -> None:
    owner, found = serve(MINE, client="somebody else")
    page = owner.get(PLAN).text
    assert offered(page) == {"rotated"}
    owner.post("/account", {"file": FILE, "answer": "rotated", "asked": asked(page), "who": "Anna"})
    (said,) = kept(found)["clients"]
    assert (said["account"], said["who"]) == (MINE, "Anna")
    assert not offered(owner.get(PLAN).text)


def test_nothing_is_asked_under_the_account_and_client_id_that_are_known(serve: Serve) -> None:
    owner, _ = serve(MINE, client="me")
    assert not offered(owner.get(PLAN).text)


def test_polish_readers_are_asked_in_polish(serve: Serve) -> None:
    owner, _ = serve(OLD)
    owner.extra["Accept-Language"] = "pl"
    page = owner.get(PLAN).text
    for text in ("Które to konto?", "To samo konto", "Inna umowa", "Tak, wyślij wszystkim od nowa"):
        assert text in page


@pytest.mark.parametrize(
    "wrong", [{"answer": "rotated"}, {"answer": "yes"}, {"asked": "0" * 64}, {"who": ""}, {"file": "campaigns/no.yaml"}]
)
def test_an_answer_to_what_is_not_asked_or_of_nobody_keeps_nothing(serve: Serve, wrong: dict[str, str]) -> None:
    owner, found = serve(OLD)
    form = {"file": FILE, "answer": "same", "asked": asked(owner.get(PLAN).text), "who": "Anna"}
    owner.post("/account", form | wrong)
    assert kept(found) == {}


def test_strangers_and_other_sites_answer_nothing(serve: Serve) -> None:
    owner, found = serve(OLD)
    form = {"file": FILE, "answer": "same", "asked": asked(owner.get(PLAN).text), "who": "Anna"}
    assert Client(found.url).post("/account", form).status in {303, 401, 403}
    assert owner.post("/account", form, Origin="https://evil.example").status == 403
    assert owner.get("/account").status in {404, 405}
    assert kept(found) == {}
