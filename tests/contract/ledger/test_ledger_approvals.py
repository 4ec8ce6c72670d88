"""Approvals: bound to one plan of one campaign on one account, and used up by the run that is frozen with it."""

from __future__ import annotations

import pytest
from ledger_factory import ACCOUNT, NEW_RUN, Ledgers, after, freeze, planned

from mmsflow.ledger.operation import Approval
from mmsflow.ledger.store import Ledger

PLAN, OTHER_PLAN = NEW_RUN.plan_sha256, "f" * 64
SEEN: dict[str, object] = {"messages": 4, "inputs": [["list", "lists/żółte.csv", "a" * 64]]}
CAMPAIGN = NEW_RUN.campaign


def approve(ledger: Ledger, digest: str = PLAN, who: str = "Ewa", seconds: float = 0) -> Approval:
    approval = Approval(digest, after(seconds), who, SEEN)
    ledger.approve(ACCOUNT, CAMPAIGN, approval)
    return approval


def last(ledger: Ledger) -> Approval:
    found = ledger.last_approval(ACCOUNT, CAMPAIGN)
    assert found is not None
    return found


def test_an_approval_comes_back_as_it_was_given_also_to_whoever_only_reads(ledgers: Ledgers) -> None:
    given = approve(ledgers.write())
    found = ledgers.read().last_approval(ACCOUNT, CAMPAIGN)
    assert found == given
    assert found.holds_for(PLAN)
    assert not found.holds_for(OTHER_PLAN)


@pytest.mark.parametrize(("account", "campaign"), [("another account", CAMPAIGN), (ACCOUNT, "another-campaign")])
def test_an_approval_is_for_one_campaign_on_one_account(ledgers: Ledgers, account: str, campaign: str) -> None:
    ledger = ledgers.write()
    approve(ledger)
    assert ledger.last_approval(account, campaign) is None
    freeze(ledger, run="of-others", account=account, campaign=campaign)
    assert last(ledger).holds_for(PLAN)


def test_the_newest_approval_counts_whatever_the_clock_says(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    approve(ledger, PLAN, seconds=60)
    approve(ledger, OTHER_PLAN, "Jan", seconds=0)
    assert (last(ledger).who, last(ledger).holds_for(PLAN)) == ("Jan", False)


def test_the_run_of_the_plan_uses_its_approval_up_and_says_in_its_history_who_gave_it(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    given = approve(ledger)
    run = freeze(ledger)
    assert (last(ledger).run, last(ledger).holds_for(PLAN)) == (run.run, False)
    used = ledger.approval_for(run.key)
    assert used is not None
    assert (used.who, used.at, used.digest) == (given.who, given.at, run.plan_sha256)
    (event,) = ledger.run_events(run.key)
    assert event.reason == "approved by Ewa"
    assert event.detail == {"approved_at": given.at.isoformat(), "plan_sha256": PLAN}


def test_two_peoples_approvals_of_one_plan_are_used_up_by_one_run(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    approve(ledger, who="Ewa")
    approve(ledger, who="Jan")
    run = freeze(ledger)
    again = freeze(ledger, run="winter-sale-20261201-2")
    assert not last(ledger).holds_for(PLAN)
    assert ledger.approval_for(again.key) is None
    used = ledger.approval_for(run.key)
    assert used is not None
    assert used.who == "Jan"


def test_an_approval_after_a_run_is_for_the_next_one_of_the_same_plan(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    approve(ledger, who="Ewa")
    first = freeze(ledger)
    approve(ledger, who="Jan")  # at the very instant of the first
    assert last(ledger).holds_for(PLAN)
    second = freeze(ledger, run="winter-sale-20261201-2")
    names = [used.who for run in (first, second) if (used := ledger.approval_for(run.key))]
    assert names == ["Ewa", "Jan"]


def test_a_run_of_another_plan_and_a_test_leave_an_approval_as_it_is(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    approve(ledger)
    other = freeze(ledger, run="other-plan", plan_sha256=OTHER_PLAN)
    test = freeze(ledger, run="a-test", test=True)
    assert last(ledger).holds_for(PLAN)
    assert [ledger.approval_for(run.key) for run in (other, test)] == [None, None]
    assert ledger.run_events(other.key) == []


def test_a_run_that_could_not_be_frozen_uses_nothing_up(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    approve(ledger)
    with pytest.raises(ZeroDivisionError):
        ledger.freeze_run(NEW_RUN, ((planned(1), 1 // 0) for _ in range(1)), ())
    assert last(ledger).holds_for(PLAN)
