"""What may fail after a worker has taken a run and before it has made the Job; what follows."""

from __future__ import annotations

from dataclasses import dataclass

from tests.fakes.interrupted import Fault

_READS_DEPLOYMENT = r"GET /api/deployments/[0-9a-f-]+ "
_READS_FLOW = r"GET /api/flows/[0-9a-f-]+ "
_TAKES = r'POST /api/flow_runs/[0-9a-f-]+/set_state .*"name":\s?"Pending"'
CREATES = r"POST /apis/batch/v1/namespaces/harness/jobs"
TRIES = 3
"""How often Prefect's integration asks for a Job; it repeats whatever fails."""


@dataclass(frozen=True, slots=True)
class Hiccup:
    """One fault, from which the run recovers.

    :param request: the requests that have it, one after the other.
    :param kubernetes: whether they go to Kubernetes' API.
    :param names: states, by name, that the run must have had meanwhile.
    """

    name: str
    request: str
    faults: tuple[Fault, ...]
    kubernetes: bool = False
    names: frozenset[str] = frozenset()


_PUT_BACK = frozenset({"Resubmitting"})
HICCUPS = (
    Hiccup("deployment-not-read", _READS_DEPLOYMENT, (Fault.ERROR,)),
    Hiccup("taken-unheard", _TAKES, (Fault.CUT_AFTER,)),
    Hiccup("taken-and-given-up", _TAKES, (Fault.CUT_AFTER, Fault.ERROR), names=_PUT_BACK),
    Hiccup("not-resolved", _READS_FLOW, (Fault.ERROR,), names=_PUT_BACK),
    Hiccup("job-refused", CREATES, (Fault.ERROR,) * TRIES, True, _PUT_BACK),
    Hiccup("job-refused-by-a-proxy", CREATES, (Fault.PAGE,) * TRIES, True, _PUT_BACK),
    Hiccup("job-cut", CREATES, (Fault.CUT_BEFORE,) * TRIES, True, _PUT_BACK),
    Hiccup("job-made-unheard", CREATES, (Fault.CUT_AFTER,), True),
    Hiccup(
        "job-made-and-given-up", CREATES, (Fault.CUT_AFTER, *(Fault.ERROR,) * 2), True, _PUT_BACK
    ),
)
