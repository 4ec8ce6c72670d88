"""What every page of ours needs: a policy that names its style and script by hash, and characters that can be seen."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

# Control characters would be parse errors in HTML; their visible pictures (U+2400 …) stand for them instead.
VISIBLE_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}


def policy_hash(text: str) -> str:
    """How a Content-Security-Policy names an embedded style or script: ``sha256-…``."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def house_style() -> str:
    """The style sheet that all pages have in common."""
    return (files("mmsflow.report") / "templates" / "report.css").read_text("utf-8")
