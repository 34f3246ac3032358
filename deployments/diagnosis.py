"""Why Kubernetes does not start a flow run's pod, or has ended it: pure functions of what its API
says. The words of a reason are Kubernetes', the remedy is ours.

Sources: conditions and reasons of a pod's and a Job's status are those of the API reference; the
texts matched here (``exceeded quota``, ``Multi-Attach``) are written by the admission plugin
``resourcequota`` and the attach/detach controller, and are not promised by anybody. What is not
recognised keeps its own words under a general name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_MAX_CHARS = 600


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A reason: ``name`` of the state that shows it, and one line, "what is wrong; what to do"."""

    name: str
    message: str


QUOTA = "QuotaExceeded"
REFUSED = "PodRefused"
IMAGE = "ImagePullFailed"
CONFIGURATION = "ConfigurationMissing"
UNSCHEDULABLE = "Unschedulable"
VOLUME = "VolumeUnavailable"
NODE = "CannotStart"
ENDED = "Crashed"
WAITING = (QUOTA, REFUSED, IMAGE, CONFIGURATION, UNSCHEDULABLE, VOLUME, NODE)
"""Names of the states of a run that waits for something; their type is PENDING. The automation
``harness-cannot-start`` knows them."""

_REMEDIES = {
    QUOTA: "raise the namespace's ResourceQuota, or run fewer or smaller Jobs (jobs.atOnce)",
    REFUSED: "correct what it names in the values of the chart, or the namespace's own limits",
    IMAGE: "make the image available to every node (harness.image, imagePullSecrets)",
    CONFIGURATION: "create what it names: Secrets with k8s/create-secrets.sh, the rest with Helm",
    UNSCHEDULABLE: "make room on a node that fits, or ask for less (docs/kubernetes.md)",
    VOLUME: "find what holds or lacks the volume: kubectl describe pod (docs/kubernetes.md)",
    NODE: "look at the node: kubectl describe pod, kubectl describe node",
}
_CONTAINER_WAITS = {
    "ErrImagePull": IMAGE,
    "ImagePullBackOff": IMAGE,
    "InvalidImageName": IMAGE,
    "ErrImageNeverPull": IMAGE,
    "RegistryUnavailable": IMAGE,
    "CreateContainerConfigError": CONFIGURATION,
    "CreateContainerError": NODE,
    "RunContainerError": NODE,
}
_POD_EVENTS = {
    "FailedMount": VOLUME,
    "FailedAttachVolume": VOLUME,
    "FailedCreatePodSandBox": NODE,
}
# Reasons of the condition DisruptionTarget.
_DISRUPTIONS = {
    "PreemptionByScheduler": "a pod of higher priority took its place",
    "DeletionByTaintManager": "its node was lost, or tainted so that nothing may run there",
    "DeletionByPodGC": "its node was lost",
    "EvictionByEvictionAPI": "its node is being drained",
    "TerminationByKubelet": "its node shut down or ran short of something",
}
# Reasons of a pod's status without such a condition.
_ENDS = {
    "NodeLost": "its node was lost",
    "NodeShutdown": "its node shut down",
    "Terminated": "its node shut down",
    "Shutdown": "its node shut down",
    "Preempting": "a pod of higher priority took its place",
    "UnexpectedAdmissionError": "its node refused it",
}

# Reasons of events about a pod: all that is left when it is gone.
_LAST_WORDS = {
    "NodeNotReady": "its node was lost",
    "TaintManagerEviction": "its node was lost, or tainted so that nothing may run there",
}


def waiting_pod(status: Mapping[str, Any]) -> Diagnosis | None:
    """Why a pod has not started, from its status; None where nothing is known to be wrong."""
    for container in _containers(status):
        waits = (container.get("state") or {}).get("waiting") or {}
        if name := _CONTAINER_WAITS.get(waits.get("reason", "")):
            return _waiting(name, f"{waits['reason']}: {waits.get('message') or 'no details'}")
    condition = _condition(status, "PodScheduled")
    if condition.get("status") == "False" and condition.get("reason") == "Unschedulable":
        return _waiting(UNSCHEDULABLE, condition.get("message") or "no node takes the pod")
    return None


