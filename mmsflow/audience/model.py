"""The nouns of the audience: a recipient who will get a message, and a row that is set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmsflow.mms.status import Bucket


@dataclass(frozen=True, slots=True)
class Recipient:
    """A row that will get a message.

    Attributes:
        ordinal: 1-based position over all sources, in the order of the campaign file.
        source: the list's path as the campaign names it, or ``inline``.
        row: row in that source as a spreadsheet shows it (a header is row 1); for inline ones their position.
        msisdn: E.164, ``+48501102030``.
        vars: the row's cells by what templates call their column; values are strings (JSON Lines: scalars).
        consent: the cell that accepts, then the evidence that the campaign names; empty where no consent is asked.
        segments: the cells of the columns that ``report.segments`` names; empty texts where the row has none.
    """

    ordinal: int
    source: str
    row: int
    msisdn: str
    vars: Mapping[str, object]
    consent: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that gets no message.

    Attributes:
        ordinal, source, row: as in Recipient.
        number: E.164 where the cell could be read, else the cell as it stands.
        bucket: ``invalid``, ``duplicate`` or ``excluded``.
        code: stable short reason for counting: ``landline``, ``opt_out``, ``no_consent``, ``filtered`` …
        reason: a sentence for people; a duplicate names the row that is kept.
        segments: as in Recipient.
        cells: the row as it stands, by column name, where it is to be written to a file of rejects; empty else.
    """

    ordinal: int
    source: str
    row: int
    number: str
    bucket: Bucket
    code: str
    reason: str
    segments: tuple[str, ...] = ()
    cells: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListDigest:
    """A list as it was read from its first byte to its last.

    Attributes:
        path: as the campaign names it, relative to the workspace.
        sha256: hex digest of its bytes.
        size_bytes: how many they were.
    """

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How the rows of the lists came out; ``rows`` is always ``recipients`` and the buckets together.

    Attributes:
        rows: data rows of all sources.
        recipients: rows that will get a message.
        buckets: rows set aside, by bucket.
        codes: the same rows, by the code of their reason.
    """

    rows: int
    recipients: int
    buckets: Mapping[Bucket, int]
    codes: Mapping[str, int]
