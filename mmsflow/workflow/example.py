"""New workspaces: the example that travels with the package, and the small one that ``init`` makes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mmsflow
from mmsflow.campaign.schema import campaign_json_schema
from mmsflow.errors import MmsflowError, UsageError

_PARTS = ("mmsflow.toml", "campaigns", "lists", "media", "templates")
SCHEMA_FILE = "campaigns/campaign.schema.json"

_FILES = {
    "mmsflow.toml": """\
# Settings of this workspace; environment variables (MMSFLOW_…) override them.
# The simulator needs no account and no network. For the operator's gateway: gateway = "orange",
# and MMSFLOW_CLIENT_ID and MMSFLOW_CLIENT_SECRET in the environment.
gateway = "simulator"

# Numbers in this list never get anything, whatever a campaign says; it is read again before each send.
suppression = "lists/suppression.csv"
""",
    ".gitignore": """\
# The ledger and reports hold personal data, lists too: keep them out of the repository.
.mmsflow/
reports/
lists/
""",
    "campaigns/hello.yaml": """\
# yaml-language-server: $schema=campaign.schema.json
version: 1
campaign: hello
description: The first campaign
purpose: transactional
sender: ACME

recipients:
  - csv: lists/hello.csv

message:
  subject: "Hello {{ name }}"
  attachments:
    - text: templates/hello.txt.j2

poll: {until: 60s}
""",
    "templates/hello.txt.j2": """\
Dear {{ name }},

this is your first message from {{ city | default("us") }}.
""",
    "lists/suppression.csv": """\
number,reason
""",
    "lists/hello.csv": """\
number,name,city
+48501000101,Ola,Warszawa
+48601000102,Paweł,Gdańsk
+48731000103,Żaneta,
""",
}


def copy_example(target: Path) -> None:
    """Copy the example workspace to a folder that does not exist yet.

    Raises:
        UsageError: the folder exists and holds something, or cannot be made.
        MmsflowError: the installation lacks the example.
    """
    source = _example()
    _make(target)
    try:
        for name in _PARTS:
            if (source / name).is_dir():
                # Without the caches and run records that working in the example leaves behind.
                shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns(".*", "__pycache__"))
            else:
                shutil.copyfile(source / name, target / name)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}", "choose another folder") from None


def new_workspace(target: Path) -> list[Path]:
    """Make a small workspace that runs on the simulator; returns the files made.

    Raises:
        UsageError: the folder holds something already, or cannot be made.
    """
    _make(target)
    files = _FILES | {SCHEMA_FILE: schema_text()}
    made = []
    try:
        for folder in ("campaigns", "templates", "lists", "media", "reports"):
            (target / folder).mkdir(exist_ok=True)
        for name, text in files.items():
            (target / name).write_text(text, "utf-8")
            made.append(target / name)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}", "choose another folder") from None
    return made


def schema_text() -> str:
    """The JSON Schema as it stands beside campaigns."""
    return json.dumps(campaign_json_schema(), ensure_ascii=False, indent=2) + "\n"


def _example() -> Path:
    package = Path(mmsflow.__file__).parent
    # In a checkout the repository itself is the example workspace; a wheel carries a copy.
    for folder in (package / "example", package.parent):
        if (folder / "campaigns" / "winter-sale.yaml").is_file():
            return folder
    raise MmsflowError("the example workspace is missing from this installation", "install mmsflow again")


def _make(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise UsageError(f"{target} is not empty", "name a new or empty folder")
    except OSError as error:
        raise UsageError(f"{target} cannot be made: {error.strerror}", "choose another folder") from None
