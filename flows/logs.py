"""Logs of the core in a run's own log, and no credentials in either."""

from __future__ import annotations

import logging

from harness.environment import environment_secrets
from harness.repository.log_redaction import redact_logs

# The loggers with handlers of Prefect's.
_WRITING = ("harness", "prefect", "prefect.flow_runs", "prefect.task_runs")


def show_core_logs() -> None:
    """Let ``harness`` log from INFO on; called at the start of each flow.

    ``PREFECT_LOGGING_EXTRA_LOGGERS=harness`` (prefect.yaml) gives that logger Prefect's
    handlers but no level, so that only warnings would pass. Setting the root's level instead
    would let every library in.
    """
    logging.getLogger("harness").setLevel(logging.INFO)
    for name in _WRITING:
        redact_logs(logging.getLogger(name), environment_secrets)
