"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of one benchmark run.

    Attributes:
        rounds: repetitions of each pair; medians are taken over them.
        messages: messages in each sending round.
        memory_messages: the large number of messages of the memory figure.
        attachment_bytes: size of the attachment, before base64.
        rows: list lengths for plan and report, small to large.
        starts: processes started for each start-up figure.
        fsyncs: forced writes in the disk figure.
        picture_scale: of the sides of the pictures of media; 1 is 12 megapixels.
        photos: in the figure of fitting them.
        codes: QR codes, one for each recipient.
    """

    rounds: int
    messages: int
    memory_messages: int
    attachment_bytes: int
    rows: tuple[int, ...]
    starts: int
    fsyncs: int
    picture_scale: float
    photos: int
    codes: int

    def with_rows(self, rows: int) -> Scale:
        """The same with one more length of list."""
        return replace(self, rows=(*self.rows, rows))


SCALES = {
    "slice": Scale(1, 40, 80, 20_000, (300,), 1, 10, 0.1, 2, 40),
    "quick": Scale(3, 3_000, 6_000, 100_000, (10_000, 50_000), 9, 100, 0.5, 6, 2_000),
    "full": Scale(5, 10_000, 100_000, 100_000, (10_000, 100_000), 21, 400, 1.0, 20, 10_000),
}
