"""The operations page says of the daemon what the code says."""

from __future__ import annotations

from pages import text_of

from mmsflow.daemon.events import EVENTS
from mmsflow.daemon.health import REASONS
from mmsflow.daemon.metrics import METRICS

PAGE = text_of("docs/operations.md")


def test_every_event_of_the_log_is_in_the_table_with_its_level_and_meaning() -> None:
    assert [name for name, (level, said) in EVENTS.items() if f"| `{name}` | {level} | {said} |" not in PAGE] == []


def test_every_metric_is_in_the_table_with_its_labels_and_meaning() -> None:
    rows = {
        name: f"| `{name}` | {', '.join(f'`{label}`' for label in labels)} | {said} |"
        for name, (said, labels) in METRICS.items()
    }

    assert [name for name, row in rows.items() if row not in PAGE] == []


def test_every_reason_of_the_health_is_in_the_table() -> None:
    assert [code for code, said in REASONS.items() if f"| `{code}` | {said} |" not in PAGE] == []
