"""A board to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .operating_board import OperatingBoard, board_in


@pytest.fixture
def board(tmp_path: Path) -> Iterator[OperatingBoard]:
    with board_in(tmp_path) as opened:
        yield opened
