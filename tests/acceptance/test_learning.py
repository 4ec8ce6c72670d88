"""``doctor --learn`` against a gateway that nobody of the client's makers wrote, with envelopes that no document has."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from .console import Console
from .independent_gateway import CLIENT_ID, CLIENT_SECRET, IndependentGateway, serving

HANDSET = "+48501999990"


def test_three_messages_go_to_the_handset_alone_and_the_answers_are_kept_masked(
    quick: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    done = quick("doctor", "--learn", "--to", "501 999 990", "--yes", "--json").ended_with(0).document
    assert (done["accepted"], done["not_final"]) == (3, 0)
    assert gateway.numbers == [HANDSET] * 3
    assert [message.form for message in gateway.messages] == ["json", "multipart", "multipart"]
    kept = (workspace / done["kept"]).read_text()
    for private in ("501999990", CLIENT_SECRET, CLIENT_ID, *(message.id for message in gateway.messages)):
        assert private not in kept
    assert {each["call"] for each in json.loads(kept)["calls"]} == {"limit", "send", "status"}
    assert quick("runs", "--json").ended_with(0).document["runs"] == [], "it stands in no history"


class OddGateway(IndependentGateway):
    """Wraps its answers, names the id otherwise, counts two a send and one a question."""

    def submit(self, content_type: str, body: bytes) -> Any:
        code, document = super().submit(content_type, body)
        if code == 200:
            self.used += 1
            return 201, {"result": {"id": document["authenticationId"], "cost": 2}}
        return code, document

    def status(self, id_: str) -> Any:
        self.used += 1
        code, document = super().status(id_)
        return code, {"data": [document]}


def test_what_is_not_as_documented_is_named_with_its_setting(workspace: Path, quick: Console) -> None:
    with serving(OddGateway()) as odd:
        done = (
            quick("doctor", "--learn", "--to", HANDSET, "--yes", "--json", MMSFLOW_GATEWAY_URL=odd.url)
            .ended_with(0)
            .document
        )
    named = " ".join(each["text"] for each in done["differences"])
    for expected in ("under `id`", "is wrapped", "HTTP 201", "not read: cost", "moved by 6 for 3", "questions for a"):
        assert expected in named


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "whose handset"),
        (("--to", "501999999"), 2, "no terminal to ask"),
        (("--to", "501999999", "--to", "501999998", "--yes"), 2, "one number"),
        (("--to", "12", "--yes"), 2, "cannot be used"),
    ],
)
def test_nothing_is_sent_without_a_yes_and_a_handset(
    quick: Console, gateway: IndependentGateway, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = quick("doctor", "--learn", *arguments).ended_with(code)
    assert said in done.err
    assert gateway.numbers == []


def test_under_a_stop_and_with_wrong_credentials_nothing_is_sent(
    quick: Console, gateway: IndependentGateway, workspace: Path
) -> None:
    learn = ("doctor", "--learn", "--to", HANDSET, "--yes", "--json")
    wrong = quick(*learn, MMSFLOW_CLIENT_SECRET=secrets.token_hex(8)).ended_with(4).document
    assert wrong["cause"] == "credentials_refused"
    quick("stop", "--all").ended_with(0)
    assert quick(*learn).ended_with(6).document["cause"] == "all_stopped"
    assert gateway.numbers == []
    assert not (workspace / ".mmsflow" / "learned").exists()


def test_to_and_yes_belong_to_learn(quick: Console) -> None:
    assert "belong to --learn" in quick("doctor", "--yes").ended_with(2).err
