"""Runs the console script's entry point with everything logged that any library has to say; started as a process.

With arguments it is the script, once; without, it serves requests as ``preloaded`` does. ``WATCHED_LOG`` names the
log's file. ``WATCHED_CRASH`` makes the reading of the quota fail with that text.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings

from acceptance import preloaded

import mmsflow.cli.main
import mmsflow.gateway.client


def main() -> None:
    """The script, watched."""
    logging.basicConfig(level=logging.DEBUG, filename=os.environ["WATCHED_LOG"], force=True)
    logging.captureWarnings(True)
    warnings.simplefilter("always")
    if text := os.environ.get("WATCHED_CRASH"):

        def fail(_: bytes) -> None:
            raise RuntimeError(text)

        setattr(mmsflow.gateway.client, "read_limit", fail)  # noqa: B010 - the name is not its to export
    mmsflow.cli.main.main()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.argv[0] = "mmsflow"
        main()
    setattr(preloaded, "main", main)  # noqa: B010 - nor this one
    preloaded.serve()
