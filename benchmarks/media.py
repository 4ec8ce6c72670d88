"""Media: how close the fitted pictures come to the originals, how long fitting takes, and codes for ten thousand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

import numpy
from PIL import Image, ImageOps
from skimage.metrics import structural_similarity

from benchmarks.contender import Measurement, Task, measured
from benchmarks.figures import (
    Figure,
    alone,
    at_least,
    at_most,
    cpu_millis_each,
    interleaved,
    micros_each,
    per_second,
    ratio,
)
from benchmarks.media_ours import CODES_CAMPAIGN, ROOM
from benchmarks.pictures import gallery, photo, saved
from benchmarks.scale import Scale
from benchmarks.scratch import scratch
from benchmarks.sending_ours import msisdn
from mmsflow.errors import InvalidInput
from mmsflow.media.fitting import Wish
from mmsflow.media.library import MediaLibrary
from mmsflow.mms.content import KIB

_MIB = 1024 * 1024
_FULL_SIDE = 1280
_CAMPAIGN = """\
version: 1
campaign: codes
purpose: transactional
sender: ACME
recipients:
  - csv: lists/codes.csv
message:
  subject: Twój kod
  attachments:
    - qr: "https://acme.example/k/{{ code }}"
"""


def figures(scale: Scale) -> Iterator[Figure]:
    """All figures of media."""
    yield from likeness(scale.picture_scale)
    yield from _photos(scale)
    yield from _codes(scale)


def likeness(picture_scale: float) -> Iterator[Figure]:
    """Structural similarity of each picture of the gallery, ours beside "640 pixels, quality 75"."""
    with scratch() as folder, MediaLibrary(folder) as media:
        for number, (name, make) in enumerate(gallery(picture_scale).items()):
            content = make()
            path = f"{number}.jpg"
            (folder / path).write_bytes(content)
            picture = media.picture(path)
            assert picture
            wish = Wish((picture,), ROOM)
            parts = media.fit([wish])[wish]
            if isinstance(parts, InvalidInput):
                raise RuntimeError(f"{name}: {parts.findings[0].message}")
            ours = media.bytes_of(parts[0].sha256)
            if len(ours) > ROOM:
                raise RuntimeError(f"{name} has {len(ours)} bytes")
            original = _shown(content)
            naive, naive_bytes = _naive(original)
            what = f"{name}: similarity, {len(ours) / KIB:.0f} KiB beside {naive_bytes / KIB:.0f}"
            goal = None if name.startswith("animated") else (at_least, 1.0)  # the other shows one frame of it
            close, naively = _similarity(original, _shown(ours)), _similarity(original, naive)
            yield ratio("media", what, "SSIM", [close], [naively], goal)


def _shown(content: bytes) -> Image.Image:
    """The picture as it is meant, decoded in full by Pillow: upright, on white, 1280 pixels at most."""
    with Image.open(io.BytesIO(content)) as opened:
        deep = opened.mode.startswith("I;16")
        picture = Image.fromarray((numpy.asarray(opened) // 256).astype(numpy.uint8)) if deep else opened.copy()
        picture = ImageOps.exif_transpose(picture)
    ground = Image.new("RGBA", picture.size, "white")
    whole = Image.alpha_composite(ground, picture.convert("RGB").convert("RGBA") if picture.mode == "CMYK" else
                                  picture.convert("RGBA")).convert("RGB")  # fmt: skip
    factor = min(1.0, _FULL_SIDE / max(whole.size))
    return whole.resize((round(whole.width * factor), round(whole.height * factor)), Image.Resampling.LANCZOS)


def _naive(original: Image.Image) -> tuple[Image.Image, int]:
    factor = min(1.0, 640 / max(original.size))
    small = original.resize((round(original.width * factor), round(original.height * factor)), Image.Resampling.LANCZOS)
    content = saved(small, "JPEG", quality=75)
    return Image.open(io.BytesIO(content)).convert("RGB"), len(content)


def _similarity(original: Image.Image, candidate: Image.Image) -> float:
    """By scikit-image, over all three colours, after scaling back to the original's size."""
    back = candidate.resize(original.size, Image.Resampling.BICUBIC)
    same = structural_similarity(  # type: ignore[no-untyped-call]
        numpy.asarray(original), numpy.asarray(back), channel_axis=2
    )
    return float(same)


def _photos(scale: Scale) -> Iterator[Figure]:
    with scratch() as folder:
        for number in range(scale.photos):
            side = round(4000 * scale.picture_scale)
            (folder / f"{number:02}.jpg").write_bytes(saved(photo(side, side * 3 // 4, number), "JPEG", quality=93))
        task = Task(name="media_ours:photos", folder=str(folder), count=scale.photos, pinned=False)
        beside = Task(name="media_beside:photos", folder=str(folder), count=scale.photos)
        ours, other = interleaved([partial(_afresh, task), partial(measured, beside)], scale.rounds)
    what = f"{scale.photos} photos of {12 * scale.picture_scale**2:.2g} MP"
    ours_millis, other_millis = ([micros / 1e3 for micros in micros_each(results)] for results in (ours, other))
    yield ratio("media", what, "ms each", ours_millis, other_millis, (at_most, 2.5))
    yield alone("media", f"{what}, peak memory of us", "MiB", max(each.peak_bytes for each in ours) / _MIB)
    yield alone("media", f"{what}, peak memory of a worker", "MiB", _worker_mib(ours))


def _codes(scale: Scale) -> Iterator[Figure]:
    with scratch() as folder:
        for name in ("campaigns", "lists"):
            (folder / name).mkdir()
        (folder / CODES_CAMPAIGN).write_text(_CAMPAIGN, "utf-8")
        with (folder / "lists" / "codes.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("number", "code"))
            rows.writerows((msisdn(number), f"K{number:07}") for number in range(scale.codes))
        results = [_afresh(Task(name="media_ours:codes", folder=str(folder), count=scale.codes, pinned=False))]
    what = f"{scale.codes:,} codes, drawn and frozen"
    yield alone("media", what, "codes/s", median(per_second(results)))
    yield alone("media", f"{what}: freezing alone", "µs each", median(micros_each(results, "freeze")))
    yield alone("media", f"{what}, CPU of us", "ms each", median(cpu_millis_each(results)))
    yield alone("media", f"{what}, peak memory of us", "MiB", results[0].peak_bytes / _MIB, (at_most, 250.0))
    yield alone("media", f"{what}, peak memory of a worker", "MiB", _worker_mib(results))


def _afresh(task: Task) -> Measurement:
    """Measured without what an earlier round left in the cache or the ledger."""
    for left in (*Path(task.folder).glob(".mmsflow/cache/media/*"), *Path(task.folder).glob("ours.db*")):
        left.unlink()
    return measured(task)


def _worker_mib(results: list[Measurement]) -> float:
    return max(each.parts["worker_bytes"] for each in results) / _MIB
