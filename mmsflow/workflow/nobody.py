"""Lists of which no row can be sent to: what became of their rows, and what would help."""

from __future__ import annotations

from mmsflow.audience.reasons import reason_words
from mmsflow.campaign.load import LoadedCampaign
from mmsflow.errors import InvalidInput
from mmsflow.plan.draft import Draft
from mmsflow.plan.intake import intake_as_text, intake_of
from mmsflow.workflow.inputs import list_path


def nobody_to_send_to(loaded: LoadedCampaign, draft: Draft) -> InvalidInput:
    """The error of a campaign without a message; its table is what became of the rows."""
    message = "no row of the lists can be sent to" if draft.rows else "the lists have no rows"
    table = intake_as_text(intake_of(draft)) if draft.rows else ""
    return InvalidInput([loaded.finding(("recipients",), message, _fix(loaded, draft))], table=table)


def _fix(loaded: LoadedCampaign, draft: Draft) -> str:
    """The commonest reason with its first row, or which list is to be filled."""
    if not draft.source_reasons:
        paths = [path for source in loaded.campaign.recipients if (path := list_path(source))]
        return f"put rows into {', '.join(paths)}" if paths else "name lists with rows"
    (source, bucket, code), rows = draft.source_reasons.most_common(1)[0]
    first = draft.source_examples[source, bucket, code][0]
    words = reason_words(code)
    return (
        f"{rows} of {draft.rows} rows: {words} (the first is row {first} of {source}); "
        f"`mmsflow check {loaded.shown_path} --rejects FILE` writes each row with its reason to a file"
    )
