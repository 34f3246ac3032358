"""What Kubernetes says about a pod or a Job, as one line with a remedy."""

from __future__ import annotations

from typing import Any

import pytest

from deployments import diagnosis


def _waits(reason: str) -> dict[str, Any]:
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": "words"}}}]}


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("ErrImagePull", diagnosis.IMAGE),
        ("InvalidImageName", diagnosis.IMAGE),
        ("ErrImageNeverPull", diagnosis.IMAGE),
        ("CreateContainerConfigError", diagnosis.CONFIGURATION),
        ("RunContainerError", diagnosis.NODE),
    ],
)
def test_a_container_that_waits(reason: str, name: str) -> None:
    found = diagnosis.waiting_pod(_waits(reason))
    assert found and found.name == name
    what, _, remedy = found.message.partition("; ")
    assert what == f"{reason}: words" and remedy


def test_an_init_container_waits_as_well() -> None:
    status = {"initContainerStatuses": _waits("ErrImagePull")["containerStatuses"]}
    found = diagnosis.waiting_pod(status)
    assert found and found.name == diagnosis.IMAGE


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"conditions": [{"type": "PodScheduled", "status": "True"}]},
        _waits("ContainerCreating"),
        _waits("PodInitializing"),
    ],
    ids=["new", "scheduled", "creating", "initializing"],
)
def test_a_pod_on_its_way_waits_for_nothing(status: dict[str, Any]) -> None:
    assert diagnosis.waiting_pod(status) is None


@pytest.mark.parametrize(
    ("kind", "reason", "message", "name"),
    [
        ("Job", "FailedCreate", 'pods "a" is forbidden: exceeded quota: q', diagnosis.QUOTA),
        ("Job", "FailedCreate", 'pods "a" is forbidden: violates PodSecurity', diagnosis.REFUSED),
        ("Pod", "FailedMount", "timed out waiting for the condition", diagnosis.VOLUME),
        ("Pod", "FailedCreatePodSandBox", "network: no addresses left", diagnosis.NODE),
        # Said of a healthy pod now and then, or by what is not ours.
        ("Pod", "Unhealthy", "Readiness probe failed", None),
        ("ReplicaSet", "FailedCreate", "exceeded quota", None),
    ],
)
def test_a_warning(kind: str, reason: str, message: str, name: str | None) -> None:
    found = diagnosis.warning(kind, reason, message)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"reason": "Evicted", "message": "The node was low on resource"}, "low on resource"),
        ({"reason": "NodeLost", "message": "Node n1 is gone"}, "its node was lost: Node n1"),
        ({"reason": "Terminated"}, "its node shut down: Terminated"),
        (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "New"}]},
            "taken away, New",
        ),
    ],
    ids=["evicted", "lost", "shut-down", "a-reason-of-tomorrow"],
)
def test_a_pod_that_is_taken_away(status: dict[str, Any], words: str) -> None:
    found = diagnosis.disruption(status)
    assert found and words in found.message


def test_the_pods_own_reason_is_told_before_the_jobs() -> None:
    reason = "BackoffLimitExceeded"
    failed = {"conditions": [{"type": "Failed", "status": "True", "reason": reason}]}
    killed = {"containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 3}}}]}
    told = diagnosis.ended(failed, [{}, killed])
    assert told and told.message == "c ended with exit code 3"
    alone = diagnosis.ended(failed, [])
    assert alone and reason in alone.message
    events = [("Scheduled", "Assigned to n1"), ("NodeNotReady", "Node is not ready")]
    lost = diagnosis.ended(failed, [], events)
    assert lost and "its node was lost: Node is not ready" in lost.message
    told = diagnosis.ended(failed, [killed], events)
    assert told and "exit code 3" in told.message, "a node may come back"
    assert diagnosis.ended({"conditions": []}, [{}]) is None
    assert diagnosis.ended(None, []) is None


def test_a_message_is_one_line_of_bounded_length() -> None:
    found = diagnosis.warning("Pod", "FailedMount", "line\n" * 10_000)
    assert found and "\n" not in found.message and len(found.message) < 1000
