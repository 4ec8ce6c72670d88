"""The least that can be done with a photo: decode all of it, scale it, encode it once."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from benchmarks.contender import Measurement, Stopwatch, Task


def photos(task: Task) -> Measurement:
    """Pillow, one process, one encoding at the final size."""
    watch = Stopwatch()
    with watch.running():
        for path in sorted(Path(task.folder).glob("*.jpg"))[: task.count]:
            picture = Image.open(BytesIO(path.read_bytes()))
            picture.load()
            scale = 1280 / max(picture.size)
            small = picture.resize(
                (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
            )
            small.save(BytesIO(), "JPEG", quality=75)
    return watch.measurement(task.count)
