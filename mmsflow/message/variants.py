"""Arms of an A/B test: which number gets which, and their messages.

The arm follows from the campaign's name and the number alone, so that it is the same in every order of the lists, when
a run goes on and when a campaign is topped up. What would change it are another name of the campaign, other weights or
another order of the variants in the file.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate, combinations
from operator import attrgetter

from mmsflow.audience.model import Recipient
from mmsflow.campaign.model import Campaign, Message, QrAttachment, Variant
from mmsflow.campaign.templating import Templates
from mmsflow.errors import Finding
from mmsflow.media.library import MediaLibrary
from mmsflow.message.links import words_of_template
from mmsflow.message.model import PlannedMessage
from mmsflow.message.notes import Notes
from mmsflow.message.problems import RowProblems
from mmsflow.message.render import Composer, FaultyMessage
from mmsflow.message.slots import Place

_HASH_BYTES = 8
_OWN = ("subject", "attachments")


class Assignment:
    """Which arm each number gets.

    BLAKE2b with a digest of 64 bits over the campaign's name, a NUL and the number in E.164, read as a big-endian
    number h; with W the sum of the weights, h * W / 2**64 falls into one arm's part of the line from 0 to W, in the
    file's order. No release may change this: people would get another arm than before.
    """

    def __init__(self, campaign: str, weights: Sequence[int]) -> None:
        """Args: campaign: its name. weights: at least one, each at least 1."""
        self._begun = hashlib.blake2b(campaign.encode() + b"\0", digest_size=_HASH_BYTES)
        self._ends = list(accumulate(weights))

    def arm_of(self, msisdn: str) -> int:
        """0-based index of the number's arm."""
        digest = self._begun.copy()
        digest.update(msisdn.encode())
        point = int.from_bytes(digest.digest(), "big") * self._ends[-1] >> 8 * _HASH_BYTES
        return bisect_right(self._ends, point)


class VariantComposer:
    """Renders the messages of a campaign with variants; to be used as a `Composer`.

    Attributes:
        media, problems, notes: as a Composer has them, over all arms.
    """

    def __init__(self, campaign: Campaign, templates: Templates, media: MediaLibrary, place: Place) -> None:
        """Compile every arm's templates.

        Raises:
            FaultyMessage: everything that is wrong in any arm, once, at its place in the campaign file.
        """
        self.media = media
        self.problems = RowProblems()
        self.notes = Notes()
        self._assignment = Assignment(campaign.campaign, [variant.weight for variant in campaign.variants])
        self._arms: list[Composer] = []
        findings: list[Finding] = []
        variables: dict[str, tuple[str, int, int]] = {}
        for index, variant in enumerate(campaign.variants):
            found, used = self._add_arm(index, variant, message_of(campaign.message, variant), templates, place)
            findings += found
            variables = dict(used) | variables
        if findings:
            raise FaultyMessage(list(dict.fromkeys(findings)), variables)
        self.variables: Mapping[str, tuple[str, int, int]] = variables

    @property
    def unusual_types(self) -> set[str]:
        """Content types of any arm that not every handset shows."""
        return set().union(*(arm.unusual_types for arm in self._arms))

    def compose(self, recipients: Sequence[Recipient]) -> list[PlannedMessage]:
        """Messages for the recipients, in their order; rows with a problem are left out and recorded."""
        of_arm: defaultdict[int, list[Recipient]] = defaultdict(list)
        for recipient in recipients:
            of_arm[self._assignment.arm_of(recipient.msisdn)].append(recipient)
        messages = [message for index, theirs in of_arm.items() for message in self._arms[index].compose(theirs)]
        return sorted(messages, key=attrgetter("ordinal"))

    def _add_arm(
        self, index: int, variant: Variant, message: Message, templates: Templates, place: Place
    ) -> tuple[Sequence[Finding], Mapping[str, tuple[str, int, int]]]:
        def own_place(key: Sequence[str | int]) -> tuple[str, int, int]:
            own = key[0] == "message" and len(key) > 1 and getattr(variant, str(key[1]), None) is not None
            return place(("variants", index, *key[1:]) if own else key)

        if not message.subject.strip() and not message.attachments:
            what = f"variant {variant.name} has neither a subject nor attachments"
            return [Finding(*place(("variants", index)), what, "give it a `subject` or `attachments`")], {}
        try:
            arm = Composer(message, templates, self.media, own_place, variant=variant.name, notes=self.notes)
        except FaultyMessage as error:
            return error.findings, error.variables
        arm.problems = self.problems
        self._arms.append(arm)
        return [], arm.variables


def composer_of(
    campaign: Campaign, templates: Templates, media: MediaLibrary, place: Place
) -> Composer | VariantComposer:
    """What renders the campaign's messages.

    Raises:
        FaultyMessage: every template and static attachment that is wrong, at its place in the campaign file.
    """
    made = (
        VariantComposer(campaign, templates, media, place)
        if campaign.variants
        else Composer(campaign.message, templates, media, place)
    )
    look_at_codes(campaign, made.notes)
    return made


def look_at_codes(campaign: Campaign, notes: Notes) -> None:
    """Note what is remarkable about the texts of QR codes, as far as their templates write them out."""
    # A code's text is seen by nobody before it is read, so what is written out of it is looked at here.
    own = [(f"variant {variant.name}", variant.attachments or ()) for variant in campaign.variants]
    for where, attachments in [("message", campaign.message.attachments), *own]:
        for attachment in attachments:
            if isinstance(attachment, QrAttachment):
                notes.look_at_shared(words_of_template(attachment.qr), f"the QR code of {where}")


def message_of(message: Message, variant: Variant) -> Message:
    """The message of one arm: its own subject and attachments, the rest from the campaign's message."""
    own = {key: value for key in _OWN if (value := getattr(variant, key)) is not None}
    return message.model_copy(update=own)


def doubts(campaign: Campaign) -> list[str]:
    """What is odd about the campaign's variants, one sentence each; nothing of it is wrong."""
    variants = campaign.variants
    if len(variants) == 1:
        return [f"there is only one variant ({variants[0].name}), so there is nothing to compare"]
    messages = [message_of(campaign.message, variant) for variant in variants]
    return [
        f"the variants {variants[one].name} and {variants[other].name} say the same"
        for one, other in combinations(range(len(variants)), 2)
        if messages[one] == messages[other]
    ]
