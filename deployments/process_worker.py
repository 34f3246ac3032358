"""The worker of a local stack: Prefect's process worker, which never loses a run that it has taken.

Importing this module puts it in the place of Prefect's own; `deployments.worker` does.
"""

from __future__ import annotations

import warnings
from typing import Any

from prefect.workers.process import ProcessWorker

from deployments.submitting import KeepsRuns

with warnings.catch_warnings():
    # Taking the place of the type "process" is the point.
    warnings.filterwarnings("ignore", message="Type 'HarnessProcessWorker'")

    class HarnessProcessWorker(KeepsRuns, ProcessWorker):
        """Takes the place of Prefect's own worker of the type ``process``."""

        async def run(self, flow_run: Any, configuration: Any, task_status: Any = None) -> Any:
            """Carry out a run in a process of its own."""
            await self.confirm(flow_run.id)
            return await super().run(flow_run, configuration, task_status)
