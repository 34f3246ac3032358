"""What a cluster says about a Job that does not start, or has ended; and what the run then shows.

The words are Kubernetes': of the quota's admission, the scheduler, kubelet, the attach/detach
controller, the taint manager and the Job controller.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.fakes.kubernetes_api import Behaviour, Cluster, Object

_JOB_FAILED = {
    "failed": 1,
    "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}],
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One cause.

    :param pod: becomes part of the pod's status.
    :param event: of (kind, reason, message), about the Job or its pod.
    :param pod_goes: before the Job ends.
    :param job: becomes the Job's status, its end.
    :param running: the flow had started before.
    :param waits_as: the run's state before the Job ends, by name.
    :param state: the run's at last, by name.
    :param words: in the state's message, and in the notification.
    """

    name: str
    state: str
    words: str
    pod: Object = field(default_factory=dict)
    event: tuple[str, str, str] | None = None
    pod_goes: bool = False
    job: Object = field(default_factory=dict)
    running: bool = False
    waits_as: str = ""

    @property
    def behaviour(self) -> Behaviour:
        """How the Job begins."""
        return "refuse" if self.event and self.event[0] == "Job" else "wait"

    def begin(self, cluster: Cluster, job: Object) -> None:
        """Let the cluster say what keeps the pod from running."""
        name = job["metadata"]["name"]
        if self.pod:
            cluster.report(name, self.pod)
        if self.event:
            kind, reason, message = self.event
            cluster.warn(job if kind == "Job" else cluster.pod_of(name), reason, message)

    def end(self, cluster: Cluster, job: Object) -> None:
        """Let the Job end, if it does."""
        if self.pod_goes:
            cluster.lose_pod(job["metadata"]["name"])
        if self.job:
            cluster.end(job["metadata"]["name"], self.job)


def _waits(reason: str, message: str) -> Object:
    waiting = {"name": "prefect-job", "state": {"waiting": {"reason": reason, "message": message}}}
    scheduled = {"type": "PodScheduled", "status": "True"}
    return {"containerStatuses": [waiting], "conditions": [scheduled]}


def _taken(reason: str, message: str) -> Object:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    return {"phase": "Failed", "conditions": [condition]}


_QUOTA = (
    "Job",
    "FailedCreate",
    'Error creating: pods "lucky-otter-x" is forbidden: exceeded quota: harness, '
    "requested: requests.cpu=500m, used: requests.cpu=16, limited: requests.cpu=16",
)
TROUBLES = [
    Trouble("quota", "QuotaExceeded", "exceeded quota: harness", event=_QUOTA),
    Trouble(
        "image",
        "ImagePullFailed",
        'Back-off pulling image "harness:9"',
        pod=_waits("ImagePullBackOff", 'Back-off pulling image "harness:9"'),
    ),
    Trouble(
        "secret",
        "ConfigurationMissing",
        'secret "harness-prefect" not found',
        pod=_waits("CreateContainerConfigError", 'secret "harness-prefect" not found'),
    ),
    Trouble(
        "scheduling",
        "Unschedulable",
        "0/2 nodes are available: 2 Insufficient memory",
        pod={
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/2 nodes are available: 2 Insufficient memory.",
                }
            ]
        },
    ),
    Trouble(
        "volume",
        "VolumeUnavailable",
        "Multi-Attach error for volume",
        event=(
            "Pod",
            "FailedAttachVolume",
            'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) toolbox-1',
        ),
    ),
    Trouble(
        "evicted",
        "Crashed",
        "the pod was evicted: Pod ephemeral local storage usage exceeds",
        pod={
            "phase": "Failed",
            "reason": "Evicted",
            "message": "Pod ephemeral local storage usage exceeds the total limit.",
        },
        job=_JOB_FAILED,
        running=True,
    ),
    Trouble(
        "node-lost",
        "Crashed",
        "its node was lost",
        pod=_taken("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
        job=_JOB_FAILED,
        running=True,
    ),
    # As a worker sees it that was on the node, too, and has started again elsewhere.
    Trouble(
        "node-lost-unseen",
        "Crashed",
        "its node was lost: Node is not ready",
        event=("Pod", "NodeNotReady", "Node is not ready"),
        pod_goes=True,
        job=_JOB_FAILED,
        running=True,
    ),
    Trouble(
        "memory",
        "Crashed",
        "exceeded its memory limit (OOMKilled)",
        pod={
            "phase": "Failed",
            "containerStatuses": [
                {
                    "name": "prefect-job",
                    "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                }
            ],
        },
        job=_JOB_FAILED,
        running=True,
    ),
    # Nothing had started, so nothing is counted as failed; what it waited for is still known.
    Trouble(
        "deadline",
        "Crashed",
        "the Job's deadline has passed",
        event=_QUOTA,
        waits_as="QuotaExceeded",
        job={
            "conditions": [
                {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"},
            ]
        },
    ),
]