def is_scheduled(status: Mapping[str, Any]) -> bool:
    """Whether a pod has a node."""
    return _condition(status, "PodScheduled").get("status") == "True"


def warning(kind: str, reason: str, message: str) -> Diagnosis | None:
    """What an event says about a Job or a pod that has not started; None where it says nothing.

    :param kind: of the object that the event is about: ``Job`` or ``Pod``.
    :param reason: the event's reason.
    """
    if kind == "Job" and reason == "FailedCreate":
        return _waiting(QUOTA if "exceeded quota" in message else REFUSED, message)
    if kind == "Pod" and (name := _POD_EVENTS.get(reason)):
        return _waiting(name, f"{reason}: {message}")
    return None


def disruption(status: Mapping[str, Any]) -> Diagnosis | None:
    """Why Kubernetes takes a pod away, or has done so; None where it does not."""
    if status.get("reason") == "Evicted":
        return _ended(f"the pod was evicted: {status.get('message') or 'no details'}")
    condition = _condition(status, "DisruptionTarget")
    if condition.get("status") == "True":
        reason = condition.get("reason", "")
        words = _DISRUPTIONS.get(reason, reason)
        return _ended(f"the pod was taken away, {words}: {condition.get('message') or reason}")
    if words := _ENDS.get(status.get("reason", "")):
        return _ended(f"the pod ended, {words}: {status.get('message') or status['reason']}")
    return None


def ended(
    job: Mapping[str, Any] | None,
    pods: Iterable[Mapping[str, Any]],
    events: Iterable[tuple[str, str]] = (),
) -> Diagnosis | None:
    """Why a run's Job has ended without the run: the pods' own reasons, then the Job's.

    :param job: the Job's status; None when the Job is gone.
    :param pods: the statuses of its pods.
    :param events: reason and message of those about pods that are gone.
    """
    for status in pods:
        found = disruption(status) or _killed(status)
        if found:
            return found
    condition = _condition(job or {}, "Failed")
    if condition.get("status") != "True":
        return None
    if condition.get("reason") == "DeadlineExceeded":
        return _ended("the Job's deadline has passed (active_deadline_seconds of the deployment)")
    for reason, message in events:
        if words := _LAST_WORDS.get(reason):
            return _ended(f"the pod was taken away, {words}: {message or reason}")
    reason, message = condition.get("reason", "Failed"), condition.get("message") or ""
    return _ended(f"the Job failed, {reason}: {message}")


def _killed(status: Mapping[str, Any]) -> Diagnosis | None:
    for container in _containers(status):
        ended_as = (container.get("state") or {}).get("terminated") or {}
        if ended_as.get("reason") == "OOMKilled":
            return _ended(
                f"{container.get('name')} exceeded its memory limit (OOMKilled); raise "
                "memory_limit of the deployment (jobs.memoryLimit)"
            )
        if ended_as.get("exitCode"):
            return _ended(f"{container.get('name')} ended with exit code {ended_as['exitCode']}")
    return None


def _containers(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        container
        for key in ("initContainerStatuses", "containerStatuses")
        for container in status.get(key) or []
    ]


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = [
        condition for condition in status.get("conditions") or [] if condition.get("type") == kind
    ]
    return found[-1] if found else {}


def _waiting(name: str, words: str) -> Diagnosis:
    return Diagnosis(name, f"{_line(words)}; {_REMEDIES[name]}")


def _ended(words: str) -> Diagnosis:
    return Diagnosis(ENDED, _line(words))


def _line(words: str) -> str:
    return " ".join(words.split()).rstrip(".;")[:_MAX_CHARS]
