"""The brakes of `stop_if`: which keys go together, and what a share of doubt may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mmsflow.campaign.model import StopIf
from mmsflow.delivery.doubt import DEFAULT_SHARE


@pytest.mark.parametrize(
    ("written", "share"),
    [({}, DEFAULT_SHARE), ({"doubtful": "10%"}, 0.1), ({"doubtful": 0.5}, 0.5), ({"doubtful": "off"}, None)],
)
def test_a_share_of_doubt_stands_alone_and_has_a_default(written: dict[str, object], share: float | None) -> None:
    rule = StopIf.model_validate(written)
    assert (rule.doubtful_share, rule.failed, rule.after) == (share, None, None)


@pytest.mark.parametrize("doubtful", ["0%", "101%", "never", "5", False, None, ["5%"]])
def test_a_share_of_doubt_that_is_none_is_refused(doubtful: object) -> None:
    with pytest.raises(ValidationError):
        StopIf.model_validate({"doubtful": doubtful})


@pytest.mark.parametrize("written", [{"failed": "20%"}, {"after": 10}, {"after": 10, "doubtful": "5%"}])
def test_a_share_of_failures_needs_its_count(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="go together"):
        StopIf.model_validate(written)
