"""Pictures and codes from a campaign into the ledger: what is sent is pinned, what it was made from is watched."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from benchmarks.pictures import exif, photo, saved
from mmsflow.delivery.contents import Contents
from mmsflow.message.model import DrawnPart, StaticPart
from mmsflow.report.exhibits import collect_exhibits
from mmsflow.workflow.aside import prepare_aside
from mmsflow.workflow.preview import Wish, preview
from mmsflow.workflow.run import freeze
from mmsflow.workflow.standing import changed_inputs
from mmsflow.workflow.trial import addressed_to

from .campaign_desk import CAMPAIGN, CampaignDesk

ORIGINAL = saved(photo(1500, 1000, 1), "JPEG", quality=95, exif=exif())
ATTACHMENTS = """\
  attachments:
    - file: media/winter.jpg
    - qr: "https://acme.example/{{ name }}"
"""


@pytest.fixture
def pictured(desk: CampaignDesk) -> CampaignDesk:
    before, _, _ = CAMPAIGN.partition("  attachments:")
    desk.write("campaigns/a.yaml", before + ATTACHMENTS)
    (desk.workspace / "media" / "winter.jpg").write_bytes(ORIGINAL)
    return desk


def test_the_sent_bytes_are_frozen_and_the_original_is_what_is_watched(pictured: CampaignDesk) -> None:
    run = pictured.start()
    (layout,) = pictured.ledger.layouts(run.key)
    picture, code = layout
    assert isinstance(picture, StaticPart)
    assert code == DrawnPart("image/png", "qr.png")
    sent = pictured.ledger.blob(picture.sha256).data
    assert hashlib.sha256(sent).hexdigest() == picture.sha256
    assert b"Kowalski" not in sent
    media = [item for item in pictured.ledger.inputs(run.key) if item.kind == "media"]
    assert [(item.path, item.sha256, item.size_bytes) for item in media] == [
        ("media/winter.jpg", hashlib.sha256(ORIGINAL).hexdigest(), len(ORIGINAL))
    ]
    assert changed_inputs(pictured.ledger, run, pictured.workspace) == []
    (pictured.workspace / "media" / "winter.jpg").write_bytes(ORIGINAL + b"x")
    assert len(changed_inputs(pictured.ledger, run, pictured.workspace)) == 1


def test_each_recipient_is_sent_the_code_that_was_drawn_for_them(pictured: CampaignDesk) -> None:
    run = pictured.start()
    ready = pictured.ledger.ready(run.key, now=pictured.clock.now(), after=0, limit=10)
    outgoing = [Contents(pictured.ledger, run).outgoing(message) for message in ready]
    codes = [message.parts[1] for message in outgoing]
    assert len({part.sha256 for part in codes}) == 2
    assert all(part.data.startswith(b"\x89PNG") and part.filename == "qr.png" for part in codes)


def test_a_test_message_carries_its_parts_when_the_campaigns_draft_is_gone(pictured: CampaignDesk) -> None:
    with (prepared := pictured.prepare()).draft:
        test = addressed_to(prepared, ["+48790000001"], 3)
        (planned,) = [message for message in prepared.draft.stored_messages() if message.row == 3]
    with test.draft:
        assert test.content(planned.drawn[0]).startswith(b"\x89PNG")
        plan = pictured.plan(test)
        run = freeze(test, plan, pictured.ledger, workspace=pictured.workspace, now=pictured.clock.now(), test=True)
    (ready,) = pictured.ledger.ready(run.key, now=pictured.clock.now(), after=0, limit=10)
    assert [len(part.data) > 100 for part in Contents(pictured.ledger, run).outgoing(ready).parts] == [True, True]


def test_a_preview_knows_the_sizes_of_what_is_sent(pictured: CampaignDesk) -> None:
    with (prepared := pictured.prepare()).draft:
        picture, code = preview(prepared, Wish(1)).shown[0].parts
        assert picture.size_bytes < 280 * 1024
        assert 100 < code.size_bytes < 2_000
        layout = prepared.draft.layouts[0][0]
        assert isinstance(layout, StaticPart)
        assert len(prepared.content(layout.sha256)) == picture.size_bytes
        with pytest.raises(KeyError):
            prepared.content("0" * 64)


def test_a_report_shows_what_was_sent_and_one_code_as_an_example(pictured: CampaignDesk) -> None:
    run = pictured.start()
    shown = collect_exhibits(pictured.ledger, run).pictures
    assert [picture.path.partition(" ")[0] for picture in shown] == ["winter.jpg", "qr.png"]
    assert all(picture.data_uri for picture in shown)


def test_the_same_plan_is_made_twice_with_and_without_the_cache(pictured: CampaignDesk) -> None:
    def digest() -> str:
        with (prepared := pictured.prepare()).draft:
            return prepared.digest

    first = digest()
    assert digest() == first
    for entry in (pictured.workspace / ".mmsflow" / "cache" / "media").iterdir():
        entry.unlink()
    assert digest() == first


async def test_the_event_loop_goes_on_while_pictures_are_fitted(pictured: CampaignDesk) -> None:
    turns = 0
    seen_meanwhile: list[int] = []

    async def heart() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.002)  # a turn, and not the whole of the interpreter

    beating = asyncio.create_task(heart())
    prepared = await prepare_aside(
        pictured.campaign, pictured.workspace, fitting=lambda _done, _total: seen_meanwhile.append(turns)
    )
    beating.cancel()
    prepared.draft.close()
    assert len(seen_meanwhile) > 2
    assert sorted(set(seen_meanwhile)) == list(dict.fromkeys(seen_meanwhile))
    assert seen_meanwhile[0] < seen_meanwhile[-1] < turns


async def test_a_cancellation_ends_the_fitting_and_its_processes(pictured: CampaignDesk) -> None:
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fitting(_done: int, _total: int) -> None:
        loop.call_soon_threadsafe(begun.set)

    task = asyncio.create_task(prepare_aside(pictured.campaign, pictured.workspace, fitting=fitting))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert loop.is_running()
