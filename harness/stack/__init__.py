"""The local Prefect stack: one server, one `process` worker, all deployments.

:func:`up` and :func:`down` are all that the command line needs. Prefect runs as subprocesses
of this interpreter (``python -m prefect``) and is spoken to over HTTP, so nothing here
imports it: ``processes`` starts and ends them, ``state`` remembers them between commands,
``environment`` says what they see, ``api`` talks to the server, ``runs`` starts a
deployment's run and follows it, ``lifecycle`` puts these in order.
"""

from harness.stack.api import PrefectApi
from harness.stack.lifecycle import StackStatus, deploy, down, status, up
from harness.stack.ports import check_port, free_port
from harness.stack.runs import FlowRun, follow, read_run, start_run

__all__ = [
    "FlowRun",
    "PrefectApi",
    "StackStatus",
    "check_port",
    "deploy",
    "down",
    "follow",
    "free_port",
    "read_run",
    "start_run",
    "status",
    "up",
]
