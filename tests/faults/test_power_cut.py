"""Power cuts: of every disk that a cut can leave, none makes a message that the gateway has look unsent."""

from __future__ import annotations

from pathlib import Path
from random import Random

from torture.power_images import DiskFile, Image, faults_of, images
from torture.power_trace import Received, Step, Sync, Truncate, Write

from .test_kill_slice import results_of

NAME = "ledger.db"


def test_what_was_posted_never_looks_unsent_after_a_power_cut(tmp_path: Path) -> None:
    (result,) = results_of(tmp_path, "power", "--seeds", "1", "--images", "100", "--recipients", "60")
    assert result["violations"] == []
    assert result["images_after_a_post"] > 50
    # The instrument itself: a disk that only claims to have synced must be seen.
    assert result["bad_images_of_a_lying_disk"] > 0


def test_what_was_synced_survives_every_loss_and_the_rest_does_not_have_to() -> None:
    file = DiskFile()
    file.pending = [Write(NAME, 0, b"a" * 1024)]
    file.sync()
    file.pending = [Write(NAME, 0, b"b" * 1024), Truncate(NAME, 512)]
    assert bytes(file.after("everything", Random(0)) or b"") == b"a" * 1024
    assert bytes(file.after("nothing", Random(0)) or b"") == b"b" * 512
    torn = {bytes(file.after("sectors", Random(seed)) or b"") for seed in range(40)}
    assert b"a" * 512 + b"b" * 512 in torn


def test_a_file_that_was_never_synced_may_be_missing_altogether() -> None:
    file = DiskFile()
    file.pending = [Write(NAME, 0, b"a")]
    assert file.after("everything", Random(0)) is None


def test_an_image_knows_only_what_the_gateway_had_at_its_instant() -> None:
    steps: list[Step] = [Write(NAME, 0, b"x"), Sync(NAME), Received("+48501102030"), Write(NAME, 0, b"y")]
    known = {image.step: image.received for image in images(steps, Random(3), 40)}
    assert known == {0: set(), 1: set(), 2: {"+48501102030"}, 3: {"+48501102030"}}


def test_a_damaged_ledger_counts_as_a_fault_as_well(tmp_path: Path) -> None:
    image = Image(1, "nothing", {NAME: b"no database at all" * 100}, frozenset({"+48501102030"}))
    assert "damaged" in faults_of(image, tmp_path)[0]
