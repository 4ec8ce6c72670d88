"""What carrying out a run needs of its campaign, frozen into the ledger as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mmsflow.campaign.amounts import AtMost, read_at_most
from mmsflow.delivery.doubt import DEFAULT_SHARE
from mmsflow.delivery.thresholds import Canary, StopIf
from mmsflow.errors import LedgerError
from mmsflow.plan.calendar import SendingCalendar, WindowRule
from mmsflow.plan.holidays import is_polish_holiday
from mmsflow.plan.quota import QuotaRules


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRules:
    """The frozen settings of one run.

    Attributes:
        start: first instant at which a message may be sent, aware.
        not_after: what is not sent by then is not sent at all; None for no deadline.
        per_second: submissions a second; None for as fast as the gateway takes them.
        quota: reserve and share.
        attempts: how often a message may be tried where a try is known to have failed.
        poll_until: how long after acceptance the delivery status is asked for.
        timezone: the campaign's zone, for what people read.
        formats: of the report.
        canary, stop_if: the campaign's own brakes; None without.
        doubtful: share of the latest outcomes that may be doubtful; None for all of them.
        resend_unknown: whether a message of unknown fate is sent once more.
        at_most: frequency cap over all campaigns of the account; None without.
        windows: when messages may go out, local in ``timezone``; always when empty.
        priority: from 0 to 9; while a run with a higher one can send, it waits.
        weight: its part of pace and quota beside other runs of the same priority, above 0.
        guaranteed: requests of each quota period that other campaigns leave to it.
    """

    start: datetime
    not_after: datetime | None
    per_second: float | None
    quota: QuotaRules
    attempts: int
    poll_until: timedelta
    timezone: str
    formats: tuple[str, ...]
    canary: Canary | None = None
    stop_if: StopIf | None = None
    doubtful: float | None = DEFAULT_SHARE
    resend_unknown: bool = False
    at_most: AtMost | None = None
    windows: tuple[WindowRule, ...] = ()
    priority: int = 5
    weight: int = 1
    guaranteed: int = 0

    @property
    def calendar(self) -> SendingCalendar:
        """The windows as spans of instants."""
        return SendingCalendar(self.windows, ZoneInfo(self.timezone), is_polish_holiday)

    def as_config(self) -> dict[str, object]:
        """JSON-able; ``from_config`` reads it back."""
        return {
            "start": self.start.isoformat(),
            "not_after": self.not_after.isoformat() if self.not_after else None,
            "per_second": self.per_second,
            "reserve": self.quota.reserve,
            "share": self.quota.share,
            "attempts": self.attempts,
            "poll_until_seconds": self.poll_until.total_seconds(),
            "timezone": self.timezone,
            "formats": list(self.formats),
            "canary": _canary_config(self.canary),
            "stop_if": [self.stop_if.failed, self.stop_if.after] if self.stop_if else None,
            "doubtful": self.doubtful,
            "resend_unknown": self.resend_unknown,
            "at_most": self.at_most.text if self.at_most else None,
            "windows": [window.as_config() for window in self.windows],
            "turn": [self.priority, self.weight],
            "guaranteed": self.guaranteed,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> RunRules:
        """Read what ``as_config`` wrote.

        Raises:
            LedgerError: the ledger's content is not what this version writes.
        """
        try:
            not_after, per_second, formats = config["not_after"], config["per_second"], config["formats"]
            priority, weight = _read_turn(config.get("turn"))
            return cls(
                start=datetime.fromisoformat(str(config["start"])),
                not_after=datetime.fromisoformat(str(not_after)) if not_after else None,
                per_second=float(str(per_second)) if per_second else None,
                quota=QuotaRules(int(str(config["reserve"])), float(str(config["share"]))),
                attempts=int(str(config["attempts"])),
                poll_until=timedelta(seconds=float(str(config["poll_until_seconds"]))),
                timezone=str(config["timezone"]),
                formats=tuple(str(item) for item in formats) if isinstance(formats, list) else (),
                canary=_read_canary(config.get("canary")),
                stop_if=_read_stop_if(config.get("stop_if")),
                doubtful=_read_share(config.get("doubtful", DEFAULT_SHARE)),
                resend_unknown=bool(config.get("resend_unknown")),
                at_most=read_at_most(config["at_most"]) if config.get("at_most") else None,
                windows=_read_windows(config.get("windows")),
                priority=priority,
                weight=weight,
                guaranteed=int(str(config.get("guaranteed", 0))),
            )
        except (KeyError, ValueError, OverflowError) as error:
            raise LedgerError(
                f"the ledger holds a run whose rules cannot be read: {error}", cause="ledger_damaged"
            ) from error


def _canary_config(canary: Canary | None) -> list[float] | None:
    return [canary.first, canary.wait.total_seconds(), canary.min_delivered] if canary else None


def _read_canary(value: object) -> Canary | None:
    if not isinstance(value, list):
        return None
    first, wait_seconds, min_delivered = value
    return Canary(int(first), timedelta(seconds=float(wait_seconds)), float(min_delivered))


def _read_stop_if(value: object) -> StopIf | None:
    if not isinstance(value, list):
        return None
    failed, after = value
    return StopIf(float(failed), int(after))


def _read_share(value: object) -> float | None:
    return None if value is None else float(str(value))


def _read_windows(value: object) -> tuple[WindowRule, ...]:
    # Runs of earlier versions have none.
    return tuple(WindowRule.from_config(each) for each in value) if isinstance(value, list) else ()


def _read_turn(value: object) -> tuple[int, int]:
    if not isinstance(value, list):
        return 5, 1
    priority, weight = value
    return int(priority), int(weight)
