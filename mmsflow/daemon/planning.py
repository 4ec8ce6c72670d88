"""Plans of campaigns as they are now: one at a time, read in a thread, their drafts closed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from mmsflow.audience.history import queries_of
from mmsflow.clock import Clock
from mmsflow.daemon.catalogue import Version
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.model import FrozenInput, QuotaReading
from mmsflow.ledger.operation import Approval
from mmsflow.ledger.store import Ledger
from mmsflow.plan.model import Plan
from mmsflow.settings import Settings
from mmsflow.showing.search import Names, SearchIndex
from mmsflow.wiring import reset_rules
from mmsflow.workflow.approving import approval_of, changes_since
from mmsflow.workflow.aside import prepare_aside
from mmsflow.workflow.blockers import blockers_of_plan
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.intake import Intake
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import Prepared, Seen
from mmsflow.workflow.preview import Wish, preview, write_page
from mmsflow.workflow.standing import changed_files

_GOOD_FOR = timedelta(minutes=10)  # dates and quota of a plan are as of when it was made
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Made:
    """A plan, how it stands with the campaign's approval, and what speaks against sending its messages."""

    plan: Plan
    approval: Approval | None
    changes: tuple[str, ...]
    blockers: tuple[Blocker, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kept:
    made: Made
    sha256: str
    due: datetime | None
    inputs: tuple[FrozenInput, ...]
    at: datetime


class Planner:
    """Plans and previews campaigns.

    Args:
        settings, ledger, gateway, clock: in force; the ledger is open for writing.
        intake: what is given to a campaign beside its file, for a scheduled time.
        guaranteed: by campaign, what others leave to it of each quota period.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        gateway: GatewayClient,
        clock: Clock,
        intake: Callable[[datetime | None], Intake],
        guaranteed: Callable[[], Mapping[str, int]],
    ) -> None:
        self._settings, self._ledger, self._gateway, self._clock = settings, ledger, gateway, clock
        self._intake, self._guaranteed = intake, guaranteed
        self._one = asyncio.Lock()
        self._kept: dict[str, _Kept] = {}

    async def ask_quota(self) -> QuotaReply:
        """Read the gateway's counter and keep the reading.

        Raises:
            GatewayRefused, GatewayUnavailable: as the client says.
        """
        reply = await self._gateway.limit()
        reading = QuotaReading(self._clock.now(), self._settings.account, reply.used, reply.available, reply.reset_on)
        self._ledger.record_quota(reading)
        return reply

    @asynccontextmanager
    async def prepared(
        self, version: Version, seen: Seen | None = None, due: datetime | None = None
    ) -> AsyncIterator[Prepared]:
        """The campaign in that version with everything that it names as it is now; the draft is closed at the end.

        Args:
            seen: told the recipients of each batch.
            due: the scheduled time that it is for; None for now.

        Raises:
            InvalidInput: something is wrong.
        """
        async with self._one:
            prepared = await prepare_aside(
                version.loaded.path,
                self._settings.workspace,
                intake=self._intake(due),
                seen=seen,
                loaded=version.loaded,
            )
            with prepared.draft:
                yield prepared

    @asynccontextmanager
    async def planned(
        self, version: Version, due: datetime | None, *, seen_for: datetime | None = None
    ) -> AsyncIterator[tuple[Prepared, Plan]]:
        """The same with its plan, for a scheduled time or for now.

        Args:
            seen_for: the time for which a person has seen it, where that is another one: caps were judged as of then.

        Raises:
            InvalidInput, GatewayRefused, GatewayUnavailable, PlanRefused: it cannot be planned.
        """
        async with self.prepared(version, due=seen_for or due) as prepared:
            yield prepared, await self.plan_of(prepared, due)

    async def plan_of(self, prepared: Prepared, due: datetime | None = None) -> Plan:
        """The plan of what was prepared, against the quota as it is now.

        Raises:
            GatewayRefused, GatewayUnavailable, PlanRefused: it cannot be planned.
        """
        reply = await self.ask_quota()
        return plan_campaign(
            prepared,
            reply,
            self._ledger,
            account=self._settings.account,
            resets=reset_rules(self._settings),
            now=self._clock.now(),
            due=due,
            guaranteed=self._guaranteed(),
            rate=self._settings.rate,
        )

    async def make(self, version: Version, due: datetime | None) -> Made:
        """A plan for people to look at; one that is still true is not made again."""
        approval = approval_of(self._ledger, self._settings.account, version.name)
        kept = self._kept.get(version.name)
        if kept is not None and await self._still_true(kept, version, due, approval):
            return kept.made
        async with self.planned(version, due) as (prepared, plan):
            changes = changes_since(approval, prepared, plan) if approval else ()
            made = Made(plan, approval, changes, tuple(blockers_of_plan(self._ledger, self._settings, prepared)))
            # What the ledger says of earlier messages and of other runs changes without any file.
            if prepared.cap is None and not made.blockers and not list(queries_of(version.campaign)):
                self._kept[version.name] = _Kept(made, version.loaded.sha256, due, prepared.inputs, self._clock.now())
        return made

    async def _still_true(self, kept: _Kept, version: Version, due: datetime | None, approval: Approval | None) -> bool:
        if (kept.sha256, kept.due, kept.made.approval) != (version.loaded.sha256, due, approval):
            return False
        if self._clock.now() - kept.at > _GOOD_FOR:
            return False
        files = [item for item in kept.inputs if item.kind != "campaign"]
        return not await asyncio.to_thread(changed_files, files, self._settings.workspace)

    def forget(self, campaign: str) -> None:
        """Make the campaign's plan anew when it is asked for next."""
        self._kept.pop(campaign, None)

    async def page(self, version: Version) -> str:
        """The campaign's preview page, numbers masked.

        Raises:
            InvalidInput: something is wrong.
        """
        names = Names()
        async with self.prepared(version, names) as prepared:
            return await asyncio.to_thread(self._page, prepared, SearchIndex(names.by_ordinal, show_numbers=False))

    def _page(self, prepared: Prepared, index: SearchIndex) -> str:
        seen = preview(prepared, Wish(_SHOWN), index)
        with TemporaryDirectory(prefix="mmsflow-") as folder:
            path = Path(folder) / "preview.html"
            write_page(prepared, seen, index, path, now=self._clock.now())
            return path.read_text("utf-8")
