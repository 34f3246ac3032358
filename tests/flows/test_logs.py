"""Logs of a flow run: what the core says is there, credentials are not."""

from __future__ import annotations

import io
import logging

import pytest

from flows.logs import show_core_logs


@pytest.mark.parametrize("name", ["harness", "prefect.flow_runs", "prefect.task_runs"])
def test_run_logs_hold_no_credentials(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", "hunter2-hunter2")
    logger, stream = logging.getLogger(name), io.StringIO()
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    try:
        show_core_logs()
        logging.getLogger(f"{name}.below").warning("refused %s", "hunter2-hunter2")
    finally:
        logger.removeHandler(handler)
    assert stream.getvalue() == "refused [redacted]\n"
    assert logging.getLogger("harness").isEnabledFor(logging.INFO)
