"""Where on the web page a notice's matter can be looked at and settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from mmsflow.daemon.model import CampaignCard
from mmsflow.ledger.operation import NewNotice

_ABOUT_ACCOUNTS = ("other_account", "client_id_new")  # answered where the campaign's plan is


def files_of(cards: Iterable[CampaignCard]) -> dict[str, str]:
    """The file of each campaign, by its name; a campaign of which no version was ever good has none."""
    return {card.campaign: card.file for card in cards if card.campaign}


def place_of(said: NewNotice, files: Mapping[str, str]) -> str:
    """The page's path and query, without a slash at its front; empty for the overview.

    Args:
        files: from ``files_of``.
    """
    about = said.name.partition("/")[0]
    if said.run and said.detail.get("cause") not in _ABOUT_ACCOUNTS:
        run = f"runs/{quote(said.run, safe='')}"
        return f"{run}/maybe-sent" if about == "maybe-sent" else run
    file = files.get(said.campaign)
    # What is wrong with a file stands on the overview: such a file has no plan.
    return f"plan?file={quote(file)}" if file and about != "faulty" else ""


def faulty_file(said: NewNotice) -> str:
    """The file that a notice says is faulty; empty for any other notice."""
    about, _, rest = said.name.partition("/")
    return rest.rpartition("/")[0] if about == "faulty" else ""
