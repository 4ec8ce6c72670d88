"""The channels that the settings ask for: all of each, or an error that names what is missing."""

from __future__ import annotations

from mmsflow.clock import Clock
from mmsflow.errors import UsageError
from mmsflow.ledger.operation import NoticeKind
from mmsflow.notifying.model import Channel
from mmsflow.settings import Settings

_WEBHOOK = ("webhook_url", "webhook_secret")
_MAIL = ("mail_host", "mail_from", "mail_to")


def channels_of(settings: Settings, clock: Clock) -> tuple[Channel, ...]:
    """What is configured, ready to send; nothing where nothing is.

    Raises:
        UsageError: a channel is set up by half, or cannot work as it is set up; the setting is named.
    """
    found: list[Channel] = []
    if _complete(settings, *_WEBHOOK):
        from mmsflow.notifying.webhook import Webhook  # httpx takes 0.1 s, which only those with a webhook pay

        found.append(
            Webhook(
                settings.webhook_url,
                settings.webhook_secret,
                clock,
                ca_file=settings.ca_file,
                proxy=settings.proxy,
            )
        )
    if _complete(settings, *_MAIL):
        from mmsflow.notifying.mail import Mail

        _both(settings, "mail_user", "mail_password")
        found.append(Mail(settings))
    return tuple(found)


def channel_names(settings: Settings, kind: NoticeKind) -> tuple[str, ...]:
    """By which channels a notice of this kind goes out, for ``Ledger.tell``; none where ``notify`` leaves it out."""
    if kind.value not in settings.notify:
        return ()
    configured = (("webhook", settings.webhook_url), ("mail", settings.mail_host))
    return tuple(name for name, place in configured if place)


def _complete(settings: Settings, *names: str) -> bool:
    """Whether all of these are set; False where none is."""
    given = [name for name in names if getattr(settings, name)]
    missing = [name for name in names if name not in given]
    if given and missing:
        raise UsageError(
            f"{given[0]} is set, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not",
            f"set {' and '.join(missing)} too, or take {given[0]} away; without both nothing is sent",
        )
    return bool(given)


def _both(settings: Settings, one: str, other: str) -> None:
    if bool(getattr(settings, one)) != bool(getattr(settings, other)):
        _complete(settings, one, other)
