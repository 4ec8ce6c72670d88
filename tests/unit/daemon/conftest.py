"""The desk of sending is shared with the tests of delivery."""

from __future__ import annotations

import sys
from pathlib import Path

for _folder in (Path(__file__).parent, Path(__file__).parents[1] / "delivery"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))
