"""Pod Security level "restricted", and what this project asks beyond it, as a list of findings."""

from __future__ import annotations

from typing import Any

# https://kubernetes.io/docs/concepts/security/pod-security-standards/ (restricted).
_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip


def findings(spec: dict[str, Any], *, fixed_ids: bool = True) -> list[str]:
    """What is wrong with a pod's spec; empty when nothing is.

    :param fixed_ids: whether a pod has to name its uid, beyond the standard; where the cluster
        gives the ids (OpenShift), it must not name one.
    """
    found = []
    for flag in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(flag):
            found.append(flag)
    for volume in spec.get("volumes", []):
        if not set(volume) - {"name"} <= _VOLUMES:
            found.append(f"volume {volume['name']}")
    pod = spec.get("securityContext", {})
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        found += [f"{container['name']}: {text}" for text in _container(container, pod)]
        uid = container.get("securityContext", {}).get("runAsUser", pod.get("runAsUser"))
        if uid == 0 or (uid is None) == fixed_ids:
            found.append(f"{container['name']}: runAsUser")
    if not fixed_ids and {"runAsGroup", "fsGroup"} & set(pod):
        found.append("ids")
    if spec.get("enableServiceLinks") is not False:
        found.append("enableServiceLinks")
    if not spec.get("terminationGracePeriodSeconds", 30) <= 300:
        found.append("terminationGracePeriodSeconds")
    return found


def _container(container: dict[str, Any], pod: dict[str, Any]) -> list[str]:
    own = container.get("securityContext", {})
    found = []
    if own.get("allowPrivilegeEscalation") is not False:
        found.append("allowPrivilegeEscalation")
    if own.get("privileged", False):
        found.append("privileged")
    if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
        found.append("capabilities")
    if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
        found.append("runAsNonRoot")
    profile = own.get("seccompProfile", pod.get("seccompProfile", {}))
    if profile.get("type") not in {"RuntimeDefault", "Localhost"}:
        found.append("seccompProfile")
    if any(port.get("hostPort") for port in container.get("ports", [])):
        found.append("hostPort")
    # Beyond the standard: nothing writes into an image.
    if own.get("readOnlyRootFilesystem") is not True:
        found.append("readOnlyRootFilesystem")
    return found
