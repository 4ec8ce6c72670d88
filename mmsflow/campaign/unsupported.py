"""What a campaign file may say but this version does not carry out: one table, so that a later one deletes rows.

Such a key is refused with its reason. Accepting and ignoring it would send something else than what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A key, or one value of it.

    Attributes:
        model: class of the block in `model` that has the key.
        key: the key.
        places: paths of such blocks in a file; ``*`` stands for any list index, an empty path for the top.
        reason: what does not happen yet, a sentence without a full stop.
        fix: the way out for now.
        value: the only value of the key that is refused; None for any.
    """

    model: str
    key: str
    places: tuple[str, ...]
    reason: str
    fix: str
    value: str | bool | None = None

    @property
    def written(self) -> str:
        """As a person would write it."""
        if self.value is None:
            return self.key
        return f"{self.key}: {str(self.value).lower()}"

    def stands_at(self, block: Path, key: str) -> bool:
        """Whether this is about ``key`` of the block at that path."""
        place = ".".join("*" if isinstance(step, int) else step for step in block)
        return key == self.key and place in self.places


TABLE = (
    Unsupported(
        "Schedule",
        "window",
        ("schedule",),
        "sending windows are not carried out yet",
        "leave it out, set `start` and `not_after`, and run it within your hours",
    ),
)
