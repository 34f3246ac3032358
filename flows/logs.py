"""Logs of the core in a run's own log."""

from __future__ import annotations

import logging


def show_core_logs() -> None:
    """Let ``harness`` log from INFO on; called at the start of each flow.

    ``PREFECT_LOGGING_EXTRA_LOGGERS=harness`` (prefect.yaml) gives that logger Prefect's
    handlers but no level, so that only warnings would pass. Setting the root's level instead
    would let every library in.
    """
    logging.getLogger("harness").setLevel(logging.INFO)
