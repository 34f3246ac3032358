"""What Kubernetes lets nobody change in an object that exists, for the tests of upgrades.

``python -m tests.k8s.immutable`` prints it for the chart as it is; a release keeps that as
tests/k8s/released/<chart version>.json.
"""

from __future__ import annotations

import json
from typing import Any

from tests.k8s.documents import Document, rendered

# In a StatefulSet everything else is immutable.
_STATEFUL_MUTABLE = {
    "replicas", "template", "updateStrategy", "minReadySeconds", "ordinals",
    "persistentVolumeClaimRetentionPolicy", "revisionHistoryLimit",
}  # fmt: skip


def immutable(documents: tuple[Document, ...]) -> dict[str, Any]:
    """The immutable part of each object by ``kind/name``; hooks are made anew each time."""
    found = {}
    for document in documents:
        if "helm.sh/hook" not in document["metadata"].get("annotations", {}):
            name = f"{document['kind']}/{document['metadata']['name']}"
            found[name] = _part(document["kind"], document.get("spec") or {}, document)
    return found


def _part(kind: str, spec: Document, document: Document) -> Any:
    if kind == "StatefulSet":
        part = {key: value for key, value in spec.items() if key not in _STATEFUL_MUTABLE}
        # Labels of a claim's template are ours to leave alone, too.
        return json.loads(json.dumps(part))
    if kind in {"Deployment", "Job"}:
        # A Job's name holds a digest of all of it.
        return {"selector": spec.get("selector")}
    if kind == "PersistentVolumeClaim":
        return spec
    if kind == "Service":
        return {"headless": spec.get("clusterIP") == "None"}
    if kind == "RoleBinding":
        return document["roleRef"]
    return None


if __name__ == "__main__":
    print(json.dumps(immutable(rendered("default")), indent=1, sort_keys=True))
