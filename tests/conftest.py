"""No test touches the state folder of whoever runs it: the witnesses of tests' ledgers lie in a folder of their own."""

from __future__ import annotations

import os
import tempfile

os.environ["XDG_STATE_HOME"] = f"{tempfile.gettempdir()}/mmsflow-tests-{os.getuid()}"
