"""The files that a campaign is made from, by content, as a run freezes them."""

from __future__ import annotations

import hashlib

from mmsflow.audience.read import Audience
from mmsflow.campaign.load import LoadedCampaign
from mmsflow.campaign.sources import Source
from mmsflow.campaign.templating import Templates
from mmsflow.ledger.model import Blob, FrozenInput
from mmsflow.media.library import MediaLibrary

LIST_FORMS = ("csv", "jsonl", "xlsx")  # the keys with which a campaign file names a list


def frozen_inputs(
    loaded: LoadedCampaign, audience: Audience, templates: Templates, media: MediaLibrary
) -> tuple[tuple[FrozenInput, ...], tuple[Blob, ...]]:
    """Every file that was read, with its digest, and the contents of those that a run keeps: campaign file, templates.

    To be called once all rows are read; a list's digest is that of all of it.
    """
    inputs = [FrozenInput("campaign", loaded.shown_path, loaded.sha256, len(loaded.text_bytes))]
    blobs = [Blob(loaded.sha256, "application/yaml", loaded.text_bytes)]
    recipients = {list_path(source) for source in loaded.campaign.recipients}
    inputs += [
        FrozenInput("list" if item.path in recipients else "exclude", item.path, item.sha256, item.size_bytes)
        for item in audience.inputs
    ]
    for path, content in templates.files.items():
        digest = hashlib.sha256(content).hexdigest()
        inputs.append(FrozenInput("template", path, digest, len(content)))
        blobs.append(Blob(digest, "text/x-jinja", content))
    for path, original in media.originals.items():
        if path not in templates.files:
            inputs.append(FrozenInput("media", path, original.sha256, original.size_bytes))
    distinct = {blob.sha256: blob for blob in blobs}
    return tuple(dict.fromkeys(inputs)), tuple(distinct.values())


def list_path(source: Source) -> str:
    """The list that a source reads, as the campaign names it; empty for one that reads none."""
    return next((str(path) for form in LIST_FORMS if (path := getattr(source, form, ""))), "")
