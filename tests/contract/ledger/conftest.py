"""Each database that can hold a ledger; every test of this folder runs on every one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_factory import URLS, Ledgers


@pytest.fixture(params=URLS)
def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledgers]:
    """A ledger that nobody has opened yet."""
    opened = Ledgers(URLS[request.param](tmp_path))
    yield opened
    opened.close()
