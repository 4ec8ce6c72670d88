"""What became of the rows of each list: the intake, as people and programs read it."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from mmsflow.audience.reasons import reason_words
from mmsflow.plan.draft import Draft
from mmsflow.plan.model import ReasonCount, SourceIntake


def intake_of(draft: Draft) -> tuple[SourceIntake, ...]:
    """The intake of a draft, its sources in the order of their first row."""
    by_source: dict[str, list[ReasonCount]] = {source: [] for source in draft.sources}
    for (source, bucket, code), rows in draft.source_reasons.most_common():
        row, example = draft.source_examples[source, bucket, code]
        by_source[source].append(ReasonCount(bucket, code, rows, row, example))
    return tuple(SourceIntake(source, draft.sources[source], tuple(reasons)) for source, reasons in by_source.items())


def intake_as_json(intake: Sequence[SourceIntake]) -> list[dict[str, object]]:
    """What ``check --json`` and ``plan --json`` promise under ``intake``."""
    return [
        {
            "source": each.source,
            "rows": each.rows,
            "to_be_sent": each.to_be_sent,
            "reasons": [
                {
                    "bucket": reason.bucket.value,
                    "code": reason.code,
                    "rows": reason.rows,
                    "words": reason_words(reason.code),
                    "example_row": reason.example_row,
                    "example": reason.example,
                }
                for reason in each.reasons
            ],
        }
        for each in intake
    ]


def intake_as_text(intake: Sequence[SourceIntake]) -> str:
    """A table for a terminal: each list with what became of its rows, and an example row of each reason."""
    lines: list[tuple[str, object, str, str, str]] = []
    for each in intake:
        lines.append((each.source, each.rows, "rows in all", "", ""))
        lines.append(("", each.to_be_sent, "to be sent", "", ""))
        lines += [
            ("", reason.rows, reason.bucket.value, f"row {reason.example_row}", reason_words(reason.code))
            for reason in each.reasons
        ]
    headers = ("intake", "rows", "", "first", "why")
    return tabulate(lines, headers=headers, disable_numparse=True, maxcolwidths=[None, None, None, None, 44])
